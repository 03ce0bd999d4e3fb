"""Rounds as the gallery shows them: from documents, heads and the asking user to views."""

from __future__ import annotations

from collections.abc import Iterable

from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import InputError
from pressrun.core.locales import Direction, direction, display_name
from pressrun.core.media import medium_of
from pressrun.core.render import RenderedFile
from pressrun.core.review import REASON_CODES, ReviewRound, RoundClosed, Tally, tally
from pressrun.gallery.auth import User
from pressrun.gallery.desk import ReviewDesk
from pressrun.gallery.views import (
    CandidateView,
    CellView,
    ClosedView,
    DecisionView,
    FileView,
    ItemView,
    LeftOutView,
    NoteView,
    RoundHead,
    RoundSummary,
    RoundView,
    UserView,
)
from pressrun.steps.decisions import Heads, read_history
from pressrun.steps.review import RoundStatus, cell_axes, may_decide, may_finish


def round_view(desk: ReviewDesk, status: RoundStatus, user: User, *, may_write: bool) -> RoundView:
    """A whole round as `user` may see it. `may_write` is the deployment's own permission to decide."""
    review_round, collection = status.round, desk.collection(status.round)
    heads = desk.heads(review_round.campaign)
    verdict = tally(collection.items, heads, want=review_round.want)
    axes = cell_axes(collection.items)
    writable = may_write and status.closed is None
    decisions = desk.decisions(review_round, collection, heads)
    cells = [
        _cell(axes, items, decisions, verdict, may_decide=writable and _decides(review_round, user, items))
        for items in group(item for item in collection.items if item.reviewable).values()
    ]
    return RoundView(
        **_head(review_round),
        want=review_round.want,
        closed=closed_view(status.closed) if status.closed else None,
        user=UserView(id=user.id, name=user.name),
        may_decide=any(cell.may_decide for cell in cells),
        may_finish=writable and may_finish(review_round, user.id),
        settled=verdict.settled,
        cells_settled=len(cells) - len(verdict.open_cells) - len(verdict.over_approved_cells),
        counts=verdict.count(),
        reasons=list(REASON_CODES),
        filters={axis: _values(collection, axis) for axis in axes},
        cells=cells,
        left_out=[_left_out(item) for item in collection.items if not item.reviewable],
    )


def round_summary(desk: ReviewDesk, status: RoundStatus, user: User, heads: Heads) -> RoundSummary:
    """A round as one line of the queue."""
    review_round, closed = status.round, status.closed
    collection = desk.collection(review_round)
    cells = group(item for item in collection.items if item.reviewable)
    verdict = tally(collection.items, heads, want=review_round.want)
    to_go = () if closed else (*verdict.open_cells, *verdict.over_approved_cells)
    return RoundSummary(
        **_head(review_round),
        closed_at=closed.at if closed else None,
        closed_by=closed.by if closed else None,
        cells=len(cells),
        to_go=len(to_go),
        yours=sum(_decides(review_round, user, cells[cell]) for cell in to_go),
        counts=closed.counts if closed else verdict.count(),
    )


def item_view(desk: ReviewDesk, review_round: ReviewRound, item: CollectedItem) -> ItemView:
    """A candidate with its parameters and its history."""
    plan = desk.plan(desk.collection(review_round))
    planned = next((one for one in plan.items if one.item_id == item.item_id), None) if plan else None
    return ItemView(
        item_id=item.item_id,
        label=item.label,
        sha256=item.sha256,
        row=planned.row if planned else None,
        seed=planned.seed if planned else None,
        batch=planned.batch.label if planned and planned.batch else None,
        params=dict(planned.params) if planned else {},
        history=[
            desk.decision_view(review_round, record)
            for record in read_history(desk.ws, review_round.campaign, item.item_id)
        ],
    )


def group(items: Iterable[CollectedItem]) -> dict[str, list[CollectedItem]]:
    """Items by cell, in collection order."""
    cells: dict[str, list[CollectedItem]] = {}
    for item in items:
        cells.setdefault(item.cell_id, []).append(item)
    return cells


def closed_view(closed: RoundClosed) -> ClosedView:
    return ClosedView(by=closed.by, at=closed.at, counts=closed.counts, carried_over=closed.carried_over)


def _head(review_round: ReviewRound) -> dict[str, object]:
    return {name: getattr(review_round, name) for name in RoundHead.model_fields}


def _decides(review_round: ReviewRound, user: User, items: list[CollectedItem]) -> bool:
    """Whether the user is on the list of a cell's market."""
    return may_decide(review_round, user.id, items[0].axes.get("locale") or "*")


def _cell(
    axes: tuple[str, ...],
    items: list[CollectedItem],
    decisions: dict[str, DecisionView],
    verdict: Tally,
    *,
    may_decide: bool,
) -> CellView:
    first = items[0]
    locale = first.axes.get("locale", "")
    shared = {axis: first.axes[axis] for axis in axes}
    return CellView(
        cell_id=first.cell_id,
        label=" · ".join(shared.values()),
        axes=shared,
        locale=locale,
        locale_name=_locale_name(locale),
        direction=_direction(locale),
        open=first.cell_id in verdict.open_cells,
        over=first.cell_id in verdict.over_approved_cells,
        may_decide=may_decide,
        candidates=[_candidate(item, axes, decisions.get(item.item_id), verdict) for item in items],
    )


def _candidate(
    item: CollectedItem, axes: tuple[str, ...], decision: DecisionView | None, verdict: Tally
) -> CandidateView:
    own = [value for axis, value in sorted(item.axes.items()) if axis not in axes]
    return CandidateView(
        item_id=item.item_id,
        label=" · ".join(own) + (f" · round {item.round}" if item.round else ""),
        axes=item.axes,
        sha256=item.sha256 or "",
        sequence=decision.sequence if decision else 0,
        state=verdict.states[item.item_id],
        decision=decision,
        reused=item.state == "reused",
        image=f"items/{item.item_id}/image",
        thumb=f"items/{item.item_id}/thumb",
        width=item.width,
        height=item.height,
        files=[_file(item, part, file) for part, file in enumerate(item.files)],
        notes=[NoteView(code=note.code, reason=note.reason) for note in item.notes],
    )


def _file(item: CollectedItem, part: int, file: RenderedFile) -> FileView:
    place = f"items/{item.item_id}/files/{part}"
    return FileView(
        url=place,
        thumb=f"{place}/thumb" if file.thumb_uri else None,
        medium=medium_of(file.media_type, file.playback),
        media_type=file.media_type,
        width=file.width,
        height=file.height,
        seconds=file.playback.seconds if file.playback else None,
        frames=file.playback.frames if file.playback else None,
        sound=file.playback is not None and file.playback.loudness is not None,
    )


def _left_out(item: CollectedItem) -> LeftOutView:
    has_picture = item.image_uri is not None
    return LeftOutView(
        item_id=item.item_id,
        label=item.label,
        state=item.state,
        reason=item.reason,
        code=item.code,
        image=f"items/{item.item_id}/image" if has_picture else None,
        thumb=f"items/{item.item_id}/thumb" if has_picture else None,
    )


def _values(collection: Collection, axis: str) -> list[str]:
    return list(dict.fromkeys(item.axes[axis] for item in collection.items if axis in item.axes))


def _direction(locale: str) -> Direction:
    try:
        return direction(locale)
    except InputError:
        return "ltr"


def _locale_name(locale: str) -> str:
    try:
        return display_name(locale)
    except InputError:
        return locale

"""The review desk: rounds as their views, read from the work bucket with as few requests as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from pressrun.core import keys
from pressrun.core.codec import VersionedDocument
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import InputError, NotFoundError
from pressrun.core.locales import Direction, direction, display_name
from pressrun.core.plan import RenderPlan, RunRequest
from pressrun.core.review import REASON_CODES, Decision, ReviewRound, RoundClosed, Tally, tally
from pressrun.gallery.auth import User
from pressrun.gallery.views import (
    CandidateView,
    CellView,
    ClosedView,
    DecisionView,
    ItemView,
    LeftOutView,
    Origin,
    RoundSummary,
    RoundView,
    UserView,
)
from pressrun.steps.decisions import Heads, read_heads, read_history
from pressrun.steps.review import RoundStatus, cell_axes, may_decide, may_finish
from pressrun.steps.workspace import Document, Workspace

READERS = 16
Part = TypeVar("Part")
Result = TypeVar("Result")


class ReviewDesk:
    """Reads rounds. Documents that never change are kept in memory; heads are listed afresh for every answer."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="pressrun-gallery")
        self._large = lru_cache(maxsize=64)(self._read)
        self._small = lru_cache(maxsize=20_000)(self._read)

    def close(self) -> None:
        """End the desk's threads."""
        self._pool.shutdown()

    @property
    def ws(self) -> Workspace:
        return self._workspace()

    def collection(self, review_round: ReviewRound) -> Collection:
        return self._as(Collection, self._large(Collection, review_round.collection_key))

    def plan(self, collection: Collection) -> RenderPlan | None:
        """The plan behind a collection; None where retention has deleted it."""
        try:
            key = keys.plan(collection.run_key, collection.plan_digest)
            return self._as(RenderPlan, self._large(RenderPlan, key))
        except NotFoundError:
            return None

    def heads(self, campaign: str) -> Heads:
        return read_heads(self.ws, campaign)

    def closed(self, review_round: ReviewRound) -> RoundClosed:
        key = keys.round_closed(review_round.campaign, review_round.run_key, review_round.number)
        return self._as(RoundClosed, self._small(RoundClosed, key))

    def opened(self, campaign: str, run_key: str, number: int) -> ReviewRound:
        return self._as(ReviewRound, self._small(ReviewRound, keys.round_open(campaign, run_key, number)))

    def run_id(self, run_key: str) -> str | None:
        try:
            return self._as(RunRequest, self._small(RunRequest, keys.run(run_key))).run_id
        except (NotFoundError, InputError):
            return None

    def round_view(self, status: RoundStatus, user: User, *, may_write: bool) -> RoundView:
        """A whole round as `user` may see it. `may_write` is the deployment's own permission to decide."""
        review_round, collection = status.round, self.collection(status.round)
        heads = self.heads(review_round.campaign)
        verdict = tally(collection.items, heads, want=review_round.want)
        axes = cell_axes(collection.items)
        writable = may_write and status.closed is None
        decisions = self._decisions(review_round, collection, heads)
        cells = [
            self._cell(review_round, axes, items, decisions, verdict, user=user, writable=writable)
            for items in group(item for item in collection.items if item.reviewable).values()
        ]
        return RoundView(
            campaign=review_round.campaign,
            title=review_round.title,
            dag_id=review_round.dag_id,
            run_id=review_round.run_id,
            run_key=review_round.run_key,
            number=review_round.number,
            press=review_round.press,
            want=review_round.want,
            opened_at=review_round.opened_at,
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

    def summary(self, status: RoundStatus, user: User, heads: Heads) -> RoundSummary:
        """A round as one line of the queue."""
        review_round, closed = status.round, status.closed
        collection = self.collection(review_round)
        cells = group(item for item in collection.items if item.reviewable)
        verdict = tally(collection.items, heads, want=review_round.want)
        to_go = () if closed else (*verdict.open_cells, *verdict.over_approved_cells)
        return RoundSummary(
            campaign=review_round.campaign,
            title=review_round.title,
            dag_id=review_round.dag_id,
            run_id=review_round.run_id,
            run_key=review_round.run_key,
            number=review_round.number,
            press=review_round.press,
            opened_at=review_round.opened_at,
            closed_at=closed.at if closed else None,
            closed_by=closed.by if closed else None,
            cells=len(cells),
            to_go=len(to_go),
            yours=sum(may_decide(review_round, user.id, cells[cell][0].axes.get("locale", "*")) for cell in to_go),
            counts=closed.counts if closed else verdict.count(),
        )

    def item_view(self, review_round: ReviewRound, item: CollectedItem) -> ItemView:
        """A candidate with its parameters and its history."""
        plan = self.plan(self.collection(review_round))
        planned = next((one for one in plan.items if one.item_id == item.item_id), None) if plan else None
        return ItemView(
            item_id=item.item_id,
            label=item.label,
            sha256=item.sha256,
            row=planned.row if planned else None,
            seed=planned.seed if planned else None,
            params=dict(planned.params) if planned else {},
            history=[
                self.decision_view(review_round, record)
                for record in read_history(self.ws, review_round.campaign, item.item_id)
            ],
        )

    def decision_view(self, review_round: ReviewRound, record: Decision) -> DecisionView:
        here = (record.run_key, record.round) == (review_round.run_key, review_round.number)
        origin = Origin(run_key=record.run_key, run_id=self.run_id(record.run_key), round=record.round)
        return DecisionView(
            sequence=record.sequence,
            state=record.state,
            reason=record.reason,
            note=record.note,
            by=record.by,
            by_name=record.by_name,
            at=record.at,
            origin=None if here else origin,
        )

    def side_by_side(self, action: Callable[[Part], Result], parts: list[Part]) -> list[Result]:
        """Run `action` on every part in the desk's threads; results in order."""
        return list(self._pool.map(action, parts))

    def _decisions(self, review_round: ReviewRound, collection: Collection, heads: Heads) -> dict[str, DecisionView]:
        """The record behind every head of this collection: one GET each, sixteen at a time, and never again."""
        campaign = review_round.campaign
        wanted = [
            head
            for item in collection.items
            if item.reviewable and (head := heads.get((item.item_id, item.sha256 or "")))
        ]

        def read(key: str) -> Decision:
            return self._as(Decision, self._small(Decision, key))

        records = self._pool.map(
            read, [keys.decision(campaign, head.item_id, head.sha256, head.sequence) for head in wanted]
        )
        return {record.item_id: self.decision_view(review_round, record) for record in records}

    def _cell(
        self,
        review_round: ReviewRound,
        axes: tuple[str, ...],
        items: list[CollectedItem],
        decisions: dict[str, DecisionView],
        verdict: Tally,
        *,
        user: User,
        writable: bool,
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
            may_decide=writable and may_decide(review_round, user.id, locale or "*"),
            candidates=[_candidate(item, axes, decisions.get(item.item_id), verdict) for item in items],
        )

    def _read(self, kind: type[VersionedDocument], key: str) -> VersionedDocument:
        return self.ws.read(kind, key)

    @staticmethod
    def _as(kind: type[Document], document: VersionedDocument) -> Document:
        assert isinstance(document, kind)
        return document


def group(items: Iterable[CollectedItem]) -> dict[str, list[CollectedItem]]:
    """Items by cell, in collection order."""
    cells: dict[str, list[CollectedItem]] = {}
    for item in items:
        cells.setdefault(item.cell_id, []).append(item)
    return cells


def closed_view(closed: RoundClosed) -> ClosedView:
    return ClosedView(by=closed.by, at=closed.at, counts=closed.counts, carried_over=closed.carried_over)


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
    )


def _left_out(item: CollectedItem) -> LeftOutView:
    has_picture = item.image_uri is not None
    return LeftOutView(
        item_id=item.item_id,
        label=item.label,
        state=item.state,
        reason=item.reason,
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

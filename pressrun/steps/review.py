"""Review rounds: opened by collect_results, decided by people, finished once.

A decision counts for the bytes that were seen and for nothing else; it stays with the item, so an approval of
unchanged bytes carries over to later runs. A change of mind is allowed until the round is finished.
"""

from __future__ import annotations

from collections.abc import Iterable

from pressrun.core import keys
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from pressrun.core.item import axis_order
from pressrun.core.review import (
    REASON_CODES,
    ApprovedItem,
    Decision,
    DecisionHead,
    DecisionState,
    ReviewRound,
    RoundClosed,
    Tally,
    tally,
)
from pressrun.steps.decisions import DecisionConflictError, append, conflict, read_decision, read_head, read_heads
from pressrun.steps.review_rounds import (
    RoundListing,
    RoundStatus,
    list_rounds,
    may_decide,
    may_finish,
    open_round,
    read_round,
    read_rounds,
    refuse_closed,
    utc_now,
)
from pressrun.steps.workspace import Workspace

# The whole of reviewing is importable from here; review_rounds.py and decisions.py are its halves on disk.
__all__ = [
    "NOTE_LIMIT",
    "DecisionConflictError",
    "RoundListing",
    "RoundNotSettledError",
    "RoundStatus",
    "cell_axes",
    "decide",
    "finish_round",
    "list_rounds",
    "may_decide",
    "may_finish",
    "open_round",
    "read_heads",
    "read_round",
    "read_rounds",
    "tally_round",
]

NOTE_LIMIT = 2000


class RoundNotSettledError(ConflictError):
    """The round cannot be finished yet. `open_cells` and `over_approved_cells` say which cells are in the way."""

    open_cells: tuple[str, ...] = ()
    over_approved_cells: tuple[str, ...] = ()


def cell_axes(items: Iterable[CollectedItem]) -> tuple[str, ...]:
    """The axes that all candidates of a cell share: what names a cell. Product and locale first."""
    varying: set[str] = set()
    first: dict[str, CollectedItem] = {}
    names: set[str] = set()
    for item in items:
        names |= set(item.axes)
        known = first.setdefault(item.cell_id, item)
        varying |= {axis for axis, value in item.axes.items() if known.axes.get(axis) != value}
    return tuple(axis for axis in axis_order(names) if axis not in varying)


def tally_round(ws: Workspace, review_round: ReviewRound, *, collection: Collection | None = None) -> Tally:
    """What the decisions say of the round's collection now."""
    collection = collection or ws.read(Collection, review_round.collection_key)
    return tally(collection.items, read_heads(ws, review_round.campaign), want=review_round.want)


def decide(
    ws: Workspace,
    review_round: ReviewRound,
    *,
    item_id: str,
    sha256: str,
    state: DecisionState,
    by: str,
    by_name: str,
    expected_sequence: int,
    reason: str = "",
    note: str = "",
    collection: Collection | None = None,
) -> Decision:
    """Record one decision about exactly these bytes.

    `expected_sequence` is the number of the decision the person saw (0 for none); the new one takes the next number.
    Raises NotFoundError (no such item in the round), NotAllowedError (not a reviewer of that market), InputError
    (reason, note), ConflictError (other bytes, round finished, cell already covered) and DecisionConflictError, which
    carries the winner's record, where somebody decided meanwhile.
    """
    collection = collection or ws.read(Collection, review_round.collection_key)
    item = _find(collection, item_id, sha256)
    if not may_decide(review_round, by, item.axes.get("locale", "*")):
        raise NotAllowedError(
            f"{by_name} is not a reviewer of {item.axes.get('locale', 'this market')}",
            where=item.label,
            remedy="ask the campaign's owner to add you to review.reviewers",
        )
    _check_words(state, reason, note, where=item.label)
    refuse_closed(ws, review_round)
    head = read_head(ws, review_round.campaign, item_id, sha256)
    if (head.sequence if head else 0) != expected_sequence:
        raise _stale(ws, review_round, head)
    if state == "approved":
        _refuse_covered(ws, review_round, collection, item)
    decision = Decision(
        campaign=review_round.campaign,
        item_id=item_id,
        sha256=sha256,
        sequence=expected_sequence + 1,
        state=state,
        reason=reason,
        note=note.strip(),
        by=by,
        by_name=by_name,
        run_key=review_round.run_key,
        round=review_round.number,
        at=utc_now(),
    )
    append(ws, decision)
    # Where the round was finished between the check and the claim, this person must hear that it came too late.
    refuse_closed(ws, review_round)
    return decision


def finish_round(ws: Workspace, review_round: ReviewRound, *, by: str) -> RoundClosed:
    """Finish a settled round: write closed.json once, which is what the waiting run looks for.

    RoundNotSettledError names the cells still open; ConflictError names who finished it before.
    """
    refuse_closed(ws, review_round)
    collection = ws.read(Collection, review_round.collection_key)
    heads = read_heads(ws, review_round.campaign)
    result = tally(collection.items, heads, want=review_round.want)
    if not result.settled:
        raise _not_settled(review_round, collection, result)
    approved = [
        heads[item.item_id, item.sha256 or ""]
        for item in collection.items
        if result.states.get(item.item_id) == "approved"
    ]
    closed = RoundClosed(
        run_key=review_round.run_key,
        number=review_round.number,
        by=by,
        at=utc_now(),
        approved=tuple(_approved(review_round.campaign, head) for head in approved),
        counts=result.count(),
        carried_over=sum(
            read_decision(ws, review_round.campaign, head).run_key != review_round.run_key for head in approved
        ),
    )
    key = keys.round_closed(review_round.campaign, review_round.run_key, review_round.number)
    if not ws.work.create(key, closed.to_bytes()):
        refuse_closed(ws, review_round)
    return closed


def _approved(campaign: str, head: DecisionHead) -> ApprovedItem:
    key = keys.decision(campaign, head.item_id, head.sha256, head.sequence)
    return ApprovedItem(item_id=head.item_id, sha256=head.sha256, decision_key=key)


def _find(collection: Collection, item_id: str, sha256: str) -> CollectedItem:
    item = next((item for item in collection.items if item.item_id == item_id), None)
    if item is None or not item.reviewable:
        raise NotFoundError("there is no such item to review in this round", where=item_id)
    if item.sha256 != sha256:
        raise ConflictError(
            "this decision is about other bytes than the round shows", where=item.label, remedy="reload and look again"
        )
    return item


def _check_words(state: DecisionState, reason: str, note: str, *, where: str) -> None:
    if state == "rejected" and not reason:
        raise InputError("a rejection needs a reason", where=where, remedy="one of " + ", ".join(REASON_CODES))
    if reason and reason not in REASON_CODES:
        raise InputError(f"unknown reason {reason!r}", where=where, remedy="one of " + ", ".join(REASON_CODES))
    if state == "approved" and reason:
        raise InputError("an approval takes no reason", where=where, remedy="put it into the note")
    if len(note) > NOTE_LIMIT:
        raise InputError(f"the note is longer than {NOTE_LIMIT} characters", where=where, remedy="shorten it")


def _refuse_covered(ws: Workspace, review_round: ReviewRound, collection: Collection, item: CollectedItem) -> None:
    holders: list[tuple[CollectedItem, DecisionHead]] = []
    for other in _siblings(collection.items, item):
        head = read_head(ws, review_round.campaign, other.item_id, other.sha256 or "")
        if head is not None and head.state == "approved":
            holders.append((other, head))
    if len(holders) < review_round.want:
        return
    holder, head = holders[0]
    winner = read_decision(ws, review_round.campaign, head)
    error = DecisionConflictError(
        f"{holder.label} holds the place, approved by {winner.by_name}",
        where=item.label,
        remedy=f"reject it first; the cell takes {review_round.want}",
    )
    error.winner = winner
    raise error


def _siblings(items: Iterable[CollectedItem], item: CollectedItem) -> list[CollectedItem]:
    return [
        other for other in items if other.cell_id == item.cell_id and other.item_id != item.item_id and other.reviewable
    ]


def _stale(ws: Workspace, review_round: ReviewRound, head: DecisionHead | None) -> ConflictError:
    if head is None:
        return ConflictError("no decision with that number exists", remedy="send expected_sequence 0")
    return conflict(ws, read_decision(ws, review_round.campaign, head))


def _not_settled(review_round: ReviewRound, collection: Collection, result: Tally) -> RoundNotSettledError:
    axes = cell_axes(collection.items)
    names = {item.cell_id: " · ".join(item.axes[axis] for axis in axes) for item in collection.items}
    missing = [names[cell] for cell in (*result.open_cells, *result.over_approved_cells)]
    shown = "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")
    error = RoundNotSettledError(
        f"{len(missing)} cell{'s' * (len(missing) != 1)} not settled: {shown}",
        where=f"{review_round.title}, round {review_round.number}",
        remedy="decide every candidate of an open cell, and keep no more approvals than the cell takes",
    )
    error.open_cells, error.over_approved_cells = result.open_cells, result.over_approved_cells
    return error

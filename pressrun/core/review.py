"""Review: decisions bound to the bytes that were seen, and the tally of a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.collection import CollectedItem

DecisionState = Literal["approved", "rejected", "changes_requested"]
DerivedState = Literal["approved", "rejected", "changes_requested", "not_selected", "undecided"]
REASON_CODES = ("off_brand", "wrong_product", "text_problem", "anatomy", "composition", "colour", "quality", "other")


class Decision(VersionedDocument):
    """One decision of one person about exactly these bytes.

    Append-only; a change of mind is the next sequence number.
    """

    SCHEMA: ClassVar[str] = "decision/1"

    campaign: str
    item_id: str
    sha256: str
    sequence: int
    state: DecisionState
    reason: str = ""
    note: str = ""
    by: str
    by_name: str
    run_key: str
    round: int
    at: str


class DecisionHead(BaseModel):
    """The newest decision of an (item, bytes) pair, as far as a listing tells."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    sha256: str
    sequence: int
    state: DecisionState


class ReviewRound(VersionedDocument):
    """An open review round of a run: written by collect_results, watched by the sensor until it is closed."""

    SCHEMA: ClassVar[str] = "round/1"

    run_key: str
    campaign: str
    dag_id: str
    run_id: str
    number: int
    title: str
    press: str
    collection_key: str
    want: int
    reviewers: dict[str, tuple[str, ...]]
    opened_at: str


class ApprovedItem(BaseModel):
    """An approval that publishing may act on: this item, these bytes, this decision."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    sha256: str
    decision_key: str


class RoundClosed(VersionedDocument):
    """A finished round. Created once with If-None-Match; the sensor waits for this object and nothing else."""

    SCHEMA: ClassVar[str] = "round-closed/1"

    run_key: str
    number: int
    by: str
    at: str
    approved: tuple[ApprovedItem, ...]
    counts: dict[str, int]
    carried_over: int = 0


class Tally(BaseModel):
    """What the decisions say of one collection."""

    model_config = {"extra": "forbid", "frozen": True}

    states: dict[str, DerivedState]
    open_cells: tuple[str, ...]
    over_approved_cells: tuple[str, ...]

    @property
    def settled(self) -> bool:
        """True where the round may be finished."""
        return not self.open_cells and not self.over_approved_cells

    def count(self) -> dict[str, int]:
        names: tuple[DerivedState, ...] = ("approved", "rejected", "changes_requested", "not_selected", "undecided")
        return {name: sum(state == name for state in self.states.values()) for name in names}


def tally(items: Iterable[CollectedItem], heads: Mapping[tuple[str, str], DecisionHead], *, want: int) -> Tally:
    """Judge every cell: covered by `want` approvals, or every candidate decided; otherwise it is open.

    `heads` is keyed by (item id, SHA-256): a decision about other bytes does not count.
    """
    cells: dict[str, list[CollectedItem]] = {}
    for item in items:
        if item.reviewable:
            cells.setdefault(item.cell_id, []).append(item)
    states: dict[str, DerivedState] = {}
    open_cells: list[str] = []
    over: list[str] = []
    for cell, candidates in cells.items():
        decided: dict[str, DerivedState] = {}
        for item in candidates:
            head = heads.get((item.item_id, item.sha256 or ""))
            decided[item.item_id] = head.state if head else "undecided"
        approved = sum(state == "approved" for state in decided.values())
        if approved > want:
            over.append(cell)
        if approved >= want:
            decided = {key: "not_selected" if state == "undecided" else state for key, state in decided.items()}
        elif "undecided" in decided.values():
            open_cells.append(cell)
        states |= decided
    return Tally(states=states, open_cells=tuple(open_cells), over_approved_cells=tuple(over))

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.review import DecisionHead, tally

STATES = ("approved", "rejected", "changes_requested")


def candidate(number: int, *, cell: str, state: str = "rendered", **fields: Any) -> CollectedItem:
    values: dict[str, Any] = {
        "item_id": f"{number:016x}",
        "cell_id": cell,
        "axes": {"product": cell, "variant": str(number)},
        "state": state,
        "render_key": f"k{number}",
        "sha256": None if state == "failed" else f"{number:064x}",
    }
    return CollectedItem.model_validate(values | fields)


def decide(item: CollectedItem, state: str, *, sha256: str | None = None) -> dict[tuple[str, str], DecisionHead]:
    seen = sha256 or item.sha256 or ""
    head = DecisionHead.model_validate({"item_id": item.item_id, "sha256": seen, "sequence": 1, "state": state})
    return {(item.item_id, seen): head}


@st.composite
def rounds(draw: st.DrawFn) -> tuple[list[CollectedItem], dict[tuple[str, str], DecisionHead], int]:
    items: list[CollectedItem] = []
    heads: dict[tuple[str, str], DecisionHead] = {}
    for number in range(draw(st.integers(0, 14))):
        state = draw(st.sampled_from(["rendered", "reused", "qc_rejected", "failed"]))
        item = candidate(number, cell=f"c{draw(st.integers(0, 4))}", state=state)
        items.append(item)
        decided = draw(st.none() | st.sampled_from(STATES))
        if decided:
            heads |= decide(item, decided)
    return items, heads, draw(st.integers(1, 3))


@given(rounds())
def test_every_reviewable_item_is_in_exactly_one_state(
    case: tuple[list[CollectedItem], dict[tuple[str, str], DecisionHead], int],
) -> None:
    items, heads, want = case
    found = tally(items, heads, want=want)
    reviewable = [item for item in items if item.state in ("rendered", "reused")]
    assert set(found.states) == {item.item_id for item in reviewable}
    assert sum(found.count().values()) == len(reviewable)
    for item in reviewable:
        head = heads.get((item.item_id, item.sha256 or ""))
        if head:
            assert found.states[item.item_id] == head.state
        else:
            assert found.states[item.item_id] in ("not_selected", "undecided")


@given(rounds())
def test_settled_means_covered_or_decided_and_never_over_approved(
    case: tuple[list[CollectedItem], dict[tuple[str, str], DecisionHead], int],
) -> None:
    items, heads, want = case
    found = tally(items, heads, want=want)
    cells: dict[str, Counter[str]] = {}
    for item in items:
        if item.reviewable:
            cells.setdefault(item.cell_id, Counter())[found.states[item.item_id]] += 1
    complete = all(states["approved"] >= want or not states["undecided"] for states in cells.values())
    within = all(states["approved"] <= want for states in cells.values())
    assert found.settled == (complete and within)
    assert (found.count()["undecided"] == 0) or not found.settled
    assert set(found.open_cells).isdisjoint(found.over_approved_cells)


def test_a_covered_cell_leaves_the_other_candidates_unselected() -> None:
    chosen, other, rejected = (candidate(number, cell="c") for number in range(3))
    found = tally([chosen, other, rejected], decide(chosen, "approved") | decide(rejected, "rejected"), want=1)
    assert found.states == {chosen.item_id: "approved", other.item_id: "not_selected", rejected.item_id: "rejected"}
    assert found.settled


def test_a_decision_about_other_bytes_does_not_count() -> None:
    item = candidate(1, cell="c")
    found = tally([item], decide(item, "approved", sha256="f" * 64), want=1)
    assert found.states == {item.item_id: "undecided"}
    assert found.open_cells == ("c",)


def test_too_many_approvals_keep_the_round_open() -> None:
    first, second = candidate(1, cell="c"), candidate(2, cell="c")
    found = tally([first, second], decide(first, "approved") | decide(second, "approved"), want=1)
    assert found.over_approved_cells == ("c",)
    assert not found.settled


def test_nothing_to_review_is_settled() -> None:
    assert tally([candidate(1, cell="c", state="failed")], {}, want=1).settled


@given(st.lists(st.sampled_from(["rendered", "reused", "qc_rejected", "failed"]), max_size=12), st.integers(0, 3))
def test_a_collection_accounts_for_every_planned_item(states: list[str], lost: int) -> None:
    counts = Collection(
        run_key="sample-0-1",
        campaign="sample",
        plan_digest="0" * 64,
        press="proof",
        planned=len(states) + lost,
        items=tuple(candidate(number, cell="c", state=state) for number, state in enumerate(states)),
        jobs=(),
    ).counts
    assert counts.lost == lost
    assert counts.planned == counts.rendered + counts.reused + counts.qc_rejected + counts.failed + counts.lost


def test_an_item_that_is_collected_twice_does_not_hide_a_lost_one() -> None:
    item = candidate(1, cell="c")
    collection = Collection(
        run_key="r", campaign="c", plan_digest="0", press="proof", planned=2, items=(item, item), jobs=()
    )
    assert collection.counts.lost == 1


@pytest.mark.parametrize("state", ["qc_rejected", "failed"])
def test_what_cannot_be_delivered_is_not_reviewed(state: str) -> None:
    assert not candidate(1, cell="c", state=state).reviewable

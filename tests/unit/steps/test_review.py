"""Review: decisions bind bytes, one of two people wins, and a round is finished once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core import keys
from pressrun.core.campaign import CampaignSpec
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from pressrun.core.plan import RunRequest
from pressrun.core.review import Decision, ReviewRound
from pressrun.steps.decisions import read_head, read_history
from pressrun.steps.review import (
    DecisionConflictError,
    RoundNotSettledError,
    cell_axes,
    decide,
    finish_round,
    list_rounds,
    may_finish,
    open_round,
    read_heads,
    read_round,
    read_rounds,
    tally_round,
)
from pressrun.steps.workspace import Workspace, memory_workspace

CAMPAIGN = "spring_sale"
REVIEWERS = {"*": ("rosa",), "ja-JP": ("kenji",)}


def spec(**review: Any) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {
            "campaign": CAMPAIGN,
            "title": "Spring sale",
            "owner": "ana",
            "workflow": "sdxl",
            "locales": ["de-DE", "ja-JP"],
            "review": {"reviewers": REVIEWERS, **review},
        }
    )


def request(run_id: str) -> RunRequest:
    return RunRequest.model_validate(
        {
            "run_key": f"{CAMPAIGN}-{run_id}-abc",
            "deployment": "local",
            "dag_id": f"press_{CAMPAIGN}",
            "run_id": run_id,
            "campaign": CAMPAIGN,
            "drop": "2026-03-01",
            "press": "proof",
            "asked_press": "proof",
            "engine": "proof",
            "locales": ("de-DE", "ja-JP"),
            "triggered_by": "maya",
            "run_type": "manual",
            "pressrun_version": "0.1.0",
        }
    )


def item(product: str, locale: str, variant: str, **changes: Any) -> CollectedItem:
    name = f"{product}-{locale}-{variant}"
    return CollectedItem(
        **{
            "item_id": name,
            "cell_id": f"{product}-{locale}",
            "axes": {"product": product, "locale": locale, "variant": variant},
            "state": "rendered",
            "render_key": f"key-{name}",
            "sha256": f"sha-{name}",
            "image_uri": "s3://pressrun-work/x.png",
            **changes,
        }
    )


def opened(
    ws: Workspace, items: list[CollectedItem], *, run_id: str = "run-1", number: int = 1, want: int = 1
) -> ReviewRound:
    asked = request(run_id)
    collection = Collection(
        run_key=asked.run_key,
        campaign=CAMPAIGN,
        plan_digest="p",
        press="proof",
        planned=len(items),
        items=tuple(items),
        jobs=(),
    )
    key = keys.collection(asked.run_key, collection.digest())
    ws.write_once(key, collection)
    return open_round(ws, request=asked, spec=spec(want=want), collection_key=key, number=number)


def cast(ws: Workspace, review_round: ReviewRound, item_id: str, state: str = "approved", **changes: Any) -> Decision:
    values = {
        "item_id": item_id,
        "sha256": f"sha-{item_id}",
        "state": state,
        "reason": "quality" if state == "rejected" else "",
        "by": "rosa",
        "by_name": "Rosa",
        "expected_sequence": 0,
        **changes,
    }
    return decide(ws, review_round, **values)


@pytest.fixture
def ws() -> Workspace:
    return memory_workspace()


@pytest.fixture
def pair(ws: Workspace) -> ReviewRound:
    """Two cells with two candidates each: one German, one Japanese."""
    return opened(ws, [item("mug", locale, variant) for locale in ("de-DE", "ja-JP") for variant in "ab"])


def test_a_decision_is_recorded_and_read_back_by_listing(ws: Workspace, pair: ReviewRound) -> None:
    made = cast(ws, pair, "mug-de-DE-a", note="  lovely light ")
    assert (made.sequence, made.note, made.run_key) == (1, "lovely light", pair.run_key)
    heads = read_heads(ws, CAMPAIGN)
    assert {key: head.state for key, head in heads.items()} == {("mug-de-DE-a", "sha-mug-de-DE-a"): "approved"}
    assert read_history(ws, CAMPAIGN, "mug-de-DE-a") == [made]


def test_a_record_whose_marker_was_never_written_still_counts(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a", "rejected")
    ws.work.delete(keys.decision_marker(CAMPAIGN, "mug-de-DE-a", "sha-mug-de-DE-a", 1, "rejected"))
    assert read_heads(ws, CAMPAIGN)["mug-de-DE-a", "sha-mug-de-DE-a"].state == "rejected"


def test_listing_reads_no_record_where_markers_are_there(ws: Workspace, pair: ReviewRound, monkeypatch: Any) -> None:
    cast(ws, pair, "mug-de-DE-a")
    cast(ws, pair, "mug-de-DE-b", "rejected")
    monkeypatch.setattr(type(ws.work), "get", lambda *_: pytest.fail("a listing must be enough"))
    assert len(read_heads(ws, CAMPAIGN)) == 2


def test_heads_of_a_campaign_whose_name_begins_alike_stay_apart(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a")
    assert read_heads(ws, "spring") == {}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sha256": "sha-of-other-bytes"}, ConflictError),
        ({"item_id": "mug-fr-FR-a"}, NotFoundError),
        ({"by": "vic", "by_name": "Vic"}, NotAllowedError),
        ({"by": "kenji", "by_name": "Kenji"}, NotAllowedError),
        ({"state": "rejected", "reason": ""}, InputError),
        ({"state": "rejected", "reason": "ugly"}, InputError),
        ({"state": "approved", "reason": "quality"}, InputError),
        ({"note": "x" * 2001}, InputError),
        ({"expected_sequence": 3}, ConflictError),
    ],
)
def test_what_may_not_be_decided(
    ws: Workspace, pair: ReviewRound, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        cast(ws, pair, **{"item_id": "mug-de-DE-a", **changes})
    assert read_heads(ws, CAMPAIGN) == {}


def test_the_fallback_list_does_not_open_a_market_that_has_its_own(ws: Workspace, pair: ReviewRound) -> None:
    with pytest.raises(NotAllowedError, match="ja-JP"):
        cast(ws, pair, "mug-ja-JP-a", by="rosa")
    assert cast(ws, pair, "mug-ja-JP-a", by="kenji").by == "kenji"


def test_failed_and_qc_rejected_items_take_no_decision(ws: Workspace) -> None:
    review_round = opened(ws, [item("mug", "de-DE", "a", state="qc_rejected", reason="blank")])
    with pytest.raises(NotFoundError):
        cast(ws, review_round, "mug-de-DE-a")


def test_a_change_of_mind_is_the_next_sequence(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a")
    second = cast(ws, pair, "mug-de-DE-a", "changes_requested", expected_sequence=1)
    assert second.sequence == 2
    head = read_head(ws, CAMPAIGN, "mug-de-DE-a", "sha-mug-de-DE-a")
    assert head is not None
    assert head.state == "changes_requested"


def test_a_stale_decision_is_told_who_was_faster(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a", "rejected")
    with pytest.raises(DecisionConflictError, match="Rosa decided first: rejected") as caught:
        cast(ws, pair, "mug-de-DE-a")
    assert caught.value.winner is not None
    assert caught.value.winner.state == "rejected"


def test_a_covered_cell_names_the_candidate_that_holds_the_place(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a")
    with pytest.raises(DecisionConflictError, match="mug · de-DE · a holds the place, approved by Rosa"):
        cast(ws, pair, "mug-de-DE-b")
    cast(ws, pair, "mug-de-DE-a", "rejected", expected_sequence=1)
    assert cast(ws, pair, "mug-de-DE-b").state == "approved"


def test_a_cell_that_wants_two_takes_two(ws: Workspace) -> None:
    review_round = opened(ws, [item("mug", "de-DE", variant) for variant in "abc"], want=2)
    cast(ws, review_round, "mug-de-DE-a")
    cast(ws, review_round, "mug-de-DE-b")
    with pytest.raises(ConflictError, match="holds the place"):
        cast(ws, review_round, "mug-de-DE-c")
    assert tally_round(ws, review_round).states["mug-de-DE-c"] == "not_selected"


def test_sixteen_people_at_once_one_wins_each_sequence(ws: Workspace, pair: ReviewRound) -> None:
    for sequence in range(5):
        winners, losers = race(lambda who, seq=sequence: cast_as(ws, pair, who, seq), 16)
        assert len(winners) == 1
        assert len(losers) == 15
        assert all(isinstance(error, DecisionConflictError) for error in losers)
        assert {error.winner.by_name for error in losers} == {winners[0].by_name}
    records = read_history(ws, CAMPAIGN, "mug-de-DE-a")
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5]


def cast_as(ws: Workspace, review_round: ReviewRound, who: int, sequence: int) -> Decision:
    state = ("approved", "rejected", "changes_requested")[who % 3]
    return cast(ws, review_round, "mug-de-DE-a", state, by_name=f"person {who}", expected_sequence=sequence)


def race(action: Callable[[int], Any], people: int) -> tuple[list[Any], list[Any]]:
    barrier = threading.Barrier(people)

    def run(who: int) -> Any:
        barrier.wait()
        try:
            return action(who)
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(people) as pool:
        outcomes = list(pool.map(run, range(people)))
    losers = [outcome for outcome in outcomes if isinstance(outcome, ConflictError)]
    return [outcome for outcome in outcomes if not isinstance(outcome, ConflictError)], losers


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["approved", "rejected", "changes_requested"]))))
def test_any_series_of_decisions_never_covers_a_cell_twice(steps: list[tuple[str, str]]) -> None:
    ws = memory_workspace()
    review_round = opened(ws, [item("mug", "de-DE", variant) for variant in "abc"])
    made: Counter[str] = Counter()
    last: dict[str, str] = {}
    for variant, state in steps:
        name = f"mug-de-DE-{variant}"
        try:
            cast(ws, review_round, name, state, expected_sequence=made[name])
        except DecisionConflictError:
            others = [other for other, held in last.items() if other != name and held == "approved"]
            assert state == "approved"
            assert len(others) == 1
        else:
            made[name] += 1
            last[name] = state
    result = tally_round(ws, review_round)
    assert result.over_approved_cells == ()
    assert result.count()["approved"] == sum(state == "approved" for state in last.values()) <= 1
    assert {key[0]: head.sequence for key, head in read_heads(ws, CAMPAIGN).items()} == dict(made)


def test_an_unsettled_round_cannot_be_finished_and_says_what_is_open(ws: Workspace, pair: ReviewRound) -> None:
    cast(ws, pair, "mug-de-DE-a")
    with pytest.raises(RoundNotSettledError, match=r"1 cell not settled: mug · ja-JP") as caught:
        finish_round(ws, pair, by="rosa")
    assert caught.value.open_cells == ("mug-ja-JP",)
    assert read_round(ws, CAMPAIGN, pair.run_key, 1).closed is None


def test_finishing_writes_what_publishing_may_use_and_happens_once(ws: Workspace, pair: ReviewRound) -> None:
    settle(ws, pair)
    closed = finish_round(ws, pair, by="rosa")
    assert [approved.item_id for approved in closed.approved] == ["mug-de-DE-a", "mug-ja-JP-b"]
    for approved in closed.approved:
        record = ws.read(Decision, approved.decision_key)
        assert (record.item_id, record.sha256, record.state) == (approved.item_id, approved.sha256, "approved")
    assert closed.counts == {
        "approved": 2,
        "rejected": 1,
        "changes_requested": 0,
        "not_selected": 1,
        "undecided": 0,
    }
    with pytest.raises(ConflictError, match="rosa finished this round"):
        finish_round(ws, pair, by="kenji")
    with pytest.raises(ConflictError, match="finished this round"):
        cast(ws, pair, "mug-de-DE-b", "rejected")
    assert read_round(ws, CAMPAIGN, pair.run_key, 1).closed == closed


def settle(ws: Workspace, review_round: ReviewRound) -> None:
    cast(ws, review_round, "mug-de-DE-a")
    cast(ws, review_round, "mug-ja-JP-a", "rejected", by="kenji")
    cast(ws, review_round, "mug-ja-JP-b", by="kenji")


def test_eight_people_finish_at_once_one_does(ws: Workspace, pair: ReviewRound) -> None:
    settle(ws, pair)
    winners, losers = race(lambda who: finish_round(ws, pair, by=f"person {who}"), 8)
    assert len(winners) == 1
    assert {winners[0].by in str(error) for error in losers} == {True}


def test_a_decision_that_lands_while_the_round_closes_is_not_silent(ws: Workspace, pair: ReviewRound) -> None:
    settle(ws, pair)
    create, ran = ws.work.create, []

    def close_in_between(key: str, data: bytes, **options: Any) -> bool:
        if key.endswith("000001.json") and not ran:
            ran.append(key)
            finish_round(ws, pair, by="kenji")
        return create(key, data, **options)

    ws.work.create = close_in_between  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="kenji finished this round"):
        cast(ws, pair, "mug-de-DE-b", "rejected")


def test_an_approval_of_unchanged_bytes_carries_over_to_the_next_run(ws: Workspace, pair: ReviewRound) -> None:
    settle(ws, pair)
    finish_round(ws, pair, by="rosa")
    same = [item("mug", locale, variant) for locale in ("de-DE", "ja-JP") for variant in "ab"]
    again = opened(ws, same, run_id="run-2")
    assert tally_round(ws, again).settled
    assert finish_round(ws, again, by="pressrun").carried_over == 2


def test_other_bytes_of_the_same_item_are_undecided(ws: Workspace, pair: ReviewRound) -> None:
    settle(ws, pair)
    changed = opened(ws, [item("mug", "de-DE", "a", sha256="sha-new")], run_id="run-2")
    assert tally_round(ws, changed).states == {"mug-de-DE-a": "undecided"}


def test_opening_twice_is_one_round_and_another_collection_is_refused(ws: Workspace) -> None:
    first = opened(ws, [item("mug", "de-DE", "a")])
    assert opened(ws, [item("mug", "de-DE", "a")]) == first
    with pytest.raises(ConflictError, match="another collection"):
        opened(ws, [item("mug", "de-DE", "b")])


def test_rounds_are_found_by_campaign_and_by_the_prefix_of_a_run(ws: Workspace, pair: ReviewRound) -> None:
    second = opened(ws, [item("mug", "de-DE", "a")], number=2)
    other = opened(ws, [item("mug", "de-DE", "a")], run_id="other")
    assert {(found.run_key, found.number) for found in list_rounds(ws)} == {
        (pair.run_key, 1),
        (second.run_key, 2),
        (other.run_key, 1),
    }
    assert [status.round.number for status in read_rounds(ws, CAMPAIGN, f"{CAMPAIGN}-run-1-")] == [2, 1]
    with pytest.raises(NotFoundError):
        read_round(ws, CAMPAIGN, pair.run_key, 9)


def test_only_listed_reviewers_may_finish(pair: ReviewRound) -> None:
    assert [may_finish(pair, who) for who in ("rosa", "kenji", "maya")] == [True, True, False]


def test_cell_axes_are_those_that_candidates_share() -> None:
    assert cell_axes([item("mug", "de-DE", variant) for variant in "ab"]) == ("product", "locale")

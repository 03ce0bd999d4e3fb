"""Collecting: every item in one end state, whatever the jobs left behind; the canary's gate judges the same way."""

from __future__ import annotations

import pytest
from job_press import ITEMS, RUN_KEY, Press

from pressrun.core import keys
from pressrun.core.collection import Collection
from pressrun.core.errors import JobError
from pressrun.core.quote import Quote
from pressrun.core.refs import CollectionRef
from pressrun.core.render import Render
from pressrun.core.result import ItemError, ItemResult, Measurements, OutputFile, write_segment
from pressrun.core.review import ReviewRound
from pressrun.steps.canary import open_gate
from pressrun.steps.collect import collect_run
from pressrun.steps.render_index import rendered_keys, salvage

GOOD = Measurements(mean=120.0, contrast=40.0, distinct=900, phash="0" * 16)
BLACK = Measurements(mean=0.0, contrast=0.0, distinct=1, phash="0" * 16)
BLANK = Measurements(mean=200.0, contrast=0.5, distinct=3, phash="0" * 16)


def stage(press: Press, job: str, pictures: dict[int, Measurements | str]) -> None:
    """Uploads of a job: a picture with these measurements, or a failure with this message."""
    results = []
    for number, found in pictures.items():
        item, file = ITEMS[number], f"images/{ITEMS[number].item_id}.png"
        output = None
        if isinstance(found, Measurements):
            press.ws.work.put(keys.staging(job) + file, b"x" * 10)
            output = OutputFile(
                node="1",
                file=file,
                sha256=f"{number:064x}",
                size=10,
                media_type="image/png",
                width=64,
                height=64,
                measurements=found,
            )
        results.append(
            ItemResult(
                item_id=item.item_id, render_key=item.render_key, outcome="rendered" if output else "failed",
                outputs=(output,) if output else (), error=None if output else ItemError(kind="engine", message=str(found), node="7"),
                tries=1, seed=number, params_sha256="p", prompt_id="p", started_at="2026-03-01T00:00:00Z", seconds=1.5, engine_version="1", host="h",
            )
        )  # fmt: skip
    press.ws.work.put(f"{keys.staging(job)}results/h-000001.jsonl", write_segment(results))


def run(pictures: dict[int, Measurements | str], *, budget: float = 1.0) -> tuple[Press, CollectionRef]:
    press = Press()
    quality = press.plan.spec.quality.model_copy(update={"failed_share": budget})
    press.replan(press.plan.model_copy(update={"spec": press.plan.spec.model_copy(update={"quality": quality})}))
    order = press.order()
    press.create(order)
    stage(press, order.name, pictures)
    press.end(order.name, "Completed")
    return press, collect_run(press.ws, press.plan_ref, press.quote_ref)


def collection(press: Press, ref: CollectionRef) -> Collection:
    return press.ws.read(Collection, keys.collection(RUN_KEY, ref["digest"]))


def test_every_item_has_one_end_state_with_its_reason() -> None:
    press, ref = run({0: GOOD, 1: BLACK, 2: "boom"})
    assert ref["counts"] == {"planned": 4, "rendered": 1, "reused": 0, "qc_rejected": 1, "failed": 2, "lost": 0}
    reasons = {item.item_id: (item.state, item.reason) for item in collection(press, ref).items}
    assert reasons[ITEMS[1].item_id] == (
        "qc_rejected",
        "is black: a NaN in the graph or a failed decode looks like this",
    )
    assert reasons[ITEMS[2].item_id] == ("failed", "engine at node 7: boom")
    assert reasons[ITEMS[3].item_id] == ("failed", "no job delivered it: every attempt of its shard ended first")


def test_collecting_again_gives_the_same_document_and_the_same_round() -> None:
    press, first = run(dict.fromkeys(range(4), GOOD))
    assert collect_run(press.ws, press.plan_ref, press.quote_ref) == first
    opened = [
        info.key for info in press.ws.work.list(keys.reviews("spring", RUN_KEY)) if info.key.endswith("open.json")
    ]
    assert len(opened) == 1
    assert press.ws.read(ReviewRound, opened[0]).collection_key == keys.collection(RUN_KEY, first["digest"])


def test_the_first_picture_of_a_render_key_wins_for_ever() -> None:
    press, _ = run(dict.fromkeys(range(4), GOOD))
    before = press.ws.read(Render, keys.render(ITEMS[0].render_key))
    stage(press, before.job, {0: BLANK})
    collect_run(press.ws, press.plan_ref, press.quote_ref)
    assert press.ws.read(Render, keys.render(ITEMS[0].render_key)) == before


def test_a_picture_that_never_arrived_whole_does_not_count() -> None:
    press, _ = run({0: GOOD, 1: GOOD})
    job = press.ws.read(Render, keys.render(ITEMS[0].render_key)).job
    stage(press, job, {2: GOOD})
    press.ws.work.put(f"{keys.staging(job)}images/{ITEMS[2].item_id}.png", b"cut")
    ref = collect_run(press.ws, press.plan_ref, press.quote_ref)
    assert {item.item_id: item.state for item in collection(press, ref).items}[ITEMS[2].item_id] == "failed"


def test_beyond_the_error_budget_the_run_fails_and_what_is_good_is_kept() -> None:
    with pytest.raises(JobError, match=r"3 of 4 items failed.*error budget of 50%"):
        run({0: GOOD, 1: BLANK, 2: "boom"}, budget=0.5)


def test_nothing_reviewable_opens_no_round() -> None:
    press, ref = run({1: BLANK})
    assert (ref["round"], ref["settled"]) == (0, True)
    assert not list(press.ws.work.list(keys.reviews("spring")))


def canary(pictures: dict[int, Measurements | str]) -> list[int]:
    press = Press()
    shard = press.quote.shards[0].model_copy(update={"phase": "canary"})
    rest = press.quote.shards[0].model_copy(update={"item_ids": (ITEMS[3].item_id,)})
    quote: Quote = press.quote.model_copy(update={"shards": (shard, rest)})
    press.ws.write_once(keys.quote(RUN_KEY, quote.digest()), quote)
    press.quote_ref = {**press.quote_ref, "digest": quote.digest(), "canary": 1}
    from pressrun.steps.jobs import JobOrder, next_order

    order = next_order(press.ws, press.plan_ref, press.quote_ref, "canary", 0, press.jobs.get)
    assert isinstance(order, JobOrder)
    stage(press, order.name, pictures)
    return open_gate(press.ws, press.plan_ref, press.quote_ref)


def test_a_good_canary_opens_the_gate() -> None:
    assert canary({0: GOOD, 1: GOOD, 2: GOOD, 3: BLANK}) == [0]


@pytest.mark.parametrize("bad", [BLACK, BLANK, "out of memory"])
def test_a_bad_canary_stops_the_run_before_the_rest_is_bought(bad: Measurements | str) -> None:
    with pytest.raises(JobError, match=r"the canary failed: 3 of 4 pictures are unusable; 1 items were not bought"):
        canary({0: GOOD, 1: bad, 2: bad, 3: bad})


def test_a_canary_that_delivered_nothing_is_a_bad_one() -> None:
    with pytest.raises(JobError, match="was not delivered"):
        canary({})


def test_what_a_stopped_run_had_uploaded_is_not_bought_again() -> None:
    press = Press()
    order = press.order()
    press.create(order)
    stage(press, order.name, {0: GOOD, 1: GOOD, 2: "boom"})
    assert salvage(press.ws, "spring", besides="another run") == 2
    assert rendered_keys(press.ws) == {ITEMS[0].render_key, ITEMS[1].render_key}
    assert salvage(press.ws, "spring", besides=RUN_KEY) == 0, "a run's own jobs are collected by itself"
    assert salvage(press.ws, "autumn", besides="x") == 0

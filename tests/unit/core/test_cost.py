"""What is learnt from jobs: rates and cold starts, with their sample, and nothing invented where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pressrun.core.cost import assumed, item_work
from pressrun.core.item import Item
from pressrun.core.job import JobRecord
from pressrun.core.observation import CostObservation, learn, observe, quantile
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Price
from pressrun.core.quoting import make_quote
from pressrun.core.result import ItemResult

MakeItem = Callable[..., Item]
ENGINE = "comfyui:abc+nodes:none+auto"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def seen(seconds: float = 320.0, *, cold: float | None = 200.0, engine: str = ENGINE, day: int = 1) -> CostObservation:
    return CostObservation(
        job=f"job-{seconds}-{day}", workflow="poster", engine_class=engine, instance_type="ml.g5.xlarge", items=10,
        work=1000.0, seconds=seconds, cold_seconds=cold, wall_seconds=seconds + (cold or 0),
        observed_at=f"2026-03-{day:02d}T12:00:00+00:00",
    )  # fmt: skip


def record(items: list[Item]) -> JobRecord:
    return JobRecord(
        run_key="r", name="job", phase="main", index=0, attempt=1, quoted="q", shard_sha256="s",
        item_ids=tuple(item.item_id for item in items), instance_type="ml.g5.xlarge", ordered_at=at(0),
    )  # fmt: skip


def result(item: Item, start: float, seconds: float, outcome: str = "rendered") -> ItemResult:
    return ItemResult.model_validate(
        {
            "item_id": item.item_id, "render_key": item.render_key, "outcome": outcome, "tries": 1, "seed": 1,
            "params_sha256": "p", "prompt_id": "p", "started_at": at(start), "seconds": seconds,
            "engine_version": "1", "host": "h",
        }
    )  # fmt: skip


def test_a_job_tells_its_cold_start_and_its_rate(make_item: MakeItem) -> None:
    items = [make_item({"product": str(number), "locale": "de-DE"}) for number in range(3)]
    results = [result(item, 200 + 10 * number, 9) for number, item in enumerate(items)]
    (found,) = observe(record(items), results, {item.item_id: item for item in items}, engine_class=ENGINE)
    assert (found.cold_seconds, found.seconds, found.wall_seconds) == (200.0, 29.0, 229.0)
    assert found.work == pytest.approx(3 * 1024 * 1024 * 30 / 1e6)
    assert found.observed_at == "2026-03-01T12:03:49+00:00"


def test_failed_items_do_not_make_the_others_look_slow(make_item: MakeItem) -> None:
    items = [make_item({"product": str(number), "locale": "de-DE"}) for number in range(2)]
    results = [result(items[0], 200, 9), result(items[1], 209, 300, "failed")]
    (found,) = observe(record(items), results, {item.item_id: item for item in items}, engine_class=ENGINE)
    assert (found.items, found.seconds, found.wall_seconds) == (1, 9.0, 509.0)
    assert observe(record(items), results[1:], {item.item_id: item for item in items}, engine_class=ENGINE) == []


def test_a_job_that_was_ordered_long_before_tells_no_cold_start(make_item: MakeItem) -> None:
    item = make_item({"product": "a", "locale": "de-DE"})
    (found,) = observe(record([item]), [result(item, 7200, 9)], {item.item_id: item}, engine_class=ENGINE)
    assert found.cold_seconds is None


def test_nothing_known_is_said(make_item: MakeItem) -> None:
    basis = learn([], press="final", engine_class=ENGINE)
    assert basis == assumed("final")
    assert basis.sentence() == "no measurement yet: a rule of thumb"
    item = make_item({"product": "a", "locale": "de-DE"})
    assert basis.p90(item) == 2 * basis.p50(item) == pytest.approx(2 * item_work(item) * 0.32)


def test_the_median_and_the_ninetieth_of_jobs_are_learnt() -> None:
    basis = learn(
        [seen(100.0 * number, cold=10.0 * number) for number in range(1, 12)], press="final", engine_class=ENGINE
    )
    assert (basis.rate_p50, basis.rate_p90) == pytest.approx((0.6, 1.0))
    assert (basis.cold_p50, basis.cold_p90) == pytest.approx((60.0, 100.0))
    assert (basis.jobs, basis.items) == (11, 110)


def test_one_job_alone_leaves_room() -> None:
    basis = learn([seen(320.0, cold=None)], press="final", engine_class=ENGINE)
    assert basis.rate_p90 == pytest.approx(1.25 * basis.rate_p50)
    assert basis.cold_p50 == assumed("final").cold_p50


def test_another_version_counts_only_where_this_one_is_unknown_and_another_engine_never() -> None:
    older, proof = seen(500.0, engine="comfyui:old"), seen(1.0, engine="proof:1")
    assert learn([older, seen(300.0), proof], press="final", engine_class=ENGINE).rate_p50 == pytest.approx(0.3)
    fallen_back = learn([older, proof], press="final", engine_class=ENGINE)
    assert (fallen_back.source, fallen_back.rate_p50) == ("other_engine", pytest.approx(0.5))
    assert learn([proof], press="final", engine_class=ENGINE).source == "assumed"


def test_the_sentence_tells_sample_and_age() -> None:
    basis = learn([seen(day=1), seen(day=4)], press="final", engine_class=ENGINE)
    assert (
        basis.sentence(datetime(2026, 3, 6, 13, tzinfo=UTC)) == "measured on 20 items in 2 jobs, the newest 2 days ago"
    )


def test_quantiles_lie_between_their_neighbours() -> None:
    assert [quantile([4.0, 1.0, 3.0, 2.0], share) for share in (0, 0.5, 1)] == [1.0, 2.5, 4.0]


def test_a_quote_learns_from_what_was_measured(make_item: MakeItem, make_plan: Callable[..., RenderPlan]) -> None:
    items = [make_item({"product": str(number), "locale": "de-DE"}) for number in range(10)]
    basis = learn([seen(100.0, cold=60.0)] * 5, press="final", engine_class=ENGINE)
    quote = make_quote(
        make_plan(items, canary_items=0), plan_digest="0" * 64, rendered_keys=frozenset(),
        instance_type="ml.g5.xlarge", prices={"ml.g5.xlarge": Price(usd_per_hour=1.0, source="test")},
        costs={"poster": basis},
    )  # fmt: skip
    assert quote.seconds == pytest.approx(60 + sum(item_work(item) for item in items) * 0.1)
    assert quote.usd == pytest.approx(quote.seconds / 3600, abs=1e-4)
    assert quote.wall_seconds == quote.seconds
    assert quote.cost["poster"].jobs == 5

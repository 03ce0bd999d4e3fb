"""What batches cost, and how they are cut: made whole, bought whole, never parted between two jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.batch import prompts_of
from pressrun.core.cost import CostBasis
from pressrun.core.item import Batch, Item
from pressrun.core.job import JobRecord
from pressrun.core.observation import learn, observe
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Price, Quote
from pressrun.core.quoting import make_quote
from pressrun.core.render_key import image_key
from pressrun.core.result import ItemResult

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]
TAKES = "abcdefgh"
ENGINE = "comfyui:abc+nodes:none+auto"


def at(seconds: float) -> str:
    return (datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def batches(make_item: MakeItem, count: int, size: int) -> list[Item]:
    """`count` batches of `size` items; size 1 makes items alone."""
    made = []
    for number in range(count):
        for index in range(size):
            key = f"batch-{number}"
            place = Batch(key=key, size=size, index=index) if size > 1 else None
            axes = {"product": f"P{number}", "locale": "de-DE", "take": TAKES[index]}
            made.append(make_item(axes, params={"prompt": "x"}, batch=place, render_key=image_key(key, index)))
    return made


def quote_of(plan: RenderPlan, *, rendered: frozenset[str] = frozenset(), **more: Any) -> Quote:
    prices = {"ml.g5.xlarge": Price(usd_per_hour=1.2, source="test")}
    return make_quote(
        plan, plan_digest="0" * 64, rendered_keys=rendered, instance_type="ml.g5.xlarge", prices=prices, **more
    )


@given(
    count=st.integers(0, 9),
    size=st.integers(1, 6),
    canary=st.integers(0, 9),
    room=st.integers(6, 20),
    done=st.sets(st.integers(0, 53)),
    limit=st.integers(1, 60),
)
def test_every_item_is_in_one_prompt_of_one_job_and_no_batch_is_parted(
    make_item: MakeItem, make_plan: MakePlan, count: int, size: int, canary: int, room: int, done: set[int], limit: int
) -> None:
    items = batches(make_item, count, size)[:limit]
    rendered = frozenset(item.render_key for at, item in enumerate(items) if at in done)
    quote = quote_of(make_plan(items, canary_items=canary, shard_items=room), rendered=rendered)
    wanted = {item.item_id: item for item in items if item.render_key not in rendered}
    bought = [item_id for shard in quote.shards for item_id in shard.item_ids]
    assert sorted(bought) == sorted(wanted)
    jobs: dict[str, set[int]] = {}
    for number, shard in enumerate(quote.shards):
        assert len(shard.item_ids) <= room or shard.phase == "canary"
        for prompt in prompts_of([wanted[item_id] for item_id in shard.item_ids]):
            if prompt[0].batch:
                jobs.setdefault(prompt[0].batch.key, set()).add(number)
                # All that is wanted of a batch comes with this one prompt.
                assert {i.item_id for i in prompt} == {
                    i.item_id for i in wanted.values() if i.batch and i.batch.key == prompt[0].batch.key
                }
    assert all(len(numbers) == 1 for numbers in jobs.values())


@pytest.mark.parametrize(("size", "canary", "looked_at"), [(3, 4, 3), (4, 4, 4), (4, 2, 4), (6, 4, 6), (2, 5, 4)])
def test_the_canary_is_made_of_whole_batches(
    make_item: MakeItem, make_plan: MakePlan, size: int, canary: int, looked_at: int
) -> None:
    quote = quote_of(make_plan(batches(make_item, 8, size), canary_items=canary))
    assert len(quote.shard("canary", 0).item_ids) == looked_at


def known(per_item: float) -> CostBasis:
    return CostBasis(
        source="measured", jobs=9, items=9, newest=at(0), per_item=per_item, per_item_p90=per_item, rate_p50=0,
        rate_p90=0, cold_p50=100, cold_p90=100,
    )  # fmt: skip


def test_what_is_left_of_a_batch_costs_as_much_as_all_of_it(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = batches(make_item, 2, 4)
    plan = make_plan(items, canary_items=0)
    whole = quote_of(plan, costs={"poster": known(5.0)})
    assert sum(shard.seconds for shard in whole.shards) == 100 + 8 * 5
    left = quote_of(plan, costs={"poster": known(5.0)}, rendered=frozenset(i.render_key for i in items[:3]))
    assert left.to_render == 5
    assert sum(shard.seconds for shard in left.shards) == 100 + 8 * 5
    assert left.usd == whole.usd


def results_of(prompts: list[tuple[list[Item], float]]) -> list[ItemResult]:
    """The results of prompts that took so many seconds each, one after the other, from second 200."""
    made, start = [], 200.0
    for number, (items, seconds) in enumerate(prompts):
        for item in items:
            made.append(
                ItemResult(
                    item_id=item.item_id, render_key=item.render_key, outcome="rendered", tries=1, seed=1,
                    params_sha256="p", prompt_id=f"prompt-{number}", started_at=at(start),
                    seconds=seconds / len(items), engine_version="1", host="h", batch=item.batch,
                )
            )  # fmt: skip
        start += seconds
    return made


def test_a_class_is_a_batch_size_and_a_batch_made_for_some_of_its_items_does_not_look_slow(
    make_item: MakeItem,
) -> None:
    fours, alone = batches(make_item, 3, 4), make_item({"product": "Q", "locale": "de-DE"}, params={"prompt": "x"})
    items = [*fours, alone]
    prompts = [(fours[:4], 8.0), (fours[4:8], 8.0), (fours[10:11], 8.0), ([alone], 5.0)]
    job = JobRecord(
        run_key="r", name="job", phase="main", index=0, attempt=1, quoted="q", shard_sha256="s",
        item_ids=tuple(item.item_id for item in items), instance_type="ml.g5.xlarge", ordered_at=at(0),
    )  # fmt: skip
    (seen,) = observe(job, results_of(prompts), {i.item_id: i for i in items}, engine_class=ENGINE)
    assert (seen.items, seen.seconds, seen.wall_seconds) == (10, 29.0, 229.0)
    assert seen.work == pytest.approx(13 * 1024 * 1024 * 30 / 1e6)
    basis = learn([seen], press="final", engine_class=ENGINE)
    by_batch = {found.batch: found.p50 for found in basis.classes}
    assert by_batch[1] == pytest.approx(5.0)
    assert by_batch[4] == pytest.approx((8 + 8 + 2) / 9)

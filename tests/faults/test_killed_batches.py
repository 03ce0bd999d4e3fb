"""Jobs of a campaign with batches are killed in the middle: nothing is lost, and what is missing comes out the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from pressrun.core import keys
from pressrun.core.batch import prompts_of
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.core.render import Render
from pressrun.steps.collect import collect_run
from pressrun.steps.jobs import ShardDone
from pressrun.steps.quote import quote_run
from pressrun.steps.staging import staged_job

if TYPE_CHECKING:
    from conftest import Press

    from pressrun.core.refs import PlanRef

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
COUNTS = {"planned": 16, "rendered": 16, "reused": 0, "qc_rejected": 0, "failed": 0, "lost": 0}


def pixels(press: Press, plan: PlanRef) -> dict[str, str]:
    """What each item shows, by the digest of its pixels."""
    items = press.ws.read(RenderPlan, keys.plan(plan["run_key"], plan["plan_digest"])).items
    found = {}
    for item in items:
        render = press.ws.read(Render, keys.render(item.render_key))
        assert render.batch == item.batch
        assert render.measurements is not None
        found[item.item_id] = render.measurements.pixels
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_job_that_is_killed_in_a_batch_loses_nothing(press: Press, seed: int) -> None:
    chance = random.Random(seed)
    plan, quote = press.plan(f"kill-{seed}", campaign="mood_board")
    document = press.ws.read(Quote, keys.quote(plan["run_key"], quote["digest"]))
    items = {
        item.item_id: item for item in press.ws.read(RenderPlan, keys.plan(plan["run_key"], plan["plan_digest"])).items
    }
    assert [len(shard.item_ids) for shard in document.shards] == [8, 8]
    for shard in document.shards:
        assert [len(prompt) for prompt in prompts_of([items[name] for name in shard.item_ids])] == [2] * 4

    def kill_the_first(name: str, attempt: int) -> None:
        if attempt == 1:
            press.kill_after(name, chance.randrange(1, 8), jitter=chance)
        press.wait(name)

    for index in range(2):
        assert isinstance(press.render(plan, quote, index, kill_the_first), ShardDone)
    for record in press.records(plan):
        for result in staged_job(press.ws, record.name).rendered.values():
            assert result.batch == items[result.item_id].batch
    assert collect_run(press.ws, plan, quote)["counts"] == COUNTS
    shown = pixels(press, plan)
    assert len(set(shown.values())) == 16

    again, _ = press.plan(f"again-{seed}", campaign="mood_board")
    assert quote_run(press.ws, again)["to_render"] == 0


def test_one_picture_that_is_missing_is_made_with_its_batch_and_is_the_same(press: Press) -> None:
    plan, quote = press.plan("whole", campaign="mood_board")
    for index in range(2):
        assert isinstance(press.render(plan, quote, index, lambda name, attempt: None), ShardDone)
    collect_run(press.ws, plan, quote)
    before = pixels(press, plan)
    items = press.ws.read(RenderPlan, keys.plan(plan["run_key"], plan["plan_digest"])).items
    for item in (items[1], items[6]):
        press.ws.work.delete(keys.render(item.render_key))

    again, second = press.plan("missing", campaign="mood_board")
    assert (second["to_render"], second["reused"]) == (2, 14)
    document = press.ws.read(Quote, keys.quote(again["run_key"], second["digest"]))
    (shard,) = document.shards
    cost = next(iter(document.cost.values()))
    each = cost.p50(items[1])
    # Two pictures are bought, and two batches of two are paid for.
    assert shard.seconds == pytest.approx(cost.cold_p50 + 4 * each)
    assert isinstance(press.render(again, second, 0, lambda name, attempt: None), ShardDone)
    assert collect_run(press.ws, again, second)["counts"] == {**COUNTS, "rendered": 2, "reused": 14}
    assert pixels(press, again) == before

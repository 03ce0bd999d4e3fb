"""After the canary: what it took is learnt, and a run that cannot be had for what was agreed to stops there."""

from __future__ import annotations

import pytest
from job_press import ITEMS, RUN_KEY, Press

from pressrun.core import keys
from pressrun.core.errors import JobError
from pressrun.core.gate import Gate
from pressrun.core.quote import Quote
from pressrun.core.requote import Requote
from pressrun.core.result import ItemResult, Measurements, OutputFile, write_segment
from pressrun.steps.canary import open_gate
from pressrun.steps.costs import known_costs
from pressrun.steps.jobs import JobOrder, next_order

GOOD = Measurements(mean=120.0, contrast=40.0, distinct=200, phash="0123456789abcdef")


def rendered(number: int, seconds: float) -> ItemResult:
    """A picture that took this long, one after the other, each with a look of its own."""
    look = GOOD.model_copy(update={"phash": f"{0xF0F0F0F0F0F0F0F0 >> (number * 9):016x}"})
    name = f"images/{ITEMS[number].item_id}.png"
    out = OutputFile(
        node="1", file=name, sha256=f"{number}", size=9, media_type="image/png", width=1024, height=1024,
        measurements=look,
    )  # fmt: skip
    return ItemResult(
        item_id=ITEMS[number].item_id, render_key=ITEMS[number].render_key, outcome="rendered", outputs=(out,), tries=1,
        seed=number, params_sha256="p", started_at=f"2026-03-01T0{number}:00:00Z", seconds=seconds, host="h",
        prompt_id="p", engine_version="1",
    )  # fmt: skip


def after_canary(seconds: float) -> Press:
    """Three items were the canary, each of which took so long; the fourth is the rest. 3 jobs of 10 min were quoted."""
    press = Press()
    (shard,) = press.quote.shards
    first = shard.model_copy(update={"phase": "canary", "item_ids": tuple(item.item_id for item in ITEMS[:3])})
    rest = shard.model_copy(update={"item_ids": (ITEMS[3].item_id,)})
    quote: Quote = press.quote.model_copy(update={"shards": (first, rest), "probe": True})
    press.ws.write_once(keys.quote(RUN_KEY, quote.digest()), quote)
    press.quote_ref = {**press.quote_ref, "digest": quote.digest(), "canary": 1}
    order = next_order(press.ws, press.plan_ref, press.quote_ref, "canary", 0, press.jobs.get)
    assert isinstance(order, JobOrder)
    results = [rendered(number, seconds) for number in range(3)]
    for result in results:
        press.ws.work.put(keys.staging(order.name) + result.outputs[0].file, b"x" * 9)
    press.ws.work.put(f"{keys.staging(order.name)}results/h-000001.jsonl", write_segment(results))
    return press


def requoted(press: Press) -> Requote:
    return press.ws.read(Requote, keys.requote(RUN_KEY, press.quote_ref["digest"]))


def test_what_the_canary_took_is_the_estimate_of_the_rest() -> None:
    press = after_canary(seconds=7200.0 / 3)
    before = known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"]
    with pytest.raises(JobError):
        open_gate(press.ws, press.plan_ref, press.quote_ref)
    after = known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"]
    assert (before.source, after.source, after.items) == ("assumed", "measured", 3)
    found = requoted(press)
    assert found.seconds > 2000 > found.quoted_seconds
    assert found.usd == pytest.approx(found.seconds / 3600, abs=1e-4)
    assert "min were quoted" in found.sentence()


def test_a_run_that_does_not_fit_into_its_ceiling_stops_after_the_canary() -> None:
    press = after_canary(seconds=3600.0)
    with pytest.raises(JobError) as stopped:
        open_gate(press.ws, press.plan_ref, press.quote_ref)
    assert "1 of 1 shards would need more than the 3 jobs of 10 min that were quoted" in stopped.value.message
    assert "$1.00 is the most that was agreed to; 1 items were not bought" in stopped.value.message
    assert "raise job.max_runtime_minutes" in str(stopped.value.remedy)
    (info,) = press.ws.work.list(f"runs/{RUN_KEY}/gates/")
    assert (press.ws.read(Gate, info.key).state, press.ws.read(Gate, info.key).by) == ("shut", "the estimate")


def test_a_canary_as_expected_lets_the_rest_be_bought() -> None:
    press = after_canary(seconds=2.0)
    # Items that start an hour apart: what lies between them is the runner's, and the job's whole time is what counts.
    press.plan = press.plan.model_copy(
        update={"spec": press.plan.spec.model_copy(update={"job": press.plan.spec.job.model_copy(
            update={"max_runtime_minutes": 120})})}
    )  # fmt: skip
    press.ws.write_once(keys.plan(RUN_KEY, press.plan.digest()), press.plan)
    press.plan_ref = {**press.plan_ref, "plan_digest": press.plan.digest()}
    assert open_gate(press.ws, press.plan_ref, press.quote_ref) == [0]
    assert requoted(press).exceeds == ""
    assert requoted(press).needed_jobs <= requoted(press).agreed_jobs

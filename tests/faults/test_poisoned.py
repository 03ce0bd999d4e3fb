"""A campaign whose template is wrong is found out by a handful of pictures, or by its error budget, and not by a bill."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from poisoned import write_poisoned

from pressrun.core import keys
from pressrun.core.collection import Collection
from pressrun.core.errors import JobError
from pressrun.core.gate import Gate
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.core.shard import Phase
from pressrun.steps.canary import open_gate, read_gate
from pressrun.steps.collect import collect_run
from pressrun.steps.expand import expand_run
from pressrun.steps.jobs import JobOrder, next_order
from pressrun.steps.quote import quote_run
from pressrun.steps.validate import validate_plan

if TYPE_CHECKING:
    from conftest import Press

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
PROJECT = Path(__file__).parents[2]
PRODUCTS, SIZES, CANARY = 12, 2, 4


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three campaigns of 24 pictures: all spoilt, the later half spoilt, and none."""
    home = tmp_path_factory.mktemp("poisoned")
    shutil.copytree(PROJECT / "include", home / "include")
    write_poisoned(home / "include", "blank", [True] * PRODUCTS, failed_share=0.5)
    # The canary sees the first products only, which are good.
    write_poisoned(home / "include", "later", [number > 3 for number in range(PRODUCTS)], failed_share=0.1)
    write_poisoned(home / "include", "good", [False] * PRODUCTS, failed_share=0.1)
    return home


def planned(press: Press, campaign: str) -> tuple[PlanRef, QuoteRef]:
    plan = expand_run(
        press.ws, dag_id=f"press_{campaign}", run_id="r1", run_type="manual", conf={}, drop="2026-11-20",
        triggered_by="maya",
    )  # fmt: skip
    validate_plan(press.ws, plan)
    return plan, quote_run(press.ws, plan)


def render(press: Press, plan: PlanRef, quote: QuoteRef, phase: Phase, index: int) -> None:
    """A shard as the operator renders it."""
    while isinstance(order := next_order(press.ws, plan, quote, phase, index, press.describe), JobOrder):
        if not order.attach:
            press.sagemaker.create_processing_job(**order.request)
        press.wait(order.name, seconds=300)


def bought(press: Press, plan: PlanRef) -> list[str]:
    return [item for record in press.records(plan) for item in record.item_ids]


def collected(press: Press, plan: PlanRef) -> Collection:
    (info,) = press.ws.work.list(f"runs/{plan['run_key']}/collections/")
    return press.ws.read(Collection, info.key)


def codes(collection: Collection) -> dict[str, int]:
    found = [item.code or item.state for item in collection.items]
    return {code: found.count(code) for code in found}


def test_a_poisoned_template_is_stopped_after_its_canary(press: Press) -> None:
    plan, quote = planned(press, "blank")
    assert (quote["to_render"], quote["canary"], quote["shards"]) == (PRODUCTS * SIZES, 1, 3)
    render(press, plan, quote, "canary", 0)
    told = f"the canary failed: 4 of {CANARY} pictures are unusable; 20 items were not bought"
    with pytest.raises(JobError, match=told) as failed:
        open_gate(press.ws, plan, quote)
    assert "is blank: contrast 0.0" in str(failed.value.where)
    assert "mend the workflow or the manifest, and run again" in str(failed.value.remedy)
    assert len(bought(press, plan)) <= CANARY
    gate = read_gate(press.ws, plan["run_key"])
    assert isinstance(gate, Gate)
    assert (gate.state, gate.by, gate.not_bought) == ("shut", "quality control", 20)
    assert {fault.code for fault in gate.faults} == {"blank"}
    assert press.ws.work.get(keys.canary_sheet(plan["run_key"])).startswith(b"\xff\xd8")

    with pytest.raises(JobError, match=told):
        collect_run(press.ws, plan, quote)
    collection = collected(press, plan)
    assert codes(collection) == {"blank": CANARY, "not-bought": 20}
    assert collection.counts.lost == 0
    reasons = {item.reason for item in collection.items if item.code == "not-bought"}
    assert reasons == {f"not bought: the canary failed: 4 of {CANARY} pictures are unusable"}


def test_an_error_budget_that_is_used_up_stops_the_fan_out(press: Press) -> None:
    plan, quote = planned(press, "later")
    render(press, plan, quote, "canary", 0)
    shards = open_gate(press.ws, plan, quote)
    assert shards == [0, 1, 2]
    render(press, plan, quote, "main", shards[0])
    for index in shards[1:]:
        with pytest.raises(JobError, match=r"of 24 items are bad already, more than .* error budget of 10%"):
            render(press, plan, quote, "main", index)
    assert [record.phase for record in press.records(plan)] == ["canary", "main"]
    with pytest.raises(JobError, match="more than the campaign's error budget of 10%"):
        collect_run(press.ws, plan, quote)
    found = codes(collected(press, plan))
    assert found["blank"] + found.get("rendered", 0) == len(bought(press, plan))
    assert found["not-bought"] == 24 - len(bought(press, plan))


def test_a_good_campaign_passes_both(press: Press) -> None:
    plan, quote = planned(press, "good")
    render(press, plan, quote, "canary", 0)
    for index in open_gate(press.ws, plan, quote):
        render(press, plan, quote, "main", index)
    counts = collect_run(press.ws, plan, quote)["counts"]
    assert (counts["rendered"], counts["qc_rejected"], counts["failed"]) == (24, 0, 0)
    gate = read_gate(press.ws, plan["run_key"])
    assert gate
    assert (gate.state, gate.faults) == ("open", ())

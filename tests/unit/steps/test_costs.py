"""Costs on their way: written by the run that rendered, read by the next quote."""

from __future__ import annotations

import pytest
from job_press import ITEMS, Press

from pressrun.core import keys
from pressrun.core.job import JobRecord
from pressrun.core.observation import CostObservation
from pressrun.core.result import Progress
from pressrun.steps import costs
from pressrun.steps.costs import known_costs, record_costs
from pressrun.steps.jobs import job_records
from pressrun.steps.staging import staged_job


def rendered(press: Press) -> tuple[list[JobRecord], float]:
    order = press.order()
    press.create(order)
    press.upload(order.name, rendered=[0, 1, 2, 3])
    press.end(order.name, "Completed")
    records = job_records(press.ws, press.plan.run.run_key)
    return records, record_costs(press.ws, press.plan, records, [staged_job(press.ws, order.name)])


def test_a_finished_shard_is_what_the_next_quote_stands_on() -> None:
    press = Press()
    assert known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"].source == "assumed"
    records, seconds = rendered(press)
    assert seconds > 0
    basis = known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"]
    assert (basis.source, basis.jobs, basis.items) == ("measured", 1, 4)
    assert known_costs(press.ws, press.plan, instance_type="ml.g5.xlarge")["card"].source == "assumed"
    key = keys.cost("card", "ml.m5.xlarge", records[0].name)
    before = press.ws.work.get(key)
    record_costs(press.ws, press.plan, records, [staged_job(press.ws, records[0].name)])
    assert press.ws.work.get(key) == before


def test_only_the_newest_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    press = Press()
    monkeypatch.setattr(costs, "NEWEST", 3)
    for number in range(5):
        press.ws.write_once(
            keys.cost("card", "ml.m5.xlarge", f"job-{number}"),
            CostObservation(
                job=f"job-{number}", workflow="card", engine_class="proof-1", instance_type="ml.m5.xlarge",
                items=1, work=1.0, seconds=float(number), cold_seconds=None, wall_seconds=1.0,
                observed_at="2026-03-01T00:00:00+00:00",
            ),
        )  # fmt: skip
    basis = known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"]
    assert (basis.jobs, basis.rate_p50) == (3, 3.0)


def test_a_document_of_another_version_is_passed_over() -> None:
    press = Press()
    press.ws.work.put(keys.cost("card", "ml.m5.xlarge", "job"), b'{"schema":"cost/9"}')
    assert known_costs(press.ws, press.plan, instance_type="ml.m5.xlarge")["card"].source == "assumed"


def test_a_job_that_was_killed_counts_with_what_its_container_last_said() -> None:
    press = Press()
    order = press.order()
    said = Progress(
        job=order.name, host="algo-1", number=1, planned=len(ITEMS), rendered=0, failed=0, elapsed_seconds=77.0,
        busy_seconds=0.0, state="starting",
    )  # fmt: skip
    press.ws.write_once(f"{keys.staging(order.name)}progress/algo-1-000001.json", said)
    records = job_records(press.ws, press.plan.run.run_key)
    assert record_costs(press.ws, press.plan, records, [staged_job(press.ws, order.name)]) == 77.0

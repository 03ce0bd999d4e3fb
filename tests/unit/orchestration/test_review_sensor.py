"""HumanReviewSensor: waits only where a person is needed, never longer than the campaign says."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from factories import Run, collect, make_plan, make_request, make_spec, review, start_round

from pressrun.core import keys
from pressrun.core.refs import CollectionRef, ReviewRef
from pressrun.orchestration.review import HumanReviewSensor, ReviewTrigger
from pressrun.steps.workspace import Workspace, memory_workspace

SPEC = make_spec()


@pytest.fixture
def ws(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    ws = memory_workspace()
    monkeypatch.setattr(HumanReviewSensor, "_workspace", lambda self: ws)
    return ws


@pytest.fixture
def run(ws: Workspace) -> Run:
    return collect(ws, make_plan(SPEC, make_request(SPEC)))


def sensor(run: Run, *, number: int = 1, settled: bool = False, hours: float = 72) -> HumanReviewSensor:
    ref = CollectionRef(**(run.collection_ref | {"round": number, "settled": settled}))  # type: ignore[typeddict-item]
    return HumanReviewSensor(task_id="await_review", plan=run.plan_ref, collection=ref, timeout_hours=hours)


def look(found: HumanReviewSensor) -> ReviewRef:
    return found.execute({})  # type: ignore[arg-type]


def test_an_open_round_is_waited_for_without_a_worker(ws: Workspace, run: Run) -> None:
    opened = start_round(ws, run)
    with pytest.raises(TaskDeferred) as deferred:
        look(sensor(run, hours=2))
    trigger = deferred.value.trigger
    assert isinstance(trigger, ReviewTrigger)
    assert trigger.key == keys.round_closed(opened.campaign, opened.run_key, 1)
    late = datetime.fromisoformat(opened.opened_at) + timedelta(hours=2)
    assert trigger.deadline == pytest.approx(late.timestamp()), "a retry does not start the wait anew"
    assert trigger.deadline > time.time()


def test_a_finished_round_is_not_waited_for(ws: Workspace, run: Run) -> None:
    ref = review(ws, run)
    assert look(sensor(run)) == ref
    assert ref["by"] == "rosa"
    assert sensor(run).execute_complete({}, {"status": "closed"}) == ref  # type: ignore[arg-type]


def test_a_settled_round_needs_nobody(ws: Workspace, run: Run) -> None:
    review(ws, run)
    again = collect(ws, make_plan(SPEC, make_request(SPEC, "manual_2")))
    start_round(ws, again)
    ref = look(sensor(again, settled=True))
    assert ref["by"] == "pressrun"
    assert ref["counts"]["approved"] == 4


def test_a_round_that_is_not_settled_after_all_is_waited_for(ws: Workspace, run: Run) -> None:
    start_round(ws, run)
    with pytest.raises(TaskDeferred):
        look(sensor(run, settled=True))


def test_a_run_without_pictures_has_nothing_to_review(run: Run) -> None:
    with pytest.raises(AirflowSkipException, match="nothing to review"):
        look(sensor(run, number=0))


def test_nobody_came(ws: Workspace, run: Run) -> None:
    start_round(ws, run)
    with pytest.raises(AirflowFailException, match=r"within 72 hours; 4 cells are open, kenji, rosa may decide"):
        sensor(run).execute_complete({}, {"status": "timeout", "message": ""})  # type: ignore[arg-type]


def test_a_round_that_cannot_be_read_is_tried_again(ws: Workspace, run: Run) -> None:
    start_round(ws, run)
    with pytest.raises(AirflowException, match="AccessDenied"):
        sensor(run).execute_complete({}, {"status": "unreadable", "message": "AccessDenied"})  # type: ignore[arg-type]

"""RenderShardOperator against a SageMaker that is a dict: one job an attempt, attach, missing items, stops, ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from botocore.exceptions import ClientError
from fake_sagemaker import Hook, SageMaker
from job_press import Press

from pressrun.core.refs import ShardRef
from pressrun.orchestration import processing
from pressrun.orchestration.processing import RenderShardOperator
from pressrun.orchestration.triggers import ShardTrigger


class Stage:
    """An operator, its SageMaker and its workspace; `run` and `wake` return the deferral or the result."""

    def __init__(self, press: Press) -> None:
        self.press, self.aws = press, SageMaker()

    def operator(self, phase: str = "main") -> RenderShardOperator:
        return RenderShardOperator(
            task_id="render", plan=self.press.plan_ref, quote=self.press.quote_ref, phase=phase, index=0
        )  # type: ignore[arg-type]

    def run(self) -> TaskDeferred | ShardRef:
        return _caught(lambda: self.operator().execute({}))  # type: ignore[arg-type]

    def wake(self, status: str, job: str, **kwargs: Any) -> TaskDeferred | ShardRef:
        event = {"status": status, "job": job, "message": ""}
        return _caught(lambda: self.operator().execute_complete({}, event, **kwargs))  # type: ignore[arg-type]

    def started(self) -> str:
        deferred = self.run()
        assert isinstance(deferred, TaskDeferred)
        return trigger(deferred).job


def _caught(call: Callable[[], ShardRef]) -> TaskDeferred | ShardRef:
    try:
        return call()
    except TaskDeferred as deferred:
        return deferred


def trigger(deferred: TaskDeferred | ShardRef) -> ShardTrigger:
    assert isinstance(deferred, TaskDeferred)
    assert isinstance(deferred.trigger, ShardTrigger)
    return deferred.trigger


@pytest.fixture(params=[3])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(Press(attempts=request.param))
    monkeypatch.setattr(RenderShardOperator, "hook", Hook(stage.aws))
    monkeypatch.setattr(RenderShardOperator, "_workspace", lambda self: stage.press.ws)
    monkeypatch.setattr(processing, "last_lines", lambda hook, job: [f"last words of {job}"])
    return stage


def test_a_shard_is_one_created_job_and_a_long_wait(stage: Stage) -> None:
    waiting = trigger(stage.run())
    assert [request["ProcessingJobName"] for request in stage.aws.requests] == [waiting.job]
    patience = waiting.deadline - datetime.now(UTC).timestamp()
    assert patience > 10 * 60 + 1700, "the job may take its MaxRuntime, and start-up and upload besides"
    assert waiting.bucket == "pressrun-work"


def test_a_retry_attaches_to_the_running_job(stage: Stage) -> None:
    job = stage.started()
    assert trigger(stage.run()).job == job
    assert len(stage.aws.requests) == 1


def test_a_job_that_somebody_else_created_meanwhile_is_ours_by_name(stage: Stage) -> None:
    stage.aws.refuse = "ResourceInUse"
    assert trigger(stage.run()).job.startswith("pr-spring-main-0000-a1-")
    assert stage.aws.requests == []


def test_a_refused_creation_is_tried_again_by_airflow_under_the_same_name(stage: Stage) -> None:
    stage.aws.refuse = "ResourceLimitExceeded"
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        stage.run()
    assert "-a1-" in stage.started()


def test_a_completed_job_ends_the_task_with_counts(stage: Stage) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0, 1, 2], failed=[3])
    stage.aws.end(job, "Completed")
    assert stage.wake("Completed", job) == {"phase": "main", "index": 0, "jobs": [job], "rendered": 3, "failed": 1}


def test_a_failed_job_is_followed_by_one_with_the_missing_items_and_its_last_lines_are_logged(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0, 1])
    stage.aws.end(job, "Failed", reason="AlgorithmError: CUDA out of memory")
    second = trigger(stage.wake("Failed", job)).job
    logged = capsys.readouterr().out
    assert "-a2-" in second
    assert second != job
    assert len(stage.aws.requests) == 2
    assert "AlgorithmError: CUDA out of memory" in logged
    assert f"| last words of {job}" in logged


def test_completed_with_items_missing_is_not_success(stage: Stage) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0, 1])
    stage.aws.end(job, "Completed")
    assert "-a2-" in trigger(stage.wake("Completed", job)).job


def test_stopped_from_outside_fails_and_says_what_remains(stage: Stage) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0])
    stage.aws.end(job, "Stopped")
    with pytest.raises(AirflowFailException, match=r"stopped from outside; 3 items of main shard 0 remain, finished"):
        stage.wake("Stopped", job)
    assert len(stage.aws.requests) == 1, "nobody buys on against the person who stopped it"
    assert "-a2-" in stage.started(), "clearing the task is a wish to go on"


def test_stopped_by_its_own_max_runtime_goes_on_with_the_missing_items(stage: Stage) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0])
    stage.aws.end(job, "Stopped", seconds=600)
    assert "-a2-" in trigger(stage.wake("Stopped", job)).job


def test_a_cleared_task_waits_for_the_stop_it_caused_and_then_goes_on(stage: Stage) -> None:
    job = stage.started()
    stage.aws.end(job, "Stopping")
    deferred = stage.run()
    assert trigger(deferred).job == job
    assert isinstance(deferred, TaskDeferred)
    assert deferred.kwargs == {"expected_stop": True}
    stage.aws.end(job, "Stopped")
    assert "-a2-" in trigger(stage.wake("Stopped", job, **deferred.kwargs)).job


def test_a_job_that_outlives_its_deadline_is_stopped(stage: Stage) -> None:
    job = stage.started()
    with pytest.raises(AirflowException, match="runs longer than its MaxRuntime allows"):
        stage.wake("timeout", job)
    assert stage.aws.stopped == [job]


def test_a_job_that_cannot_be_looked_at_names_the_permission(stage: Stage) -> None:
    job = stage.started()
    with pytest.raises(AirflowException, match="sagemaker:DescribeProcessingJob"):
        stage.wake("unreadable", job)
    assert trigger(stage.run()).job == job


@pytest.mark.parametrize("stage", [2], indirect=True)
def test_no_more_jobs_than_the_campaign_allows_over_all_tries(stage: Stage) -> None:
    for _ in range(2):
        stage.aws.end(stage.started(), "Failed", reason="InternalServerError")
    with pytest.raises(AirflowFailException, match=r"4 of 4 items are still missing after 2 jobs.*InternalServerError"):
        stage.run()
    assert len(stage.aws.requests) == 2


@pytest.mark.parametrize("stage", [1], indirect=True)
def test_an_exhausted_shard_with_pictures_does_not_lose_the_run(stage: Stage) -> None:
    job = stage.started()
    stage.press.upload(job, rendered=[0])
    stage.aws.end(job, "Failed")
    end = stage.wake("Failed", job)
    assert not isinstance(end, TaskDeferred)
    assert (end["rendered"], end["failed"]) == (1, 3)


def test_a_run_without_a_canary_skips_it(stage: Stage) -> None:
    with pytest.raises(AirflowSkipException, match="too small for a canary"):
        stage.operator("canary").execute({})  # type: ignore[arg-type]


def test_a_worker_killed_before_it_defers_stops_what_it_created(stage: Stage) -> None:
    operator = stage.operator()
    operator.on_kill()
    assert stage.aws.stopped == []
    with pytest.raises(TaskDeferred):
        operator.execute({})  # type: ignore[arg-type]
    operator.on_kill()
    assert stage.aws.stopped == [stage.aws.requests[0]["ProcessingJobName"]]

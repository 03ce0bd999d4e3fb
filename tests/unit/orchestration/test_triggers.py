"""Triggers: the first look comes late, throttling is waited out, progress is told once, a kill stops the job."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pressrun.core.result import Progress
from pressrun.orchestration.polling import FIRST_POLL_SECONDS, backoff_seconds, is_passing
from pressrun.orchestration.review import ReviewTrigger
from pressrun.orchestration.triggers import ShardTrigger

JOB = "pr-spring-main-0000-a1-0123456789ab"


def client_error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DescribeProcessingJob")


class Body(io.BytesIO):
    async def __aenter__(self) -> Body:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    async def read(self) -> bytes:  # type: ignore[override]
        return super().read()


class Aws:
    """SageMaker and S3 in one: statuses (or errors) are given out one a look; the last one stays."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.objects: dict[str, bytes] = {}
        self.stopped: list[str] = []
        self.looks = 0

    async def __aenter__(self) -> Aws:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def _answer(self) -> str:
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def describe_processing_job(self, *, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        assert ProcessingJobName == JOB
        return {"ProcessingJobStatus": self._answer()}

    async def stop_processing_job(self, *, ProcessingJobName: str) -> None:  # noqa: N803
        self._answer()
        self.stopped.append(ProcessingJobName)

    async def head_object(self, **_: str) -> None:
        if self._answer() != "there":
            raise client_error("404", 404)

    async def get_object(self, *, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": Body(self.objects[Key])}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_objects_v2"
        return self

    async def paginate(self, *, Prefix: str, StartAfter: str, **_: str) -> AsyncIterator[dict[str, Any]]:  # noqa: N803
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        yield {"Contents": [{"Key": key} for key in keys]}


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds slept, without sleeping."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


def shard_trigger(monkeypatch: pytest.MonkeyPatch, aws: Aws, *, deadline: float | None = None) -> ShardTrigger:
    trigger = ShardTrigger(
        job=JOB, deadline=deadline or time.time() + 3600, poll_seconds=2.0, bucket="work", usd_per_hour=3.6
    )

    async def connect() -> Aws:
        return aws

    monkeypatch.setattr(trigger, "_sagemaker", connect)
    monkeypatch.setattr(trigger, "_s3", connect)
    return trigger


async def fired(trigger: ShardTrigger | ReviewTrigger) -> dict[str, Any]:
    events = [event.payload async for event in trigger.run()]
    assert len(events) == 1
    return dict(events[0])


async def test_it_waits_as_long_as_the_job_runs(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    aws = Aws(*["InProgress"] * 500, "Stopping", "Stopped")
    event = await fired(shard_trigger(monkeypatch, aws))
    assert event == {"status": "Stopped", "job": JOB, "message": ""}
    assert aws.looks == 502, "the stock limit is 60"


async def test_the_first_look_comes_late_enough_for_the_scheduler(
    monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    await fired(shard_trigger(monkeypatch, Aws("Completed")))
    assert naps[0] == FIRST_POLL_SECONDS >= 5


@pytest.mark.parametrize(
    "error",
    [client_error("ThrottlingException"), client_error("Whatever", 503), EndpointConnectionError(endpoint_url="x")],
    ids=["throttled", "503", "away"],
)
async def test_what_passes_is_waited_out(monkeypatch: pytest.MonkeyPatch, naps: list[float], error: Exception) -> None:
    event = await fired(shard_trigger(monkeypatch, Aws(*[error] * 8, "Completed")))
    assert event["status"] == "Completed"
    assert naps[1:9] == [4, 8, 16, 32, 60, 60, 60, 60]


async def test_what_a_person_must_mend_is_told(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    event = await fired(shard_trigger(monkeypatch, Aws(client_error("AccessDeniedException"))))
    assert event["status"] == "unreadable"
    assert "AccessDeniedException" in event["message"]


@pytest.mark.parametrize("answer", ["InProgress", client_error("ThrottlingException")], ids=["running", "silent"])
async def test_the_deadline_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch, naps: list[float], answer: str | Exception
) -> None:
    event = await fired(shard_trigger(monkeypatch, Aws(answer), deadline=1.0))
    assert event["status"] == "timeout"


async def test_progress_is_logged_when_it_changes(
    monkeypatch: pytest.MonkeyPatch, naps: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    aws = Aws("InProgress", "InProgress", "InProgress", "Completed")
    trigger = shard_trigger(monkeypatch, aws)
    look: Callable[..., Any] = aws.describe_processing_job
    rendered = iter([0, 184, 184, 600])

    async def and_upload(**arguments: str) -> Any:
        number = aws.looks + 1
        document = Progress(
            job=JOB, host="algo-1", number=number, planned=600, rendered=next(rendered), failed=0,
            elapsed_seconds=3120, busy_seconds=1533.3, state="rendering",
        )  # fmt: skip
        aws.objects[f"staging/{JOB}/progress/algo-1-{number:06d}.json"] = document.to_bytes()
        return await look(**arguments)

    monkeypatch.setattr(aws, "describe_processing_job", and_upload)
    await fired(trigger)
    logged = [line for line in capsys.readouterr().out.splitlines() if "/600" in line]
    wanted = ["0/600 · $3.12", "184/600 · 7.2/min · ETA 58 min · $3.12", "600/600 · 23.5/min · ETA 0 s · $3.12"]
    assert len(logged) == len(wanted), "once where nothing changed"
    assert all(f" {line} · {JOB}" in found for line, found in zip(wanted, logged, strict=True))


async def test_unreadable_progress_never_ends_a_wait(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    aws = Aws("InProgress", "Completed")
    aws.objects[f"staging/{JOB}/progress/algo-1-000001.json"] = b'{"schema": "progr'
    assert (await fired(shard_trigger(monkeypatch, aws)))["status"] == "Completed"


async def test_a_kill_stops_the_job_even_when_throttled(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    aws = Aws(client_error("ThrottlingException"), client_error("ThrottlingException"), "ok")
    await shard_trigger(monkeypatch, aws).on_kill()
    assert aws.stopped == [JOB]


async def test_a_kill_of_a_job_that_has_ended_is_quiet(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    aws = Aws(client_error("ValidationException"))
    await shard_trigger(monkeypatch, aws).on_kill()
    assert aws.looks == 1


@pytest.mark.parametrize(
    "trigger",
    [
        ShardTrigger(job=JOB, deadline=5.0, poll_seconds=1.0, bucket="b", bucket_owner="1", region_name="eu-west-1"),
        ReviewTrigger(bucket="b", key="k", deadline=5.0, poll_seconds=1.0, region_name="eu-west-1"),
    ],
    ids=["shard", "review"],
)
def test_a_trigger_survives_a_restart_of_the_triggerer(trigger: ShardTrigger | ReviewTrigger) -> None:
    from airflow.sdk.module_loading import import_string

    path, kwargs = trigger.serialize()
    again = import_string(path)(**kwargs)
    assert again.serialize() == trigger.serialize()
    assert kwargs["deadline"] == 5.0
    assert kwargs["region_name"] == "eu-west-1"


def review_trigger(monkeypatch: pytest.MonkeyPatch, aws: Aws, *, deadline: float | None = None) -> ReviewTrigger:
    trigger = ReviewTrigger(bucket="work", key="closed.json", deadline=deadline or time.time() + 60, poll_seconds=1.0)

    async def connect() -> Aws:
        return aws

    monkeypatch.setattr(trigger, "_s3", connect)
    return trigger


async def test_the_review_trigger_waits_for_one_object(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    aws = Aws("not there", "not there", client_error("SlowDown", 503), "there")
    assert (await fired(review_trigger(monkeypatch, aws)))["status"] == "closed"
    assert aws.looks == 4
    assert naps[0] >= FIRST_POLL_SECONDS


async def test_the_review_trigger_has_a_deadline_and_tells_what_it_may_not_read(
    monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    assert (await fired(review_trigger(monkeypatch, Aws("not there"), deadline=1.0)))["status"] == "timeout"
    assert (await fired(review_trigger(monkeypatch, Aws(client_error("403", 403)))))["status"] == "unreadable"


def test_backoff_doubles_up_to_a_minute() -> None:
    assert [backoff_seconds(n, poll_seconds=5) for n in (1, 2, 3, 9)] == [10, 20, 40, 60]
    assert backoff_seconds(1, poll_seconds=120) == 120
    assert not is_passing(ValueError("a bug"))

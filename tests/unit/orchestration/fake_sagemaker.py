"""SageMaker as a dict: what the operator and the reaper call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

STARTED = datetime(2026, 3, 1, tzinfo=UTC)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, "ResponseMetadata": {}}, "CreateProcessingJob")  # type: ignore[typeddict-item]


class SageMaker:
    """The three calls the operator makes. `refuse` names an error for the next create."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.refuse: str | None = None

    def create_processing_job(self, **request: Any) -> None:
        if self.refuse:
            code, self.refuse = self.refuse, None
            raise _error(code)
        name = request["ProcessingJobName"]
        if name in self.jobs:
            raise _error("ResourceInUse")
        self.requests.append(request)
        self.jobs[name] = {"ProcessingJobStatus": "InProgress", "StoppingCondition": request["StoppingCondition"]}

    def describe_processing_job(self, *, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        if ProcessingJobName not in self.jobs:
            raise _error("ValidationException")
        return self.jobs[ProcessingJobName]

    def stop_processing_job(self, *, ProcessingJobName: str) -> None:  # noqa: N803
        self.stopped.append(ProcessingJobName)
        self.end(ProcessingJobName, "Stopping")

    def end(self, name: str, status: str, *, seconds: float = 30.0, reason: str = "") -> None:
        ended = {"ProcessingStartTime": STARTED, "ProcessingEndTime": STARTED + timedelta(seconds=seconds)}
        self.jobs[name] |= {"ProcessingJobStatus": status, "FailureReason": reason, **ended}


class Hook:
    def __init__(self, conn: SageMaker) -> None:
        self.conn = conn

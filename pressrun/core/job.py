"""Jobs: what was ordered from SageMaker Processing, written down before it is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pressrun.core.codec import VersionedDocument
from pressrun.core.shard import Phase

# A job may run this long over its MaxRuntime before waiting for it is given up: start-up, download, upload.
START_AND_UPLOAD_SECONDS = 1800.0
RUNNING = ("InProgress", "Stopping")


class JobRecord(VersionedDocument):
    """One ordered job, at runs/{run_key}/jobs/{name}.json, created with If-None-Match before CreateProcessingJob.

    `quoted` is the digest of the quoted shard, so that a second quote of the same run does not count the first one's
    attempts as its own. `shard_sha256` is the digest of the shard document that the container must find.
    """

    SCHEMA: ClassVar[str] = "job/1"

    run_key: str
    name: str
    phase: Phase
    index: int
    attempt: int
    quoted: str
    item_ids: tuple[str, ...]
    shard_sha256: str
    instance_type: str
    ordered_at: str


@dataclass(frozen=True, slots=True)
class JobState:
    """What DescribeProcessingJob says of a job. `ran_seconds` is None until it has both started and ended."""

    name: str
    status: str
    failure_reason: str = ""
    exit_message: str = ""
    ran_seconds: float | None = None

    @property
    def running(self) -> bool:
        return self.status in RUNNING

    def out_of_time(self, max_runtime_seconds: float) -> bool:
        """True where the job was ended by its MaxRuntime and not by a person: it ran (nearly) that long."""
        return self.ran_seconds is not None and self.ran_seconds >= 0.95 * max_runtime_seconds

    def sentence(self) -> str:
        """The state with its reasons, for a log or a failure message."""
        reasons = [text for text in (self.failure_reason, self.exit_message) if text]
        return f"job {self.name} is {self.status}" + (f": {' · '.join(reasons)}" if reasons else "")

"""All jobs of an endpoint: reading them back after a restart, ending what an endpoint that crashed left running."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path

from pressrun.local import processes
from pressrun.local.sagemaker.job import INTERNAL_ERROR
from pressrun.local.sagemaker.process import end_container
from pressrun.local.sagemaker.record import JobRecord

log = logging.getLogger(__name__)


class JobBook:
    """The records under `{root}/jobs`, by job name. Callers hold `lock` while they look and then write."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "jobs"
        self.lock = threading.RLock()
        self.directory.mkdir(parents=True, exist_ok=True)
        # Requests carry environments; those are nobody else's business on a shared machine.
        root.chmod(0o700)
        self._records = {record.name: record for record in end_left_over(root)}

    def get(self, name: str) -> JobRecord | None:
        return self._records.get(name)

    def by_arn(self, arn: str) -> JobRecord | None:
        return next((record for record in self.all() if record.arn == arn), None)

    def all(self) -> list[JobRecord]:
        with self.lock:
            return list(self._records.values())

    def add(self, record: JobRecord) -> None:
        shutil.rmtree(record.home, ignore_errors=True)  # a torn record may have left files under this name
        record.save()
        self._records[record.name] = record

    def remove(self, record: JobRecord) -> None:
        del self._records[record.name]
        shutil.rmtree(record.home, ignore_errors=True)


def end_left_over(root: Path) -> list[JobRecord]:
    """Read all records; a job that was in flight when its endpoint died is ended and becomes Failed.

    Its exit code can no longer be known (it is not our child), so it is never called Completed, and nothing more is
    uploaded: what Continuous sweeps sent stays, and a new job makes the rest. Call it only when no endpoint runs on
    this root.
    """
    records = []
    for path in sorted((root / "jobs").glob("*/job.json")):
        try:
            record = JobRecord.load(path.parent)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("ignoring %s, which is not a job record: %r", path, exc)
            continue
        if not record.ended:
            for host in record.hosts:
                known = record.pids.get(host)
                ours = known is not None and processes.is_same(known["pid"], known["stamp"])
                end_container(known["pid"] if known and ours else None, record.base(host))
            record.update(ProcessingJobStatus="Failed", ProcessingEndTime=time.time(), FailureReason=INTERNAL_ERROR)
            log.warning("job %s was in flight when the endpoint died: Failed", record.name)
        records.append(record)
    return records

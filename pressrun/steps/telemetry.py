"""The numbers of a finished job, from the event and result files that its container left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressrun.core import keys
from pressrun.core.events import Metric, job_metrics, read_events
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace


def metrics_of_job(ws: Workspace, job: str, *, campaign: str, press: str) -> list[Metric]:
    """Metrics of a job, tagged with its campaign and press. A killed job's numbers are what had been uploaded."""
    staged = staged_job(ws, job)
    results = [*staged.rendered.values(), *staged.failed.values()]
    return job_metrics(_events(ws, job), results, tags={"campaign": campaign, "press": press})


def _events(ws: Workspace, job: str) -> Iterator[dict[str, Any]]:
    for info in ws.work.list(f"{keys.staging(job)}events/"):
        yield from read_events(ws.work.get(info.key))

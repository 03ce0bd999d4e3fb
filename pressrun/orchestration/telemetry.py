"""A finished job's numbers as Airflow metrics, which Airflow sends to StatsD or OpenTelemetry as it is configured.

The container has no network; whoever waits for it has. Off by default (PRESSRUN_METRICS). Nothing here can fail a run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from pressrun.core.events import Metric
from pressrun.steps.telemetry import metrics_of_job
from pressrun.steps.workspace import Workspace

PREFIX = "pressrun."
log = logging.getLogger(__name__)


class Meter(Protocol):
    """What Airflow's stats offer: names with dots, tags as text; StatsD drops the tags unless told otherwise."""

    def incr(self, stat: str, count: int = 1, *, tags: dict[str, str]) -> None: ...

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None: ...

    def timing(self, stat: str, dt: float, *, tags: dict[str, str]) -> None: ...


def airflow_meter() -> Meter:
    """Airflow's own stats, as [metrics] of its configuration says."""
    from airflow.sdk.observability import stats  # noqa: PLC0415 - only where metrics are switched on

    return stats


def tell_job(ws: Workspace, job: str, *, campaign: str, press: str, meter: Callable[[], Meter] | None = None) -> int:
    """Send a finished job's metrics where PRESSRUN_METRICS is on. Returns how many; 0 where off or on any failure."""
    if not ws.settings.metrics:
        return 0
    try:
        metrics = metrics_of_job(ws, job, campaign=campaign, press=press)
        chosen = (meter or airflow_meter)()
        for metric in metrics:
            send(chosen, metric)
    except Exception:  # whatever it is: pictures that are paid for are worth more than their statistics
        log.warning("metrics of job %s were not sent", job, exc_info=True)
        return 0
    return len(metrics)


def send(meter: Meter, metric: Metric) -> None:
    """Send one metric in the unit that Airflow's own have: timings in milliseconds."""
    name, tags = PREFIX + metric.name, dict(metric.tags)
    if metric.kind == "count":
        meter.incr(name, int(metric.value), tags=tags)
    elif metric.kind == "gauge":
        meter.gauge(name, metric.value, tags=tags)
    else:
        meter.timing(name, metric.value * 1000, tags=tags)

"""Events of a job, read back: what the runner wrote line by line, and the numbers that a dashboard wants of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from pressrun.core.result import ItemResult

MetricKind = Literal["count", "gauge", "seconds"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number. `tags` hold names of few values only: an item's or a job's name would make a series of its own."""

    name: str
    kind: MetricKind
    value: float
    tags: Mapping[str, str] = field(default_factory=dict)


def read_events(data: bytes) -> Iterator[dict[str, Any]]:
    """The events of a file. A line that is cut (its job was killed) or no event is left out."""
    for line in data.splitlines():
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            yield event


def job_metrics(
    events: Iterable[Mapping[str, Any]], results: Iterable[ItemResult], *, tags: Mapping[str, str]
) -> list[Metric]:
    """The numbers of one job: items by outcome, failures by kind, retries, restarts, seconds, peak memory.

    `tags` go on every metric. Seconds are one metric an item, so that percentiles are real ones.
    """
    found: list[Metric] = []
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for result in results:
        outcomes[result.outcome] += 1
        if result.error:
            failures[result.error.kind] += 1
        else:
            found.append(Metric("item_seconds", "seconds", result.seconds, tags))
    counted: Counter[str] = Counter()
    peak = 0.0
    for event in events:
        counted[str(event["event"])] += 1
        if isinstance(bytes_ := event.get("peak_bytes"), int | float):
            peak = max(peak, float(bytes_))
        if event["event"] == "engine_started" and isinstance(seconds := event.get("seconds"), int | float):
            found.append(Metric("engine_start_seconds", "seconds", float(seconds), tags))
    for outcome in ("rendered", "failed"):
        found.append(Metric("items", "count", outcomes[outcome], {**tags, "outcome": outcome}))
    found += [Metric("item_failures", "count", n, {**tags, "kind": kind}) for kind, n in sorted(failures.items())]
    # Zeros are sent too: an alarm on restarts must see that there were none.
    found += [
        Metric(name, "count", counted[event], tags)
        for name, event in (("item_retries", "retry"), ("items_lost", "lost"), ("engine_restarts", "restart"))
    ]
    if peak:
        found.append(Metric("engine_peak_bytes", "gauge", peak, tags))
    return found

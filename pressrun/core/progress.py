"""Progress: the newest progress documents of a job's hosts, added up to one line a person can read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pressrun.core.result import Progress


@dataclass(frozen=True, slots=True)
class ProgressSummary:
    """`done` counts rendered and failed items; `rate` is items a minute, None while nothing is finished."""

    planned: int
    rendered: int
    failed: int
    elapsed_seconds: float
    rate: float | None
    usd: float | None

    @property
    def done(self) -> int:
        return self.rendered + self.failed

    @property
    def eta_seconds(self) -> float | None:
        """Seconds to the last item at the present rate; None while there is no rate."""
        return None if not self.rate else max(0, self.planned - self.done) / self.rate * 60

    def line(self) -> str:
        """`184/600 · 7.2/min · ETA 58 min · $3.12`, leaving out what is not known and failures where there are none."""
        parts = [f"{self.done}/{self.planned}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.rate is not None:
            parts.append(f"{self.rate:.1f}/min")
        if self.eta_seconds is not None:
            parts.append(f"ETA {_duration(self.eta_seconds)}")
        if self.usd is not None:
            parts.append(f"${self.usd:.2f}")
        return " · ".join(parts)


def summarize(documents: Iterable[Progress], *, usd_per_hour: float | None) -> ProgressSummary | None:
    """Add up the newest document of each host; None where there is none yet. Money is instance time × price."""
    newest: dict[str, Progress] = {}
    for document in documents:
        known = newest.get(document.host)
        if known is None or document.number > known.number:
            newest[document.host] = document
    if not newest:
        return None
    hosts = list(newest.values())
    rendered, failed = sum(host.rendered for host in hosts), sum(host.failed for host in hosts)
    elapsed = max(host.elapsed_seconds for host in hosts)
    busy = max(host.busy_seconds for host in hosts)
    paid = sum(host.elapsed_seconds for host in hosts)
    return ProgressSummary(
        planned=sum(host.planned for host in hosts),
        rendered=rendered,
        failed=failed,
        elapsed_seconds=elapsed,
        rate=(rendered + failed) / busy * 60 if rendered + failed and busy > 0 else None,
        usd=None if usd_per_hour is None else paid / 3600 * usd_per_hour,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"

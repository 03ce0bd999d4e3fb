"""What a run takes besides machines: people's time, room on disk, and what one run over many markets spares."""

from __future__ import annotations

from pydantic import BaseModel


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class ReviewEstimate(_Part):
    """People's time: `cells` with a picture that nobody saw yet, `candidates` in them, `seconds` of looking.

    `usd` is None where the policy names no hourly rate. `source` says where the seconds are from.
    """

    cells: int
    candidates: int
    seconds: float
    usd: float | None
    source: str

    def sentence(self) -> str:
        """`review: about 12 min for 80 candidates in 40 cells, $9.00 of people's time (policy, 2026-11-20)`."""
        money = "" if self.usd is None else f", ${self.usd:,.2f} of people's time"
        return (
            f"about {self.seconds / 60:,.0f} min for {self.candidates:,} candidates in {self.cells:,} cells{money} "
            f"({self.source})"
        )


class StorageEstimate(_Part):
    """What is added to the buckets. `bytes` are drafts for `days`, then gone; `kept_bytes` are deliveries, for good.

    `usd_per_month` is for both while they lie there, `usd` the drafts' price over their `days`; None without a price.
    """

    images: int
    bytes: int
    kept_bytes: int
    retention: str
    days: int
    usd_per_month: float | None
    usd: float | None
    source: str
    price_source: str

    def sentence(self) -> str:
        """`1.2 GB of drafts for 365 days and 0.4 GB delivered, $0.04 a month (…)`."""
        money = "no price known" if self.usd_per_month is None else f"${self.usd_per_month:,.4f} a month"
        return (
            f"{_size(self.bytes)} of drafts for {self.days} days and {_size(self.kept_bytes)} delivered, {money} "
            f"({self.source})"
        )


class MarketSaving(_Part):
    """One run over `markets` against a run for each: cold starts not paid, and what they would have taken and cost."""

    markets: int
    jobs: int
    jobs_apart: int
    seconds: float
    usd: float | None

    @property
    def cold_starts(self) -> int:
        """How many cold starts are not paid."""
        return self.jobs_apart - self.jobs

    def sentence(self) -> str:
        """`one run of 2 jobs instead of 12 runs of 24: 22 cold starts spared, 110 min, $2.58`."""
        money = "" if self.usd is None else f", ${self.usd:,.2f}"
        jobs = f"{self.jobs} job{'s' * (self.jobs != 1)}"
        return (
            f"one run of {jobs} instead of {self.markets} runs of {self.jobs_apart}: {self.cold_starts} cold "
            f"start{'s' * (self.cold_starts != 1)} spared, {self.seconds / 60:,.0f} min{money}"
        )


class InstanceChoice(_Part):
    """One instance type that was considered. `reason` says why it was chosen or passed over; usd None: no price."""

    instance_type: str
    chosen: bool
    reason: str
    jobs: int = 0
    seconds: float = 0.0
    wall_seconds: float = 0.0
    usd: float | None = None


def _size(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"

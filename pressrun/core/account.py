"""The run's account: what became of every planned item and of every approval, and what is left to do."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from pressrun.core.campaign import RetentionClass
from pressrun.core.codec import VersionedDocument
from pressrun.core.errors import ConflictError
from pressrun.core.quote import Quote


class Remaining(BaseModel):
    """A candidate of a cell that the run did not deliver: how it ended, and why as far as anybody said."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    cell_id: str
    label: str
    state: str
    reason: str = ""


class Account(BaseModel):
    """The counts of a run. `seconds` is the sum of its `jobs`; `usd` and `quote_usd` are None where no price is known.

    planned = rendered + reused + qc_rejected + failed + lost, and approved = published + already_published once a round
    was published.
    """

    model_config = {"extra": "forbid", "frozen": True}

    run_id: str
    planned: int
    rendered: int = 0
    reused: int = 0
    qc_rejected: int = 0
    failed: int = 0
    approved: int = 0
    rejected: int = 0
    changes_requested: int = 0
    not_selected: int = 0
    published: int = 0
    already_published: int = 0
    lost: int = 0
    jobs: int = 0
    seconds: float = 0.0
    usd: float | None = None
    quote_usd: float | None = None

    def check(self, *, published: bool) -> None:
        """ConflictError where the sums do not add up. `published` says whether approvals had to be published by now."""
        ended = self.rendered + self.reused + self.qc_rejected + self.failed + self.lost
        if self.planned != ended:
            raise ConflictError(
                f"the account does not add up: {self.planned} planned, {ended} accounted for",
                where=self.run_id,
                remedy="clear collect_results and run it again; it reads what the jobs uploaded",
            )
        delivered = self.published + self.already_published
        if published and self.approved != delivered:
            raise ConflictError(
                f"the account does not add up: {self.approved} approved, {delivered} published",
                where=self.run_id,
                remedy="clear publish_assets and run it again; what is published already stays as it is",
            )


class EstimateCheck(BaseModel):
    """The quote against what the run's jobs took, cold starts included. Seconds add up all instances.

    `error_percent` is positive where the quote was too high; `within_p90` says whether the run stayed below its p90.
    """

    model_config = {"extra": "forbid", "frozen": True}

    quoted_seconds: float
    quoted_p90: float
    actual_seconds: float
    error_percent: float
    within_p90: bool
    quoted_usd: float | None
    actual_usd: float | None
    measured: bool

    @classmethod
    def of(cls, quote: Quote, *, job_seconds: float) -> EstimateCheck:
        hourly = quote.usd_per_hour
        return cls(
            quoted_seconds=round(quote.seconds, 3),
            quoted_p90=round(quote.seconds_p90, 3),
            actual_seconds=job_seconds,
            error_percent=round((quote.seconds / job_seconds - 1) * 100, 1),
            within_p90=job_seconds <= quote.seconds_p90,
            quoted_usd=quote.usd,
            actual_usd=None if hourly is None else round(job_seconds / 3600 * hourly, 6),
            measured=all(basis.source != "assumed" for basis in quote.cost.values()),
        )


class RunSummary(VersionedDocument):
    """close.json of a run. `remaining` lists at most the first 500 candidates of cells without a delivered file.

    `estimate` compares quote and jobs; None where nothing was bought.
    """

    SCHEMA: ClassVar[str] = "run-summary/1"

    run_key: str
    campaign: str
    dag_id: str
    drop: str
    press: str
    dry_run: bool
    collection_key: str | None
    retention: RetentionClass
    account: Account
    remaining: tuple[Remaining, ...] = ()
    remaining_total: int = 0
    lineage_uri: str
    closed_at: str
    estimate: EstimateCheck | None = None

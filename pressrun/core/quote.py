"""The quote: what a run would buy, in which shards, for how much at most."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.cost import CostBasis
from pressrun.core.estimate import InstanceChoice, MarketSaving, ReviewEstimate, StorageEstimate
from pressrun.core.findings import Finding
from pressrun.core.shard import Phase


class ShardPlan(BaseModel):
    """The items of one future job. `seconds` is expected (p50) with its cold start."""

    model_config = {"extra": "forbid", "frozen": True}

    phase: Phase
    index: int
    item_ids: tuple[str, ...]
    seconds: float
    seconds_p90: float = 0.0


class Quote(VersionedDocument):
    """Written by quote_run.

    `seconds` (p50) and `seconds_p90` add up all instances, cold starts too; `wall_seconds` and `wall_p90` are from the
    first order to the last picture with `job.parallel` jobs at a time. `cost` says for each workflow what the estimate
    stands on. `findings` tell why the run cannot be as the campaign wants it. `usd` is None for what has no price; it
    is then counted in `unpriced`, never taken as zero, and named in `not_priced`.

    `parallel` jobs at a time are what the times stand on: `job.parallel`, or the quota where that is lower (0 in older
    documents). `probe`: nothing was known of a workflow here, so the canary measures it before the rest is bought.
    `choices` are the instance types that were considered. `saving` is None where there is nothing to save.
    """

    SCHEMA: ClassVar[str] = "quote/1"

    run_key: str
    plan_digest: str
    planned: int
    reused: tuple[str, ...]
    shards: tuple[ShardPlan, ...]
    instance_type: str
    usd_per_hour: float | None
    price_source: str
    seconds: float
    usd: float | None
    ceiling_usd: float | None
    unpriced: int
    approve_over: float
    limit: float
    seconds_p90: float = 0.0
    usd_p90: float | None = None
    wall_seconds: float = 0.0
    wall_p90: float = 0.0
    cost: dict[str, CostBasis] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    parallel: int = 0
    probe: bool = False
    choices: tuple[InstanceChoice, ...] = ()
    review: ReviewEstimate | None = None
    storage: StorageEstimate | None = None
    saving: MarketSaving | None = None
    not_priced: tuple[str, ...] = ()

    @property
    def to_render(self) -> int:
        return sum(len(shard.item_ids) for shard in self.shards)

    @property
    def needs_approval(self) -> bool:
        """True where the most this could cost is above the campaign's threshold, or is not known for a paid press."""
        if not self.to_render:
            return False
        return self.ceiling_usd is None or self.ceiling_usd > self.approve_over

    def besides(self) -> tuple[str, ...]:
        """What else there is to know before agreeing, a sentence each: people's time, storage, savings, choices."""
        said = []
        if len(self.choices) > 1:
            reasons = "; ".join(f"{one.instance_type}: {one.reason}" for one in self.choices if not one.chosen)
            said.append(f"instance: {self.instance_type}, chosen from {len(self.choices)} ({reasons})")
        if self.probe:
            count = len(self.shard("canary", 0).item_ids)
            said.append(
                f"probe: nothing was measured yet, so {count} pictures are rendered first and tell what they take"
            )
        if self.review and self.to_render:
            said.append(f"review: {self.review.sentence()}")
        if self.storage and self.to_render:
            said.append(f"storage: {self.storage.sentence()}")
        if self.saving:
            said.append(f"markets: {self.saving.sentence()}")
        if self.not_priced:
            said.append(f"without a price: {', '.join(self.not_priced)}")
        return tuple(said)

    def shard(self, phase: Phase, index: int) -> ShardPlan:
        return next(shard for shard in self.shards if (shard.phase, shard.index) == (phase, index))

    def count(self, phase: Phase) -> int:
        return sum(shard.phase == phase for shard in self.shards)


class Price(BaseModel):
    """USD an hour of one instance type, and where that number is from."""

    model_config = {"extra": "forbid", "frozen": True}

    usd_per_hour: float
    source: str

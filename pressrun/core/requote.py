"""The quote looked at again once the canary has shown what a picture takes, and before the rest is bought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pressrun.core.codec import VersionedDocument
from pressrun.core.cost import CostBasis
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.core.quoting import shard_plan, wall_of

REMEDY = (
    "raise job.max_runtime_minutes or job.attempts and trigger again: it is quoted anew from what was measured, and "
    "what is rendered is kept; or ask for fewer items"
)


class Requote(VersionedDocument):
    """At runs/{run_key}/requotes/{quote digest}.json, written once by open_gate. Seconds and USD of the main shards.

    `needed_jobs` are the jobs it would take where one is stopped at its MaxRuntime and the next goes on, `agreed_jobs`
    the most that the quote pays for. `exceeds` is empty, or says why the run cannot be done for what was agreed to.
    """

    SCHEMA: ClassVar[str] = "requote/1"

    run_key: str
    quote_digest: str
    probe: bool
    cost: dict[str, CostBasis]
    quoted_seconds: float
    seconds: float
    seconds_p90: float
    wall_seconds: float
    quoted_usd: float | None
    usd: float | None
    ceiling_usd: float | None
    needed_jobs: int
    agreed_jobs: int
    exceeds: str = ""

    def sentence(self) -> str:
        """What the canary taught, for a log."""
        money = "" if self.usd is None or self.quoted_usd is None else f", ${self.usd:,.2f} (${self.quoted_usd:,.2f})"
        return (
            f"after the canary: {self.seconds / 60:,.1f} min of machine time for the rest "
            f"({self.quoted_seconds / 60:,.1f} min were quoted){money}"
        )


def requote(plan: RenderPlan, quote: Quote, *, digest: str, bases: Mapping[str, CostBasis]) -> Requote:
    """The main shards with what is known now. The cut stays: it is what was agreed to."""
    items = {item.item_id: item for item in plan.items}
    before = [shard for shard in quote.shards if shard.phase == "main"]
    now = [shard_plan("main", shard.index, [items[item_id] for item_id in shard.item_ids], bases) for shard in before]
    job, hourly = plan.spec.job, quote.usd_per_hour
    longest = job.max_runtime_minutes * 60
    cold = max(basis.cold_p50 for basis in bases.values())
    needed = [_jobs(shard.seconds, cold=cold, longest=longest) for shard in now]
    worst = max(needed, default=0)
    seconds, quoted = sum(shard.seconds for shard in now), sum(shard.seconds for shard in before)
    return Requote(
        run_key=plan.run.run_key,
        quote_digest=digest,
        probe=quote.probe,
        cost=dict(bases),
        quoted_seconds=round(quoted, 3),
        seconds=round(seconds, 3),
        seconds_p90=round(sum(shard.seconds_p90 for shard in now), 3),
        wall_seconds=round(
            wall_of([shard.seconds for shard in now], canary=False, parallel=quote.parallel or job.parallel), 3
        ),
        quoted_usd=None if hourly is None else round(quoted / 3600 * hourly, 4),
        usd=None if hourly is None else round(seconds / 3600 * hourly, 4),
        ceiling_usd=quote.ceiling_usd,
        needed_jobs=sum(needed),
        agreed_jobs=job.attempts * len(before),
        exceeds="" if worst <= job.attempts else _exceeds(quote, needed, attempts=job.attempts, longest=longest),
    )


def _jobs(seconds: float, *, cold: float, longest: float) -> int:
    """Jobs that a shard takes where each is stopped at its MaxRuntime and the next renders what is missing."""
    work, room = seconds - cold, longest - cold
    if room <= 0:
        return 10_000  # nothing is ever rendered
    return max(1, -int(-work // room))


def _exceeds(quote: Quote, needed: list[int], *, attempts: int, longest: float) -> str:
    short = sum(jobs > attempts for jobs in needed)
    money = ""
    if quote.usd_per_hour is not None and max(needed) < 10_000:
        most = (sum(needed) + quote.count("canary")) * longest / 3600 * quote.usd_per_hour
        money = f": up to ${most:,.2f} in all, and ${quote.ceiling_usd or 0.0:,.2f} is the most that was agreed to"
    return (
        f"{short} of {len(needed)} shards would need more than the {attempts} jobs of {longest / 60:,.0f} min that "
        f"were quoted{money}"
    )

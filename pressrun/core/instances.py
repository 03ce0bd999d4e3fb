"""The choice of the instance type: each is cut as if it were alone, and the cheapest cut that keeps to the limits wins.

Ranked by what is known first: a type without a price cannot be held to a budget, and a rule of thumb says the same of
every GPU, so a measured type with a price goes before all others. Then money, then jobs, then the order as listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pressrun.core.estimate import InstanceChoice
from pressrun.core.sharder import Cut, Limits, Load, UnreachableError, cut


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance type with what the run would take on it. `limits.price` is None where there is no price.

    `fixed` are seconds, `fixed_jobs` jobs that every cut pays besides (the canary). `quota` 0: none may be started.
    `ceiling_each` is the most a job could cost, USD; where it is given, all of them together must keep to `ceiling`.
    `wanted` are the jobs that will be started at once, 0 where the quota is somebody else's concern.
    """

    instance_type: str
    loads: Sequence[Load]
    limits: Limits
    measured: bool
    fixed: float = 0.0
    quota: int | None = None
    fixed_jobs: int = 0
    ceiling_each: float | None = None
    ceiling: float = 0.0
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate with its cut, or with the reason why there is none; then `cut` is the one without the limits."""

    candidate: Candidate
    cut: Cut
    refused: UnreachableError | None = None

    @property
    def seconds(self) -> float:
        return self.candidate.fixed + self.cut.seconds

    @property
    def usd(self) -> float | None:
        price = self.candidate.limits.price
        return None if price is None else self.seconds * price


def choose(candidates: Sequence[Candidate]) -> tuple[Offer, tuple[InstanceChoice, ...]]:
    """The offer to take, and every candidate with its reason, in the order given. At least one candidate.

    Where none keeps to the limits, the offer is the one that misses them by least and has `refused` set.
    """
    offers = [_offer(candidate) for candidate in candidates]
    ranked = sorted(range(len(offers)), key=lambda at: (_rank(offers[at]), at))
    best = offers[ranked[0]]
    return best, tuple(_told(offer, best, alone=len(offers) == 1) for offer in offers)


def _offer(candidate: Candidate) -> Offer:
    limits = candidate.limits
    free = Limits(cold=limits.cold, parallel=limits.parallel, max_items=limits.max_items, longest=limits.longest)
    if candidate.quota == 0:
        none = UnreachableError(
            f"this account may run no {candidate.instance_type} for processing", remedy="ask AWS in Service Quotas"
        )
        return Offer(candidate, cut(candidate.loads, free), none)
    try:
        found = cut(candidate.loads, limits)
    except UnreachableError as exc:
        return Offer(candidate, cut(candidate.loads, free), exc)
    at_once = min(candidate.wanted, len(found.jobs))
    if candidate.quota is not None and candidate.quota < at_once:
        short = UnreachableError(
            f"this account may run {candidate.quota} {candidate.instance_type} at once for processing, not {at_once}",
            remedy="ask AWS for more in Service Quotas, or lower job.parallel",
        )
        return Offer(candidate, found, short)
    most = (len(found.jobs) + candidate.fixed_jobs) * (candidate.ceiling_each or 0.0)
    if most > candidate.ceiling + 1e-6:
        over = UnreachableError(
            f"on {candidate.instance_type} this could cost up to ${most:,.2f}, the limit is ${candidate.ceiling:,.2f}",
            remedy="lower job.attempts or max_runtime_minutes, or raise spend.limit",
        )
        return Offer(candidate, found, over)
    return Offer(candidate, found)


def _rank(offer: Offer) -> tuple[bool, bool, bool, float, int, float]:
    """The least is the best. Among those that cannot do it the earliest end is the nearest answer."""
    known = (offer.usd is None, not offer.candidate.measured)
    if offer.refused is not None:
        return (True, offer.candidate.quota == 0, False, offer.cut.makespan, len(offer.cut.jobs), 0.0)
    # Sums of floats: what is equal to a hundredth of a cent is a tie, and jobs decide.
    cost = offer.seconds if offer.usd is None else round(offer.usd, 4)
    return (False, *known, cost, len(offer.cut.jobs), round(offer.cut.makespan, 3))


def _told(offer: Offer, best: Offer, *, alone: bool) -> InstanceChoice:
    return InstanceChoice(
        instance_type=offer.candidate.instance_type,
        chosen=offer is best,
        reason=_reason(offer, best, alone=alone),
        jobs=len(offer.cut.jobs),
        seconds=round(offer.seconds, 3),
        wall_seconds=round(offer.candidate.fixed + offer.cut.makespan, 3),
        usd=None if offer.usd is None else round(offer.usd, 4),
    )


def _reason(offer: Offer, best: Offer, *, alone: bool) -> str:
    if offer.refused is not None:
        return f"{offer.refused.message}; {offer.refused.remedy}" if offer.refused.remedy else offer.refused.message
    if offer is best:
        return "the only one asked for" if alone else "the cheapest that keeps to the limits"
    if (offer.usd is None) > (best.usd is None):
        return "has no price"
    if offer.candidate.measured < best.candidate.measured:
        return "was never measured here, so its estimate is a guess"
    if offer.usd is not None and best.usd is not None and round(offer.usd, 4) > round(best.usd, 4):
        return f"${offer.usd - best.usd:,.4f} more"
    return "no better, and listed later" if len(offer.cut.jobs) == len(best.cut.jobs) else "takes more jobs"

"""What a quote says besides machines: people's time, room on disk, and what many markets in one run spare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pressrun.core.cost import CostBasis, bytes_of
from pressrun.core.estimate import ReviewEstimate, StorageEstimate
from pressrun.core.item import Item
from pressrun.core.people import ReviewPolicy
from pressrun.core.plan import RenderPlan
from pressrun.core.retention import RetentionPolicy, draft_class

DAYS_OF_A_MONTH = 30.4
GB = 1e9


@dataclass(frozen=True, slots=True)
class Besides:
    """What these estimates stand on. `storage_usd` is USD for a GB and month; None: no price."""

    review: ReviewPolicy = field(default_factory=ReviewPolicy)
    retention: RetentionPolicy = field(default_factory=lambda: RetentionPolicy.model_validate({}))
    storage_usd: float | None = None
    storage_source: str = "no price known"


def review_estimate(plan: RenderPlan, to_buy: Sequence[Item], policy: ReviewPolicy) -> ReviewEstimate:
    """Cells with a new picture are looked at in full: a new candidate is compared with those beside it."""
    cells = {item.cell_id for item in to_buy}
    candidates = sum(item.cell_id in cells for item in plan.items)
    seconds = len(cells) * policy.seconds_per_cell + candidates * policy.seconds_per_candidate
    return ReviewEstimate(
        cells=len(cells),
        candidates=candidates,
        seconds=round(seconds, 1),
        usd=None if policy.usd_per_hour is None else round(seconds / 3600 * policy.usd_per_hour, 2),
        source=policy.told(),
    )


def storage_estimate(
    plan: RenderPlan, to_buy: Sequence[Item], bases: Mapping[str, CostBasis], terms: Besides
) -> StorageEstimate:
    """Drafts by the bytes of their class for their retention, and a copy of `review.want` for each cell for good."""
    sized = [bytes_of(item, bases[item.workflow]) for item in to_buy]
    drafts = sum(found for found, _ in sized)
    cells = len({item.cell_id for item in to_buy})
    kept = drafts / len(to_buy) * min(len(to_buy), cells * plan.spec.review.want) if to_buy else 0.0
    kind = draft_class(plan.spec.retention, proof=plan.run.press == "proof", turned_down=False)
    days, price = terms.retention.days(kind), terms.storage_usd
    measured = sum(known for _, known in sized)
    return StorageEstimate(
        images=len(to_buy),
        bytes=round(drafts),
        kept_bytes=round(kept),
        retention=kind,
        days=days,
        usd_per_month=None if price is None else round((drafts + kept) / GB * price, 6),
        usd=None if price is None else round(drafts / GB * price * days / DAYS_OF_A_MONTH, 6),
        source=_source(measured, len(to_buy)),
        price_source=terms.storage_source,
    )


def _source(measured: int, images: int) -> str:
    if measured == images:
        return "sizes as measured"
    return "sizes assumed, 1.7 MB a megapixel" if not measured else f"sizes of {images - measured:,} pictures assumed"

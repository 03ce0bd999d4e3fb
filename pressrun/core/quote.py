"""The quote: what a run would buy, in which shards, for how much at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.shard import Phase, split

# Where nothing was measured yet: one megapixel-step of an SDXL-class model on an A10, and a container's cold start.
SECONDS_PER_MEGAPIXEL_STEP = 0.32
PROOF_SECONDS_PER_ITEM = 0.5
COLD_START_SECONDS = 300.0
PROOF_COLD_START_SECONDS = 5.0
DEFAULT_STEPS = 30


class ShardPlan(BaseModel):
    """The items of one future job."""

    model_config = {"extra": "forbid", "frozen": True}

    phase: Phase
    index: int
    item_ids: tuple[str, ...]
    seconds: float


class Quote(VersionedDocument):
    """Written by quote_run.

    `usd` is None for what has no price; it is then counted in `unpriced`, never taken as zero.
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

    @property
    def to_render(self) -> int:
        return sum(len(shard.item_ids) for shard in self.shards)

    @property
    def needs_approval(self) -> bool:
        """True where the most this could cost is above the campaign's threshold, or is not known for a paid press."""
        if not self.to_render:
            return False
        return self.ceiling_usd is None or self.ceiling_usd > self.approve_over

    def shard(self, phase: Phase, index: int) -> ShardPlan:
        return next(shard for shard in self.shards if (shard.phase, shard.index) == (phase, index))

    def count(self, phase: Phase) -> int:
        return sum(shard.phase == phase for shard in self.shards)


class Price(BaseModel):
    """USD an hour of one instance type, and where that number is from."""

    model_config = {"extra": "forbid", "frozen": True}

    usd_per_hour: float
    source: str


def item_seconds(item: Item, *, press: str) -> float:
    """Expected seconds of one item: megapixels × steps, or the proof press's constant."""
    if press == "proof":
        return PROOF_SECONDS_PER_ITEM
    megapixels = float(item.params.get("width", 1024)) * float(item.params.get("height", 1024)) / 1e6
    return megapixels * float(item.params.get("steps", DEFAULT_STEPS)) * SECONDS_PER_MEGAPIXEL_STEP


def make_quote(
    plan: RenderPlan,
    *,
    plan_digest: str,
    rendered_keys: frozenset[str],
    instance_type: str,
    prices: Mapping[str, Price],
) -> Quote:
    """Price what the index does not hold yet. Duplicate render keys are bought once."""
    press, job = plan.run.press, plan.spec.job
    to_buy: dict[str, Item] = {}
    for item in plan.items:
        if item.render_key not in rendered_keys:
            to_buy.setdefault(item.render_key, item)
    canary, rest = _canary(list(to_buy.values()), size=job.canary_items)
    groups: list[tuple[Phase, tuple[Item, ...]]] = [("canary", canary)] if canary else []
    groups += [("main", items) for items in split(rest, size=job.shard_items)]
    shards: list[ShardPlan] = []
    cold = PROOF_COLD_START_SECONDS if press == "proof" else COLD_START_SECONDS
    for phase, items in groups:
        seconds = cold + sum(item_seconds(item, press=press) for item in items)
        index = sum(shard.phase == phase for shard in shards)
        shards.append(ShardPlan(phase=phase, index=index, item_ids=tuple(i.item_id for i in items), seconds=seconds))
    price = prices.get(instance_type)
    seconds = sum(shard.seconds for shard in shards)
    hourly = price.usd_per_hour if price else None
    ceiling_hours = len(shards) * job.attempts * job.max_runtime_minutes / 60
    return Quote(
        run_key=plan.run.run_key,
        plan_digest=plan_digest,
        planned=len(plan.items),
        reused=tuple(item.item_id for item in plan.items if item.render_key in rendered_keys),
        shards=tuple(shards),
        instance_type=instance_type,
        usd_per_hour=hourly,
        price_source=price.source if price else "no price known",
        seconds=seconds,
        usd=None if hourly is None else round(seconds / 3600 * hourly, 4),
        ceiling_usd=None if hourly is None else round(ceiling_hours * hourly, 2),
        unpriced=0 if price else len(to_buy),
        approve_over=plan.spec.spend.approve_over,
        limit=plan.spec.spend.limit,
    )


def _canary(items: Sequence[Item], *, size: int) -> tuple[tuple[Item, ...], list[Item]]:
    """A stratified handful: new workflow × locale × size combinations first. None where the whole run is that small."""
    if size == 0 or len(items) <= 2 * size:
        return (), list(items)
    seen: dict[str, set[str]] = {}

    def novelty(item: Item) -> int:
        return sum(value not in seen.get(axis, set()) for axis, value in item.axes.items())

    chosen: list[Item] = []
    rest = list(items)
    while len(chosen) < size:
        best = max(rest, key=novelty)
        rest.remove(best)
        chosen.append(best)
        for axis, value in best.axes.items():
            seen.setdefault(axis, set()).add(value)
    return tuple(chosen), rest

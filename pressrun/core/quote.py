"""The quote: what a run would buy, in which shards, for how much at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.cost import CostBasis, assumed
from pressrun.core.estimate import InstanceChoice, MarketSaving, ReviewEstimate, StorageEstimate
from pressrun.core.findings import Finding, Place
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.shard import Phase
from pressrun.core.sharder import Cut, Limits, Load, UnreachableError, cut, makespan


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

    def shard(self, phase: Phase, index: int) -> ShardPlan:
        return next(shard for shard in self.shards if (shard.phase, shard.index) == (phase, index))

    def count(self, phase: Phase) -> int:
        return sum(shard.phase == phase for shard in self.shards)


class Price(BaseModel):
    """USD an hour of one instance type, and where that number is from."""

    model_config = {"extra": "forbid", "frozen": True}

    usd_per_hour: float
    source: str


def make_quote(
    plan: RenderPlan,
    *,
    plan_digest: str,
    rendered_keys: frozenset[str],
    instance_type: str,
    prices: Mapping[str, Price],
    costs: Mapping[str, CostBasis] | None = None,
) -> Quote:
    """Price what the index does not hold yet. Duplicate render keys are bought once.

    `costs` are the bases by workflow; a workflow that is not in it is estimated by the rule of thumb.
    """
    job = plan.spec.job
    to_buy: dict[str, Item] = {}
    for item in plan.items:
        if item.render_key not in rendered_keys:
            to_buy.setdefault(item.render_key, item)
    price = prices.get(instance_type)
    hourly = price.usd_per_hour if price else None
    bases = {name: (costs or {}).get(name) or assumed(plan.run.press) for name in {i.workflow for i in to_buy.values()}}
    canary, rest = _canary(list(to_buy.values()), size=job.canary_items)
    shards = [_shard_plan("canary", 0, canary, bases)] if canary else []
    main, findings = _cut(plan, rest, bases, canary=shards, hourly=hourly)
    shards += [_shard_plan("main", at, [rest[n] for n in job], bases) for at, job in enumerate(main.jobs)]
    seconds, p90 = sum(shard.seconds for shard in shards), sum(shard.seconds_p90 for shard in shards)
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
        seconds_p90=p90,
        usd_p90=None if hourly is None else round(p90 / 3600 * hourly, 4),
        wall_seconds=_wall([shard.seconds for shard in shards], canary=bool(canary), parallel=job.parallel),
        wall_p90=_wall([shard.seconds_p90 for shard in shards], canary=bool(canary), parallel=job.parallel),
        cost=bases,
        findings=findings,
    )


def _cut(
    plan: RenderPlan, items: Sequence[Item], bases: Mapping[str, CostBasis], *, canary: Sequence[ShardPlan],
    hourly: float | None,
) -> tuple[Cut, tuple[Finding, ...]]:  # fmt: skip
    """The main shards. Where deadline or budget cannot be met: the cut without them, and the finding that says so."""
    job, spend = plan.spec.job, plan.spec.spend
    if not items:
        return Cut((), 0.0, 0.0), ()
    before = sum(shard.seconds for shard in canary)
    price = None if hourly is None else hourly / 3600
    limits = Limits(
        cold=max(basis.cold_p50 for basis in bases.values()),
        parallel=job.parallel,
        max_items=job.shard_items,
        deadline=None if job.deadline_minutes is None else max(0.0, job.deadline_minutes * 60 - before),
        # The canary is bought from the same money.
        budget=None if price is None else max(0.0, spend.limit - before * price),
        price=price,
    )
    loads = [Load(number, bases[item.workflow].p50(item), _group(item)) for number, item in enumerate(items)]
    try:
        return cut(loads, limits), ()
    except UnreachableError as exc:
        finding = Finding(
            code="quote-unreachable",
            message=f"no number of jobs will do: {exc.message}",
            place=Place(file=f"{plan.spec.campaign}/campaign.yaml", pointer="/job"),
            remedy=exc.remedy or "",
        )
        free = Limits(cold=limits.cold, parallel=job.parallel, max_items=job.shard_items)
        return cut(loads, free), (finding,)


def _group(item: Item) -> str:
    """What a warm engine keeps between items: the graph, and buffers of this size."""
    return f"{item.workflow}|{item.params.get('width')}|{item.params.get('height')}"


def _shard_plan(phase: Phase, index: int, items: Sequence[Item], bases: Mapping[str, CostBasis]) -> ShardPlan:
    used = [bases[name] for name in {item.workflow for item in items}]
    return ShardPlan(
        phase=phase,
        index=index,
        item_ids=tuple(item.item_id for item in items),
        seconds=max(basis.cold_p50 for basis in used) + sum(bases[item.workflow].p50(item) for item in items),
        seconds_p90=max(basis.cold_p90 for basis in used) + sum(bases[item.workflow].p90(item) for item in items),
    )


def _wall(durations: Sequence[float], *, canary: bool, parallel: int) -> float:
    """The canary first and alone, then the others, `parallel` at a time. Seconds."""
    first, others = (durations[0], durations[1:]) if canary else (0.0, durations)
    return first + (makespan(others, parallel) if others else 0.0)


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

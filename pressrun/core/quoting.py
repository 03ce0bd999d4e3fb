"""Making a quote: what is bought, on which instance type, in which jobs, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pressrun.core.batch import pictures_of, prompts_of
from pressrun.core.besides import Besides, review_estimate, storage_estimate
from pressrun.core.cost import CostBasis, assumed, item_batch, item_work
from pressrun.core.estimate import MarketSaving
from pressrun.core.findings import Finding, Place
from pressrun.core.instances import Candidate, Offer, choose
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Price, Quote, ShardPlan
from pressrun.core.sampling import Unit, handful
from pressrun.core.shard import Phase
from pressrun.core.sharder import Limits, Load, UnreachableError, cut, makespan

Bases = Mapping[str, CostBasis]
"""Cost bases by workflow, on one instance type."""

CUT_TO_COMPARE = 5000
"""Above so many items a market's jobs are counted by their bounds and not cut."""


@dataclass(frozen=True)
class Setting:
    """A run on one instance type: what is bought first and alone, and the rest with its limits."""

    plan: RenderPlan
    instance_type: str
    bases: Bases
    price: Price | None
    quota: int | None
    canary: tuple[Unit, ...]
    rest: tuple[Unit, ...]
    probe: bool

    @cached_property
    def first(self) -> ShardPlan | None:
        """The canary's job, or none."""
        items = [item for unit in self.canary for item in unit]
        return shard_plan("canary", 0, items, self.bases) if items else None

    @property
    def second(self) -> float | None:
        """USD for a second of one instance."""
        return None if self.price is None else self.price.usd_per_hour / 3600

    @property
    def parallel(self) -> int:
        """Jobs at a time: as asked for, or as the quota allows."""
        asked = self.plan.spec.job.parallel
        return asked if not self.quota else min(asked, self.quota)

    def candidate(self, *, alone: bool) -> Candidate:
        """As the choice of instances wants it.

        Not `alone`: another type may do what this one's quota or the most it could cost does not allow.
        """
        job, spend, before = self.plan.spec.job, self.plan.spec.spend, self.first.seconds if self.first else 0.0
        each = None if self.second is None else self.second * job.max_runtime_minutes * 60 * job.attempts
        budget = None if self.second is None else max(0.0, spend.limit - before * self.second)
        limits = Limits(
            cold=max((basis.cold_p50 for basis in self.bases.values()), default=0.0),
            parallel=self.parallel,
            max_items=max(1, job.shard_items // max((len(unit) for unit in self.rest), default=1)),
            deadline=None if job.deadline_minutes is None else max(0.0, job.deadline_minutes * 60 - before),
            longest=job.max_runtime_minutes * 60 / _spread(self.bases),
            # The canary is bought from the same money.
            budget=budget,
            price=self.second,
        )
        return Candidate(
            self.instance_type, loads_of(self.rest, self.bases), limits, fixed=before, quota=self.quota,
            measured=all(basis.source != "assumed" for basis in self.bases.values()),
            fixed_jobs=int(self.first is not None),
            ceiling_each=None if alone else each, ceiling=spend.limit, wanted=0 if alone else job.parallel,
        )  # fmt: skip


def make_quote(
    plan: RenderPlan,
    *,
    plan_digest: str,
    rendered_keys: frozenset[str],
    instance_type: str | Sequence[str],
    prices: Mapping[str, Price],
    costs: Bases | None = None,
    costs_by_type: Mapping[str, Bases] | None = None,
    quotas: Mapping[str, int | None] | None = None,
    besides: Besides | None = None,
) -> Quote:
    """Price what the index does not hold yet. Duplicate render keys are bought once.

    `instance_type` may be several to choose from. `costs` are the bases by workflow, `costs_by_type` those of each
    type; a workflow in neither is estimated by the rule of thumb. `quotas` are instances at once, None: not known.
    """
    kinds = (instance_type,) if isinstance(instance_type, str) else tuple(instance_type)
    to_buy: dict[str, Item] = {}
    for item in plan.items:
        if item.render_key not in rendered_keys:
            to_buy.setdefault(item.render_key, item)
    items = list(to_buy.values())
    settings = {
        kind: _setting(plan, items, kind, (costs_by_type or {}).get(kind) or costs or {}, prices.get(kind),
                       (quotas or {}).get(kind))
        for kind in kinds
    }  # fmt: skip
    offer, choices = choose([setting.candidate(alone=len(kinds) == 1) for setting in settings.values()])
    chosen = settings[offer.candidate.instance_type]
    shards = _shards(chosen, offer)
    quote = _quote(chosen, shards, plan_digest=plan_digest, items=items, rendered_keys=rendered_keys)
    terms = besides or Besides()
    storage = storage_estimate(plan, items, chosen.bases, terms)
    missing = [] if chosen.price or not items else [f"{len(items):,} items on {chosen.instance_type}"]
    if items and storage.usd_per_month is None:
        missing.append(f"storage of {storage.images:,} pictures")
    return quote.model_copy(
        update={
            "findings": _findings(plan, offer),
            "choices": choices if items else (),
            "review": review_estimate(plan, items, terms.review),
            "storage": storage,
            "saving": _saving(chosen, items, jobs=len(shards)),
            "not_priced": tuple(missing),
        }
    )


def shard_plan(phase: Phase, index: int, items: Sequence[Item], bases: Bases) -> ShardPlan:
    """A job of these items with its expected seconds, the cold start among them."""
    used = [bases[name] for name in {item.workflow for item in items}]
    timed = [seconds_of(prompt, bases) for prompt in prompts_of(items)]
    return ShardPlan(
        phase=phase,
        index=index,
        item_ids=tuple(item.item_id for item in items),
        seconds=max(basis.cold_p50 for basis in used) + sum(p50 for p50, _ in timed),
        seconds_p90=max(basis.cold_p90 for basis in used) + sum(p90 for _, p90 in timed),
    )


def seconds_of(prompt: Sequence[Item], bases: Bases) -> tuple[float, float]:
    """Seconds (p50, p90) of a prompt: of an item, or of a batch as a whole."""
    item, pictures = prompt[0], pictures_of(prompt)
    p50, p90 = bases[item.workflow].seconds(item_work(item), item_batch(item))
    return p50 * pictures, p90 * pictures


def loads_of(units: Sequence[Unit], bases: Bases) -> list[Load]:
    """The sharder's loads: a unit each, its number the place in `units`."""
    return [Load(number, seconds_of(unit, bases)[0], _group(unit[0])) for number, unit in enumerate(units)]


def wall_of(durations: Sequence[float], *, canary: bool, parallel: int) -> float:
    """The canary first and alone, then the others, `parallel` at a time. Seconds."""
    first, others = (durations[0], durations[1:]) if canary else (0.0, durations)
    return first + (makespan(others, parallel) if others else 0.0)


def _setting(
    plan: RenderPlan, items: Sequence[Item], kind: str, known: Bases, price: Price | None, quota: int | None
) -> Setting:
    job = plan.spec.job
    bases = {name: known.get(name) or assumed(plan.run.press) for name in sorted({item.workflow for item in items})}
    units = prompts_of(items)
    # Where nothing was measured the first job measures it, in bounds, before the rest is bought.
    probe = job.probe_items > 0 and len(items) > job.probe_above and any(b.source == "assumed" for b in bases.values())
    size = max(job.canary_items, job.probe_items) if probe else job.canary_items
    if size == 0 or len(items) <= 2 * size:
        return Setting(plan, kind, bases, price, quota, (), tuple(units), False)
    chosen, rest = handful(units, size=size)
    return Setting(plan, kind, bases, price, quota, tuple(chosen), tuple(rest), probe and bool(chosen))


def _shards(chosen: Setting, offer: Offer) -> list[ShardPlan]:
    shards = [chosen.first] if chosen.first else []
    for index, members in enumerate(offer.cut.jobs):
        items = [item for number in members for item in chosen.rest[number]]
        shards.append(shard_plan("main", index, items, chosen.bases))
    return shards


def _quote(
    chosen: Setting, shards: Sequence[ShardPlan], *, plan_digest: str, items: Sequence[Item],
    rendered_keys: frozenset[str],
) -> Quote:  # fmt: skip
    plan, job, spend = chosen.plan, chosen.plan.spec.job, chosen.plan.spec.spend
    hourly = chosen.price.usd_per_hour if chosen.price else None
    seconds, p90 = sum(shard.seconds for shard in shards), sum(shard.seconds_p90 for shard in shards)
    ceiling_hours = len(shards) * job.attempts * job.max_runtime_minutes / 60
    canary = chosen.first is not None
    return Quote(
        run_key=plan.run.run_key,
        plan_digest=plan_digest,
        planned=len(plan.items),
        reused=tuple(item.item_id for item in plan.items if item.render_key in rendered_keys),
        shards=tuple(shards),
        instance_type=chosen.instance_type,
        usd_per_hour=hourly,
        price_source=chosen.price.source if chosen.price else "no price known",
        seconds=seconds,
        usd=None if hourly is None else round(seconds / 3600 * hourly, 4),
        ceiling_usd=None if hourly is None else round(ceiling_hours * hourly, 2),
        unpriced=0 if chosen.price else len(items),
        approve_over=spend.approve_over,
        limit=spend.limit,
        seconds_p90=p90,
        usd_p90=None if hourly is None else round(p90 / 3600 * hourly, 4),
        wall_seconds=wall_of([shard.seconds for shard in shards], canary=canary, parallel=chosen.parallel),
        wall_p90=wall_of([shard.seconds_p90 for shard in shards], canary=canary, parallel=chosen.parallel),
        cost=dict(chosen.bases),
        parallel=chosen.parallel,
        probe=chosen.probe,
    )


def _findings(plan: RenderPlan, offer: Offer) -> tuple[Finding, ...]:
    """Why the limits cannot be met; the quote is then the one without them."""
    if offer.refused is None:
        return ()
    return (
        Finding(
            code="quote-unreachable",
            message=f"no number of jobs will do: {offer.refused.message}",
            place=Place(file=f"{plan.spec.campaign}/campaign.yaml", pointer="/job"),
            remedy=offer.refused.remedy or "",
        ),
    )


def _saving(chosen: Setting, items: Sequence[Item], *, jobs: int) -> MarketSaving | None:
    """Against a run for each market, each cut under the same limits and with its own canary."""
    markets: dict[str, list[Item]] = {}
    for item in items:
        markets.setdefault(item.locale, []).append(item)
    if len(markets) < 2:
        return None
    apart = sum(
        _jobs(_setting(chosen.plan, own, chosen.instance_type, chosen.bases, chosen.price, chosen.quota))
        for own in markets.values()
    )
    if apart <= jobs:
        return None
    seconds = (apart - jobs) * max(basis.cold_p50 for basis in chosen.bases.values())
    usd = None if chosen.second is None else round(seconds * chosen.second, 4)
    return MarketSaving(markets=len(markets), jobs=jobs, jobs_apart=apart, seconds=round(seconds, 3), usd=usd)


def _jobs(alone: Setting) -> int:
    """Jobs of a run, its canary's among them."""
    candidate = alone.candidate(alone=True)
    limits, loads = candidate.limits, candidate.loads
    free = Limits(cold=limits.cold, parallel=limits.parallel, max_items=limits.max_items, longest=limits.longest)
    if len(loads) > CUT_TO_COMPARE:
        longest = max(load.seconds for load in loads)
        room = max((limits.longest or 0.0) - limits.cold, longest)
        by_time = -(-sum(load.seconds for load in loads) // room)
        return candidate.fixed_jobs + max(-(-len(loads) // limits.max_items), int(by_time))
    wanted = Limits(
        **{name: getattr(limits, name) for name in ("cold", "parallel", "max_items", "deadline", "longest")}
    )
    try:
        return candidate.fixed_jobs + len(cut(loads, wanted).jobs)
    except UnreachableError:
        return candidate.fixed_jobs + len(cut(loads, free).jobs)


def _spread(bases: Bases) -> float:
    """How much longer than expected a job may well take: p90 over p50, the largest of cold start and rate."""
    ratios = [1.0]
    for basis in bases.values():
        ratios += [basis.cold_p90 / basis.cold_p50] if basis.cold_p50 else []
        ratios += [basis.rate_p90 / basis.rate_p50] if basis.rate_p50 else []
    return max(ratios)


def _group(item: Item) -> str:
    """What a warm engine keeps between items: the graph, and buffers of this size."""
    return f"{item.workflow}|{item.params.get('width')}|{item.params.get('height')}"

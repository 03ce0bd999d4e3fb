"""The cost model: seconds by work done, learnt from every job that rendered something.

Work is megapixels × steps. A job of one workflow takes its cold start, then a rate of seconds for each unit of work.
Rates and cold starts are those of whole jobs: what differs is the machine that AWS gave, not the single picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.item import Item
from pressrun.core.job import JobRecord
from pressrun.core.result import ItemResult

# Where nothing was measured yet: one megapixel-step of an SDXL-class model on an A10, and a container's cold start.
SECONDS_PER_MEGAPIXEL_STEP = 0.32
PROOF_SECONDS_PER_ITEM = 0.5
COLD_START_SECONDS = 300.0
PROOF_COLD_START_SECONDS = 5.0
DEFAULT_STEPS = 30
# A guess may be this far off before anybody should be surprised.
UNMEASURED_SPREAD = 2.0
# With few jobs the largest one seen says little about the next.
FEW_JOBS, FEW_JOBS_SPREAD = 5, 1.25
# A first picture later than this after the order was a job that waited for something else, not a cold start.
LONGEST_COLD_START = 3600.0


class CostObservation(VersionedDocument):
    """What one job took for the items of one workflow; written once by collect.

    `work` is Σ megapixels × steps of `items` rendered items, `seconds` the time they took together, `cold_seconds` from
    the order to the first item (None where the times do not tell), `wall_seconds` from the order to the last item.
    """

    SCHEMA: ClassVar[str] = "cost/1"

    job: str
    workflow: str
    engine_class: str
    instance_type: str
    items: int
    work: float
    seconds: float
    cold_seconds: float | None
    wall_seconds: float
    observed_at: str


class CostBasis(BaseModel):
    """What an estimate stands on: `per_item` seconds and `rate` seconds for each megapixel-step, after a cold start.

    `assumed` means no measurement yet; `other_engine` that only another version of the engine was measured.
    """

    model_config = {"extra": "forbid", "frozen": True}

    source: Literal["measured", "other_engine", "assumed"]
    jobs: int = 0
    items: int = 0
    newest: str = ""
    per_item: float = 0.0
    rate_p50: float
    rate_p90: float
    per_item_p90: float = 0.0
    cold_p50: float
    cold_p90: float

    def p50(self, item: Item) -> float:
        """Expected seconds of an item."""
        return self.per_item + item_work(item) * self.rate_p50

    def p90(self, item: Item) -> float:
        """Seconds that nine of ten jobs stay below, for one item of theirs."""
        return self.per_item_p90 + item_work(item) * self.rate_p90

    def sentence(self, now: datetime | None = None) -> str:
        """Where the estimate is from, for people: sample size and age."""
        if self.source == "assumed":
            return "no measurement yet: a rule of thumb"
        of = "" if self.source == "measured" else " of another version of the engine"
        days = ((now or datetime.now(UTC)) - datetime.fromisoformat(self.newest)).total_seconds() / 86400
        age = "today" if days < 1 else f"{days:.0f} day{'s' * (round(days) != 1)} ago"
        return f"measured on {self.items:,} items in {self.jobs} job{'s' * (self.jobs != 1)}{of}, the newest {age}"


def item_work(item: Item) -> float:
    """Megapixels × steps."""
    megapixels = float(item.params.get("width", 1024)) * float(item.params.get("height", 1024)) / 1e6
    return megapixels * float(item.params.get("steps", DEFAULT_STEPS))


def assumed(press: str) -> CostBasis:
    """The rule of thumb for a press of which nothing is known."""
    proof = press == "proof"
    per_item, rate = (PROOF_SECONDS_PER_ITEM, 0.0) if proof else (0.0, SECONDS_PER_MEGAPIXEL_STEP)
    cold = PROOF_COLD_START_SECONDS if proof else COLD_START_SECONDS
    return CostBasis(
        source="assumed",
        per_item=per_item,
        per_item_p90=per_item * UNMEASURED_SPREAD,
        rate_p50=rate,
        rate_p90=rate * UNMEASURED_SPREAD,
        cold_p50=cold,
        cold_p90=cold * UNMEASURED_SPREAD,
    )


def observe(
    record: JobRecord, results: Sequence[ItemResult], items: Mapping[str, Item], *, engine_class: str
) -> list[CostObservation]:
    """What a finished job teaches, for each workflow in it. `results` are all of the job's; `items` are by id."""
    if not any(result.outcome == "rendered" for result in results):
        return []
    first = min(_moment(result.started_at) for result in results)
    last = max(_end(result) for result in results)
    ordered = _moment(record.ordered_at)
    cold = first - ordered if 0 <= first - ordered <= LONGEST_COLD_START else None
    known = sorted(
        (result for result in results if result.outcome == "rendered" and result.item_id in items),
        key=lambda result: items[result.item_id].workflow,
    )
    found = []
    for workflow, group in groupby(known, key=lambda result: items[result.item_id].workflow):
        own = list(group)
        # Between first and last item there is work of the runner's, too; it is told apart only where all are of a kind.
        busy = last - first if len(own) == len(results) else sum(result.seconds for result in own)
        found.append(
            CostObservation(
                job=record.name,
                workflow=workflow,
                engine_class=engine_class,
                instance_type=record.instance_type,
                items=len(own),
                work=round(sum(item_work(items[result.item_id]) for result in own), 6),
                seconds=round(busy, 3),
                cold_seconds=None if cold is None else round(cold, 3),
                wall_seconds=round(max(last - ordered, last - first), 3),
                observed_at=datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds"),
            )
        )
    return found


def learn(observations: Iterable[CostObservation], *, press: str, engine_class: str) -> CostBasis:
    """The basis of an estimate: this very engine where it was measured, else its other versions, else the rule."""
    family = engine_class.partition(":")[0]
    usable = [seen for seen in observations if seen.work > 0 and seen.engine_class.partition(":")[0] == family]
    exact = [seen for seen in usable if seen.engine_class == engine_class]
    chosen, guess = exact or usable, assumed(press)
    if not chosen:
        return guess
    rates = [seen.seconds / seen.work for seen in chosen]
    colds = [seen.cold_seconds for seen in chosen if seen.cold_seconds is not None]
    rate, cold = quantile(rates, 0.5), quantile(colds, 0.5) if colds else guess.cold_p50
    few = FEW_JOBS_SPREAD if len(chosen) < FEW_JOBS else 1.0
    return CostBasis(
        source="measured" if exact else "other_engine",
        jobs=len(chosen),
        items=sum(seen.items for seen in chosen),
        newest=max(seen.observed_at for seen in chosen),
        rate_p50=rate,
        rate_p90=max(quantile(rates, 0.9), rate * few),
        cold_p50=cold,
        cold_p90=max(quantile(colds, 0.9), cold * few) if colds else guess.cold_p90,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of a non-empty sample, between its neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _end(result: ItemResult) -> float:
    return _moment(result.started_at) + result.seconds

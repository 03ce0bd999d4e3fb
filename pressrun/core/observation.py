"""Observations: what finished jobs took, and the basis of estimates that is learnt from them.

Rates and cold starts are those of whole jobs: what differs is the machine that AWS gave, not the single picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import ClassVar

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.cost import ClassCost, CostBasis, assumed, fit, item_batch, item_megapixels, item_work
from pressrun.core.item import Item
from pressrun.core.job import JobRecord
from pressrun.core.result import ItemResult

# With few jobs the largest one seen says little about the next.
FEW_JOBS, FEW_JOBS_SPREAD = 5, 1.25
# A first picture later than this after the order was a job that waited for something else, not a cold start.
LONGEST_COLD_START = 3600.0


class ClassSeen(BaseModel):
    """The items of one class in a job: `work` and `megapixels` of each, seconds and bytes of all of them together."""

    model_config = {"extra": "forbid", "frozen": True}

    work: float
    batch: int = 1
    megapixels: float = 0.0
    items: int
    seconds: float
    bytes: int = 0


class CostObservation(VersionedDocument):
    """What one job took for the items of one workflow; written once by collect.

    `work` is Σ megapixels × steps of what was made for `items` rendered items, `seconds` the time they took together,
    `cold_seconds` from the order to the first item (None where the times do not tell), `wall_seconds` from the order
    to the last item.
    `classes` tell it apart by megapixels × steps and batch; older documents have none.
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
    classes: tuple[ClassSeen, ...] = ()


def observe(
    record: JobRecord, results: Sequence[ItemResult], items: Mapping[str, Item], *, engine_class: str
) -> list[CostObservation]:
    """What a finished job teaches, for each workflow in it. `results` are all of the job's; `items` are by id."""
    if not any(result.outcome == "rendered" for result in results):
        return []
    together = _together(results)
    first = min(_moment(result.started_at) for result in results)
    last = max(_moment(result.started_at) + result.seconds * together(result) for result in results)
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
                work=round(sum(item_work(items[r.item_id]) * _pictures(r, together) for r in own), 6),
                seconds=round(busy, 3),
                cold_seconds=None if cold is None else round(cold, 3),
                wall_seconds=round(max(last - ordered, last - first), 3),
                observed_at=datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds"),
                classes=_classes(own, items, busy, together),
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
    cold = quantile(colds, 0.5) if colds else guess.cold_p50
    few = FEW_JOBS_SPREAD if len(chosen) < FEW_JOBS else 1.0
    classes = _learn_classes(chosen)
    per_item, rate = _line(classes, quantile(rates, 0.5))
    spread = max(_spread(classes, rates), few)
    megapixels = sum(part.megapixels * part.items for seen in chosen for part in seen.classes)
    stored = sum(part.bytes for seen in chosen for part in seen.classes)
    return CostBasis(
        source="measured" if exact else "other_engine",
        jobs=len(chosen),
        items=sum(seen.items for seen in chosen),
        newest=max(seen.observed_at for seen in chosen),
        per_item=per_item,
        rate_p50=rate,
        per_item_p90=per_item * spread,
        rate_p90=rate * spread,
        cold_p50=cold,
        cold_p90=max(quantile(colds, 0.9), cold * few) if colds else guess.cold_p90,
        classes=classes,
        bytes_per_megapixel=stored / megapixels if megapixels else 0.0,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of a non-empty sample, between its neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _together(results: Sequence[ItemResult]) -> Callable[[ItemResult], int]:
    """How many items of the job shared a result's prompt, and so its seconds."""
    count = Counter(result.prompt_id for result in results if result.batch)
    return lambda result: count[result.prompt_id] if result.batch else 1


def _pictures(result: ItemResult, together: Callable[[ItemResult], int]) -> float:
    """How many pictures were made for this item: more than one where the rest of its batch was not wanted."""
    return result.batch.size / together(result) if result.batch else 1.0


def _classes(
    results: Sequence[ItemResult], items: Mapping[str, Item], busy: float, together: Callable[[ItemResult], int]
) -> tuple[ClassSeen, ...]:
    """The results by class; the runner's own time between them is shared out by the seconds of each.

    Seconds are those of one picture: of a batch that was made for some of its items, the share of the others is left
    out, since the quote counts such a batch as a whole.
    """
    seen: dict[tuple[float, int, float], list[ItemResult]] = {}
    for result in results:
        item = items[result.item_id]
        key = (round(item_work(item), 6), item_batch(item), round(item_megapixels(item), 6))
        seen.setdefault(key, []).append(result)
    total = sum(result.seconds for result in results)
    return tuple(
        ClassSeen(
            work=work,
            batch=batch,
            megapixels=megapixels,
            items=len(own),
            seconds=round(sum(r.seconds / _pictures(r, together) for r in own) * (busy / total if total else 0.0), 3),
            bytes=sum(output.size for result in own for output in result.outputs),
        )
        for (work, batch, megapixels), own in sorted(seen.items())
    )


def _learn_classes(chosen: Sequence[CostObservation]) -> tuple[ClassCost, ...]:
    """Seconds an item for each class, over jobs."""
    by_class: dict[tuple[float, int], list[ClassSeen]] = {}
    for seen in chosen:
        whole = ClassSeen(work=seen.work / seen.items, items=seen.items, seconds=seen.seconds) if seen.items else None
        for part in seen.classes or ([whole] if whole else []):
            by_class.setdefault((round(part.work, 3), part.batch), []).append(part)
    found = []
    for (work, batch), parts in sorted(by_class.items()):
        each = [part.seconds / part.items for part in parts]
        few = FEW_JOBS_SPREAD if len(parts) < FEW_JOBS else 1.0
        p50, sized = quantile(each, 0.5), [part for part in parts if part.bytes]
        found.append(
            ClassCost(
                work=work,
                batch=batch,
                jobs=len(parts),
                items=sum(part.items for part in parts),
                p50=p50,
                p90=max(quantile(each, 0.9), p50 * few),
                bytes_each=sum(part.bytes for part in sized) / sum(part.items for part in sized) if sized else 0.0,
            )
        )
    return tuple(found)


def _line(classes: Sequence[ClassCost], rate: float) -> tuple[float, float]:
    """Seconds an item and for each unit of work, for classes that were not measured. One class tells only a rate."""
    if len({found.work for found in classes}) < 2:
        return 0.0, rate
    return fit((found.work, found.p50, found.items) for found in classes)


def _spread(classes: Sequence[ClassCost], rates: Sequence[float]) -> float:
    """How far nine of ten lie above the half: by class, since jobs of different work differ for another reason."""
    if len({found.work for found in classes}) < 2:
        return quantile(rates, 0.9) / (quantile(rates, 0.5) or 1.0)
    return max(found.p90 / found.p50 if found.p50 else 1.0 for found in classes)


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

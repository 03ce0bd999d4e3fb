"""The cost model: what an item takes on an instance type, by its class: workflow, megapixels × steps, batch.

A job takes its cold start, then seconds for each item. Where jobs have rendered the very class, an item takes what they
took; else a line through the classes that were measured says it, else a rule of thumb.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from pressrun.core.item import Item

# Where nothing was measured yet: one megapixel-step of an SDXL-class model on an A10, and a container's cold start.
SECONDS_PER_MEGAPIXEL_STEP = 0.32
PROOF_SECONDS_PER_ITEM = 0.5
COLD_START_SECONDS = 300.0
PROOF_COLD_START_SECONDS = 5.0
DEFAULT_STEPS = 30
# A guess may be this far off before anybody should be surprised.
UNMEASURED_SPREAD = 2.0
# A PNG of a photograph, with its thumbnail; taken from nothing but experience.
BYTES_PER_MEGAPIXEL = 1_700_000.0


class ClassCost(BaseModel):
    """Seconds for one item of a class on an instance type: `work` is megapixels × steps, `batch` how many at once.

    `bytes_each` is what one item leaves in the bucket, its thumbnail too; 0 where that was not measured.
    """

    model_config = {"extra": "forbid", "frozen": True}

    work: float
    batch: int = 1
    jobs: int
    items: int
    p50: float
    p90: float
    bytes_each: float = 0.0


class CostBasis(BaseModel):
    """What an estimate stands on: `classes` as measured; for others `per_item` seconds, and `rate` for a unit of work.

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
    classes: tuple[ClassCost, ...] = ()
    bytes_per_megapixel: float = 0.0

    def p50(self, item: Item) -> float:
        """Expected seconds of an item."""
        return self.seconds(item_work(item), item_batch(item))[0]

    def p90(self, item: Item) -> float:
        """Seconds that nine of ten jobs stay below, for one item of theirs."""
        return self.seconds(item_work(item), item_batch(item))[1]

    def seconds(self, work: float, batch: int = 1) -> tuple[float, float]:
        """Seconds (p50, p90) of one item of this class: megapixels × steps, and how many share a sampling."""
        known = self._known.get((round(work, 3), batch))
        if known is not None:
            return known.p50, known.p90
        return self.per_item + work * self.rate_p50, self.per_item_p90 + work * self.rate_p90

    def knows(self, item: Item) -> bool:
        """True where a class of this item's work and batch was rendered before, by any version of the engine."""
        return (round(item_work(item), 3), item_batch(item)) in self._known

    @cached_property
    def _known(self) -> dict[tuple[float, int], ClassCost]:
        return {(round(found.work, 3), found.batch): found for found in self.classes}

    def sentence(self, now: datetime | None = None) -> str:
        """Where the estimate is from, for people: sample size and age."""
        if self.source == "assumed":
            return "no measurement yet: a rule of thumb"
        of = "" if self.source == "measured" else " of another version of the engine"
        days = ((now or datetime.now(UTC)) - datetime.fromisoformat(self.newest)).total_seconds() / 86400
        age = "today" if days < 1 else f"{days:.0f} day{'s' * (round(days) != 1)} ago"
        return f"measured on {self.items:,} items in {self.jobs} job{'s' * (self.jobs != 1)}{of}, the newest {age}"


def item_megapixels(item: Item) -> float:
    """Megapixels of one picture."""
    return megapixels_of(item.params)


def item_work(item: Item) -> float:
    """Megapixels × steps."""
    return work_of(item.params)


def megapixels_of(params: Mapping[str, Any]) -> float:
    """Megapixels of a picture with these parameters."""
    return float(params.get("width", 1024)) * float(params.get("height", 1024)) / 1e6


def work_of(params: Mapping[str, Any]) -> float:
    """Megapixels × steps of a picture with these parameters."""
    return megapixels_of(params) * float(params.get("steps", DEFAULT_STEPS))


def item_batch(item: Item) -> int:
    """How many items are sampled together with this one, itself included."""
    batch = getattr(item, "batch", None)
    return 1 if batch is None else int(batch.size)


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


def bytes_of(item: Item, basis: CostBasis) -> tuple[float, bool]:
    """Bytes one item leaves in the bucket, and whether that was measured: its class, else its size, else assumed."""
    known = basis._known.get((round(item_work(item), 3), item_batch(item)))
    if known is not None and known.bytes_each:
        return known.bytes_each, True
    if basis.bytes_per_megapixel:
        return basis.bytes_per_megapixel * item_megapixels(item), True
    return BYTES_PER_MEGAPIXEL * item_megapixels(item), False


def fit(points: Iterable[tuple[float, float, float]]) -> tuple[float, float]:
    """The line seconds = a + b × work through (work, seconds, weight), neither part below zero."""
    known = [point for point in points if point[2] > 0]
    weight = sum(w for _, _, w in known)
    x, y = (sum(w * point[at] for point in known for w in (point[2],)) / weight for at in (0, 1))
    spread = sum(w * (work - x) ** 2 for work, _, w in known)
    ratio = y / x if x else 0.0
    if spread <= 1e-9:
        return 0.0, ratio
    rate = sum(w * (work - x) * (seconds - y) for work, seconds, w in known) / spread
    if rate <= 0:
        return y, 0.0
    each = y - rate * x
    return (each, rate) if each >= 0 else (0.0, ratio)

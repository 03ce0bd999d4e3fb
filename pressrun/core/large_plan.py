"""A plan of any size: a short document, and beside it the items and the shards as Parquet, bound by their digests."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from pressrun.core.cost import CostBasis
from pressrun.core.plan import PlanHead

PLAN_FILE, ITEMS_FILE, SHARDS_FILE = "plan.json", "items.parquet", "shards.parquet"


class Bill(BaseModel):
    """What a large plan would buy. Seconds are of all instances together, cold starts too; `usd` None: no price known.

    `reused` items have their picture already; `duplicates` share it with another item of the plan.
    """

    model_config = {"extra": "forbid", "frozen": True}

    planned: int
    reused: int
    duplicates: int
    to_render: int
    shards: int
    instance_type: str
    usd_per_hour: float | None
    price_source: str
    seconds: float
    seconds_p90: float
    usd: float | None
    usd_p90: float | None
    ceiling_usd: float | None


class LargePlan(PlanHead):
    """Written as plan.json beside items.parquet and shards.parquet, whose SHA-256 it names: it stands for all three.

    A row of shards.parquet lists the items of one job by their row numbers in items.parquet, from 0.
    """

    SCHEMA: ClassVar[str] = "large-plan/1"

    items_sha256: str
    shards_sha256: str
    cost: dict[str, CostBasis]
    bill: Bill

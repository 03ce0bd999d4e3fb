"""Two plans side by side: what came, what went, what changed, and what the difference costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressrun.core.cost import CostBasis, assumed
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan


@dataclass(frozen=True, slots=True)
class Part:
    """Items of one kind, the manifest rows (products) they are of, and what rendering them costs (None: no price)."""

    items: int
    rows: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """`changed`: the same cell and candidate with another render key. `removed` and `same` cost nothing."""

    added: Part
    removed: Part
    changed: Part
    same: Part

    def sentence(self) -> str:
        """`2 added · 0 removed · 4 changed · 194 same · $0.05`."""
        names = ("added", "removed", "changed", "same")
        counts = " · ".join(f"{getattr(self, name).items:,} {name}" for name in names)
        if self.added.usd is None or self.changed.usd is None:
            return f"{counts} · no price known"
        return f"{counts} · ${self.added.usd + self.changed.usd:,.2f}"


def diff_tables(before: Path, after: Path, *, usd_per_hour: float | None) -> PlanDiff:
    """The same for two items.parquet of large plans, whose rows have their expected seconds with them."""
    import pyarrow.compute as pc  # noqa: PLC0415 - slow to import, and most plans are documents
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = ["item_id", "render_key", "product", "seconds"]
    old, new = (pq.read_table(path, columns=columns).combine_chunks() for path in (before, after))

    def part(rows: Any, *, paid: bool) -> Part:
        seconds = float(pc.sum(rows["seconds"]).as_py() or 0.0) if paid else 0.0
        usd = 0.0 if not paid or not rows.num_rows else None if usd_per_hour is None else seconds / 3600 * usd_per_hour
        return Part(rows.num_rows, len(pc.unique(rows["product"].cast("string"))), usd)

    place = pc.index_in(new["item_id"], value_set=old["item_id"])
    both = new.filter(pc.is_valid(place))
    same = pc.equal(both["render_key"], old["render_key"].take(pc.drop_null(place)))
    return PlanDiff(
        added=part(new.filter(pc.is_null(place)), paid=True),
        removed=part(old.filter(pc.invert(pc.is_in(old["item_id"], value_set=new["item_id"]))), paid=False),
        changed=part(both.filter(pc.invert(same)), paid=True),
        same=part(both.filter(same), paid=False),
    )


def diff_plans(
    before: RenderPlan, after: RenderPlan, *, costs: Mapping[str, CostBasis], usd_per_hour: float | None
) -> PlanDiff:
    """Compare by item id and render key; money without cold starts, since those are paid by job."""
    old = {item.item_id: item for item in before.items}
    new = {item.item_id: item for item in after.items}

    def part(items: list[Item], *, paid: bool) -> Part:
        seconds = sum((costs.get(i.workflow) or assumed(after.run.press)).p50(i) for i in items) if paid else 0.0
        usd = 0.0 if not items or not paid else None if usd_per_hour is None else seconds / 3600 * usd_per_hour
        return Part(len(items), len({item.axes.get("product") for item in items}), usd)

    both = [(old[name], item) for name, item in new.items() if name in old]
    return PlanDiff(
        added=part([item for name, item in new.items() if name not in old], paid=True),
        removed=part([item for name, item in old.items() if name not in new], paid=False),
        changed=part([now for was, now in both if was.render_key != now.render_key], paid=True),
        same=part([now for was, now in both if was.render_key == now.render_key], paid=False),
    )

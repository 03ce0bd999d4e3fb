"""A changed product is that product's cells, in rows and money, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pressrun.core.cost import assumed
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.plan_diff import diff_plans

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]


@pytest.fixture
def items(make_item: MakeItem) -> list[Item]:
    return [make_item({"product": f"p{p}", "locale": locale}) for p in range(3) for locale in ("de-DE", "ja-JP")]


def test_one_changed_product_costs_its_own_cells(items: list[Item], make_plan: MakePlan) -> None:
    edited = [
        item.model_copy(update={"render_key": f"new-{item.item_id}"}) if item.axes["product"] == "p1" else item
        for item in items
    ]
    diff = diff_plans(make_plan(items), make_plan(edited), costs={}, usd_per_hour=3600.0)
    assert (diff.changed.items, diff.changed.rows, diff.same.items, diff.same.rows) == (2, 1, 4, 2)
    assert diff.changed.usd == pytest.approx(2 * assumed("final").p50(items[0]))
    assert (diff.added.usd, diff.removed.usd, diff.same.usd) == (0.0, 0.0, 0.0)


def test_what_came_and_what_went(items: list[Item], make_plan: MakePlan) -> None:
    diff = diff_plans(make_plan(items[:4]), make_plan(items[2:]), costs={}, usd_per_hour=1.0)
    assert (diff.added.items, diff.removed.items, diff.same.items) == (2, 2, 2)
    assert diff.sentence().startswith("2 added · 2 removed · 0 changed · 2 same · $0.0")


def test_the_same_plan_costs_nothing_even_without_a_price(items: list[Item], make_plan: MakePlan) -> None:
    plan = make_plan(items)
    assert diff_plans(plan, plan, costs={}, usd_per_hour=None).sentence().endswith("6 same · $0.00")
    assert diff_plans(make_plan([]), plan, costs={}, usd_per_hour=None).sentence().endswith("no price known")

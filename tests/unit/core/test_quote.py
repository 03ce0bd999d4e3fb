from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Price, Quote
from pressrun.core.quoting import make_quote

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]
LOCALES = ("de-DE", "ja-JP", "ar-AE", "hi-IN")
PRICES = {"ml.g5.xlarge": Price(usd_per_hour=1.41, source="test")}


def grid(make_item: MakeItem, products: int, locales: int) -> list[Item]:
    return [
        make_item({"product": f"p{product}", "locale": locale})
        for product in range(products)
        for locale in LOCALES[:locales]
    ]


def quote_of(plan: RenderPlan, *, rendered: frozenset[str] = frozenset(), instance: str = "ml.g5.xlarge") -> Quote:
    return make_quote(plan, plan_digest="0" * 64, rendered_keys=rendered, instance_type=instance, prices=PRICES)


@given(
    products=st.integers(0, 12),
    locales=st.integers(1, 4),
    canary=st.integers(0, 8),
    size=st.integers(1, 20),
    done=st.sets(st.integers(0, 47)),
)
def test_every_item_is_bought_once_or_reused(
    make_item: MakeItem, make_plan: MakePlan, products: int, locales: int, canary: int, size: int, done: set[int]
) -> None:
    items = grid(make_item, products, locales)
    rendered = frozenset(item.render_key for index, item in enumerate(items) if index in done)
    quote = quote_of(make_plan(items, canary_items=canary, shard_items=size), rendered=rendered)
    bought = Counter(item_id for shard in quote.shards for item_id in shard.item_ids)
    assert set(bought.values()) <= {1}
    assert set(bought) | set(quote.reused) == {item.item_id for item in items}
    assert not set(bought) & set(quote.reused)
    assert quote.to_render == len(bought)
    for shard in quote.shards:
        assert 0 < len(shard.item_ids) <= (canary if shard.phase == "canary" else size)
    assert [shard.index for shard in quote.shards if shard.phase == "main"] == list(range(quote.count("main")))
    assert quote.count("canary") <= 1


def test_two_items_of_one_picture_are_bought_once(make_item: MakeItem, make_plan: MakePlan) -> None:
    first = make_item({"product": "a", "locale": "de-DE"})
    second = make_item({"product": "a", "locale": "ja-JP"}, render_key=first.render_key)
    quote = quote_of(make_plan([first, second]))
    assert [shard.item_ids for shard in quote.shards] == [(first.item_id,)]
    assert quote.planned == 2


def test_the_canary_shows_every_locale_before_any_twice(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = grid(make_item, 10, 4)
    quote = quote_of(make_plan(items, canary_items=4))
    chosen = {item.item_id: item for item in items}
    canary = [chosen[item_id] for item_id in quote.shard("canary", 0).item_ids]
    assert {item.locale for item in canary} == set(LOCALES)
    assert len({item.axes["product"] for item in canary}) == 4


def test_a_run_as_small_as_its_canary_has_none(make_item: MakeItem, make_plan: MakePlan) -> None:
    assert quote_of(make_plan(grid(make_item, 2, 4), canary_items=4)).count("canary") == 0
    assert quote_of(make_plan(grid(make_item, 3, 4), canary_items=0)).count("canary") == 0


def test_the_ceiling_holds_for_every_attempt_of_every_job(make_item: MakeItem, make_plan: MakePlan) -> None:
    plan = make_plan(grid(make_item, 8, 4), canary_items=4, shard_items=14, attempts=3, max_runtime_minutes=60)
    quote = quote_of(plan)
    assert len(quote.shards) == 3
    assert quote.ceiling_usd == pytest.approx(3 * 3 * 1.0 * 1.41)
    assert quote.usd is not None
    assert 0 < quote.usd <= quote.ceiling_usd
    assert quote.unpriced == 0


def test_an_unknown_price_is_counted_never_zero(make_item: MakeItem, make_plan: MakePlan) -> None:
    quote = quote_of(make_plan(grid(make_item, 2, 2)), instance="ml.unknown.xlarge")
    assert quote.usd is None
    assert quote.ceiling_usd is None
    assert quote.unpriced == 4
    assert quote.needs_approval


def test_nothing_to_render_needs_nobody(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = grid(make_item, 2, 2)
    quote = quote_of(make_plan(items), rendered=frozenset(item.render_key for item in items), instance="unknown")
    assert (quote.to_render, quote.shards, quote.needs_approval) == (0, (), False)


def test_a_proof_is_quicker_than_a_final(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = grid(make_item, 4, 4)
    assert quote_of(make_plan(items, press="proof")).seconds < quote_of(make_plan(items, press="final")).seconds / 10


def test_a_deadline_buys_no_more_jobs_than_it_takes(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = grid(make_item, 12, 4)
    relaxed = quote_of(make_plan(items, shard_items=48, parallel=4, deadline_minutes=120))
    tight = quote_of(make_plan(items, shard_items=48, parallel=4, deadline_minutes=15))
    assert (relaxed.count("main"), tight.count("main")) == (1, 2)
    assert tight.wall_seconds <= 15 * 60
    assert relaxed.usd is not None
    assert tight.usd is not None
    assert relaxed.usd < tight.usd


def test_an_impossible_deadline_is_told_with_the_nearest_answer(make_item: MakeItem, make_plan: MakePlan) -> None:
    quote = quote_of(make_plan(grid(make_item, 12, 4), shard_items=48, parallel=1, deadline_minutes=14))
    (finding,) = quote.findings
    assert finding.code == "quote-unreachable"
    assert "the earliest with 1 at a time is" in finding.remedy
    assert quote.to_render == 48

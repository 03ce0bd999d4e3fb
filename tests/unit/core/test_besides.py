"""What a quote says besides machines: many markets in one run, people's time, storage, what has no price, the ceiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pressrun.core.besides import Besides
from pressrun.core.cost import BYTES_PER_MEGAPIXEL, ClassCost, CostBasis, item_work
from pressrun.core.item import Item
from pressrun.core.people import LEARNT_FROM, ReviewPolicy, parse_review_policy
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Price, Quote
from pressrun.core.quoting import make_quote

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]
PRICES = {"ml.g5.xlarge": Price(usd_per_hour=1.41, source="test")}
TWELVE = [f"{tag}-XX" for tag in ("de", "fr", "it", "es", "pt", "nl", "pl", "sv", "ja", "ko", "ar", "hi")]


def quote_of(plan: RenderPlan, *, prices: Mapping[str, Price] = PRICES, **more: Any) -> Quote:
    return make_quote(
        plan, plan_digest="0" * 64, rendered_keys=frozenset(), instance_type="ml.g5.xlarge", prices=prices, **more
    )


def in_locales(make_item: MakeItem, locales: list[str], each: int, **fields: Any) -> list[Item]:
    return [
        make_item({"product": f"p{number}", "locale": locale}, **fields) for locale in locales for number in range(each)
    ]


def test_twelve_locales_of_fifty_pay_one_cold_start_and_not_twelve(make_item: MakeItem, make_plan: MakePlan) -> None:
    job = {"shard_items": 600, "parallel": 1, "canary_items": 0, "max_runtime_minutes": 1000, "probe_items": 0}
    together = quote_of(make_plan(in_locales(make_item, TWELVE, 50), **job))
    apart = [quote_of(make_plan(in_locales(make_item, [locale], 50), **job)) for locale in TWELVE]
    assert len(together.shards) == 1
    assert sum(len(quote.shards) for quote in apart) == 12
    saved = sum(quote.seconds for quote in apart) - together.seconds
    assert saved == pytest.approx(11 * 300.0)
    assert together.saving is not None
    assert together.saving.seconds == pytest.approx(saved)
    assert together.saving.usd == pytest.approx(saved / 3600 * 1.41, abs=1e-4)
    assert together.saving.sentence() == (
        "one run of 1 job instead of 12 runs of 12: 11 cold starts spared, 55 min, $1.29"
    )
    assert f"markets: {together.saving.sentence()}" in together.besides()


def test_the_saving_is_what_the_markets_alone_would_be_quoted(make_item: MakeItem, make_plan: MakePlan) -> None:
    job = {"shard_items": 16, "parallel": 3, "canary_items": 4, "deadline_minutes": 60}
    together = quote_of(make_plan(in_locales(make_item, TWELVE, 50), **job))
    apart = [quote_of(make_plan(in_locales(make_item, [locale], 50), **job)) for locale in TWELVE]
    assert together.saving is not None
    assert together.saving.jobs_apart == sum(len(quote.shards) for quote in apart)
    assert together.saving.jobs == len(together.shards)
    assert quote_of(make_plan(in_locales(make_item, ["de-DE"], 50), **job)).saving is None


@pytest.mark.parametrize(("canary", "round_number"), [(0, 0), (4, 0), (4, 2)])
def test_the_ceiling_is_instances_by_runtime_by_attempts_by_price(
    make_item: MakeItem, make_plan: MakePlan, canary: int, round_number: int
) -> None:
    """Canary and rounds included: a picture that went round again is an item like others, bought in a job like others."""
    items = in_locales(make_item, ["de-DE", "ja-JP"], 20, round=round_number)
    quote = quote_of(make_plan(items, shard_items=12, canary_items=canary, attempts=2, max_runtime_minutes=45))
    jobs = quote.count("canary") + quote.count("main")
    assert quote.count("canary") == (1 if canary else 0)
    assert quote.to_render == 40
    assert quote.ceiling_usd == pytest.approx(round(jobs * 2 * 45 / 60 * 1.41, 2))
    longest = max(shard.seconds_p90 for shard in quote.shards)
    assert longest <= 45 * 60


def test_people_look_at_all_candidates_of_a_cell_that_has_a_new_one(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = [make_item({"product": f"p{n % 4}", "locale": "de-DE", "variant": f"v{n // 4}"}) for n in range(8)]
    rendered = frozenset(item.render_key for item in items[:7])
    policy = ReviewPolicy(
        seconds_per_candidate=6, seconds_per_cell=4, usd_per_hour=45, source="studio", date="2026-11-20"
    )
    quote = make_quote(
        make_plan(items), plan_digest="0" * 64, rendered_keys=rendered, instance_type="ml.g5.xlarge", prices=PRICES,
        besides=Besides(review=policy),
    )  # fmt: skip
    assert quote.review is not None
    assert (quote.review.cells, quote.review.candidates, quote.review.seconds) == (1, 2, 16.0)
    assert quote.review.usd == pytest.approx(0.2)
    assert quote.review.source == "studio, 2026-11-20"


def test_the_pace_of_past_decisions_takes_the_place_of_the_policy() -> None:
    policy = ReviewPolicy(seconds_per_candidate=6, seconds_per_cell=4, usd_per_hour=45)
    assert policy.learnt([10.0] * (LEARNT_FROM - 1)) == policy
    learnt = policy.learnt([10.0] * LEARNT_FROM + [4000.0, 0.0])
    assert (learnt.seconds_per_candidate, learnt.seconds_per_cell, learnt.usd_per_hour) == (10.0, 0.0, 45)
    assert learnt.told() == f"measured on {LEARNT_FROM} decisions"


def test_a_wrong_review_policy_is_told_by_field() -> None:
    assert parse_review_policy(b"seconds_per_candidate: 3\ndate: 2026-11-20").date == "2026-11-20"
    with pytest.raises(Exception, match="/seconds_per_candidate"):
        parse_review_policy(b"seconds_per_candidate: soon")
    with pytest.raises(Exception, match="not YAML"):
        parse_review_policy(b"a: [")


def test_storage_is_by_measured_size_where_there_is_one(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = in_locales(make_item, ["de-DE"], 10)
    work = item_work(items[0])
    measured = ClassCost(work=work, jobs=1, items=5, p50=9.0, p90=9.0, bytes_each=2e6)
    basis = CostBasis(
        source="measured", newest="2026-03-01T00:00:00+00:00", rate_p50=1, rate_p90=1, cold_p50=1, cold_p90=1
    )
    terms = Besides(storage_usd=0.02, storage_source="test")
    known = quote_of(
        make_plan(items), costs={"poster": basis.model_copy(update={"classes": (measured,)})}, besides=terms
    )
    guess = quote_of(make_plan(items), costs={"poster": basis}, besides=terms)
    assert known.storage is not None
    assert guess.storage is not None
    assert (known.storage.bytes, known.storage.kept_bytes, known.storage.source) == (
        20_000_000,
        20_000_000,
        "sizes as measured",
    )
    assert known.storage.usd_per_month == pytest.approx(0.04 * 0.02)
    assert (known.storage.retention, known.storage.days) == ("campaign", 365)
    assert guess.storage.bytes == pytest.approx(10 * BYTES_PER_MEGAPIXEL * 1.048576, abs=5)
    assert "assumed" in guess.storage.source


def test_everything_without_a_price_is_counted_and_named(make_item: MakeItem, make_plan: MakePlan) -> None:
    plan = make_plan(in_locales(make_item, ["de-DE"], 7))
    quote = quote_of(plan, prices={})
    assert (quote.usd, quote.ceiling_usd, quote.unpriced) == (None, None, 7)
    assert quote.not_priced == ("7 items on ml.g5.xlarge", "storage of 7 pictures")
    assert "without a price: 7 items on ml.g5.xlarge, storage of 7 pictures" in quote.besides()
    assert quote_of(plan, besides=Besides(storage_usd=0.02)).not_priced == ()


def test_a_large_run_of_which_nothing_is_known_begins_with_a_bounded_probe(
    make_item: MakeItem, make_plan: MakePlan
) -> None:
    items = in_locales(make_item, TWELVE, 20)
    probed = quote_of(make_plan(items, canary_items=0, probe_items=10, probe_above=100))
    assert (probed.probe, len(probed.shard("canary", 0).item_ids)) == (True, 10)
    assert any(said.startswith("probe: nothing was measured yet, so 10 pictures") for said in probed.besides())
    assert not quote_of(make_plan(items[:100], canary_items=4, probe_above=100)).probe
    assert quote_of(make_plan(items, canary_items=0, probe_items=0)).count("canary") == 0
    basis = CostBasis(
        source="measured", newest="2026-03-01T00:00:00+00:00", rate_p50=1, rate_p90=1, cold_p50=1, cold_p90=1
    )
    known = quote_of(make_plan(items, canary_items=0), costs={"poster": basis})
    assert (known.probe, known.count("canary")) == (False, 0)

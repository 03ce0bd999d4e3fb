"""The choice of the instance type against brute force, and how ties, prices and samples decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core.cost import CostBasis
from pressrun.core.instances import Candidate, choose
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.pools import Pool
from pressrun.core.quote import Price, Quote
from pressrun.core.quoting import make_quote
from pressrun.core.sharder import Limits, Load

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]


def partitions(count: int) -> list[list[list[int]]]:
    """Every way to put `count` items into jobs."""
    if count == 0:
        return [[]]
    found = []
    for smaller in partitions(count - 1):
        for index in range(len(smaller)):
            found.append([[*job, count - 1] if at == index else job for at, job in enumerate(smaller)])
        found.append([*smaller, [count - 1]])
    return found


ALL = {count: partitions(count) for count in range(1, 7)}


def cheapest_by_force(candidates: list[Candidate]) -> tuple[float, int, str] | None:
    """The least (USD, jobs, place in the list) over every type and every partition that keeps to the limits."""
    best: tuple[float, int, int, str] | None = None
    for at, one in enumerate(candidates):
        limits, seconds = one.limits, [load.seconds for load in one.loads]
        assert limits.deadline is not None
        assert limits.price is not None
        assert limits.budget is not None
        for jobs in ALL[len(seconds)]:
            waves = -(-len(jobs) // limits.parallel)
            took = [sum(seconds[item] for item in job) for job in jobs]
            if max(took) > limits.deadline / waves - limits.cold + 1e-9 or max(map(len, jobs)) > limits.max_items:
                continue
            usd = round((sum(took) + limits.cold * len(jobs)) * limits.price, 4)
            if usd <= limits.budget + 1e-9 and (best is None or (usd, len(jobs), at) < best[:3]):
                best = (usd, len(jobs), at, one.instance_type)
    return None if best is None else (best[0], best[1], best[3])


@settings(max_examples=700, deadline=None)
@given(
    work=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    kinds=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(0, 20)), min_size=1, max_size=4),
    parallel=st.integers(1, 3),
    max_items=st.integers(1, 6),
    deadline=st.integers(5, 120).map(float),
    budget=st.integers(20, 4000).map(float),
)
def test_it_chooses_what_brute_force_finds(
    work: list[int], kinds: list[tuple[int, int, int]], parallel: int, max_items: int, deadline: float, budget: float
) -> None:
    """`kinds` are (seconds for a unit of work, USD a second, cold start)."""
    candidates = [
        Candidate(
            f"ml.k{at}", [Load(number, float(units * slow)) for number, units in enumerate(work)],
            Limits(cold=float(cold), parallel=parallel, max_items=max_items, deadline=deadline, budget=budget,
                   price=float(price)),
            measured=True,
        )
        for at, (slow, price, cold) in enumerate(kinds)
    ]  # fmt: skip
    expected = cheapest_by_force(candidates)
    offer, choices = choose(candidates)
    if expected is None:
        assert offer.refused is not None
        assert offer.refused.remedy
        return
    assert offer.refused is None
    assert offer.usd is not None
    assert (round(offer.usd, 4), len(offer.cut.jobs), offer.candidate.instance_type) == expected
    assert [choice.instance_type for choice in choices if choice.chosen] == [expected[2]]
    assert sorted(number for job in offer.cut.jobs for number in job) == list(range(len(work)))


def one(
    kind: str, *, price: float | None = 1.0, measured: bool = True, seconds: float = 10.0, **more: float
) -> Candidate:
    limits = Limits(cold=5.0, parallel=2, max_items=10, deadline=more.pop("deadline", 100.0), price=price)
    return Candidate(kind, [Load(0, seconds)], limits, measured=measured, **more)  # type: ignore[arg-type]


def chosen(*candidates: Candidate) -> tuple[str, dict[str, str]]:
    offer, choices = choose(candidates)
    return offer.candidate.instance_type, {choice.instance_type: choice.reason for choice in choices}


def test_at_equal_cost_the_first_that_is_listed_is_taken() -> None:
    kind, reasons = chosen(one("ml.a"), one("ml.b"))
    assert (kind, reasons["ml.b"]) == ("ml.a", "no better, and listed later")
    assert chosen(one("ml.b"), one("ml.a"))[0] == "ml.b"


def test_a_type_without_a_price_is_taken_only_where_none_has_one() -> None:
    kind, reasons = chosen(one("ml.free", price=None, seconds=1.0), one("ml.b"))
    assert (kind, reasons["ml.free"]) == ("ml.b", "has no price")
    assert chosen(one("ml.slow", price=None, seconds=9.0), one("ml.fast", price=None, seconds=1.0))[0] == "ml.fast"


def test_a_measured_type_goes_before_a_guess_that_looks_cheaper() -> None:
    kind, reasons = chosen(one("ml.new", price=0.1, measured=False), one("ml.known"))
    assert (kind, reasons["ml.new"]) == ("ml.known", "was never measured here, so its estimate is a guess")
    assert chosen(one("ml.dear", measured=False), one("ml.cheap", price=0.1, measured=False))[0] == "ml.cheap"


def test_a_cheap_type_that_is_too_slow_gives_way_and_says_why() -> None:
    kind, reasons = chosen(one("ml.slow", price=0.1, seconds=200.0), one("ml.fast"))
    assert kind == "ml.fast"
    assert reasons["ml.slow"].startswith("one item alone takes 3.4 min with its cold start, the deadline is 1.7 min")


def test_a_quota_of_none_or_too_few_gives_way() -> None:
    kind, reasons = chosen(one("ml.none", price=0.1, quota=0), one("ml.b"))
    assert (kind, "may run no ml.none" in reasons["ml.none"]) == ("ml.b", True)
    loads = [Load(number, 10.0) for number in range(4)]
    tight = Limits(cold=5.0, parallel=2, max_items=2, price=0.1)
    short = Candidate("ml.few", loads, tight, measured=True, quota=1, wanted=2)
    assert chosen(short, one("ml.b"))[0] == "ml.b"


def test_where_none_will_do_the_nearest_answer_is_the_one_that_ends_first() -> None:
    offer, _ = choose([one("ml.slow", seconds=300.0), one("ml.less", seconds=200.0)])
    assert offer.candidate.instance_type == "ml.less"
    assert offer.refused is not None
    assert "earliest" in str(offer.refused.remedy)


def quoted(
    plan: RenderPlan, kinds: tuple[str, ...], prices: dict[str, float], rates: dict[str, float], **more: object
) -> Quote:
    basis = {
        kind: {"poster": CostBasis(source="measured", jobs=9, items=90, newest="2026-03-01T00:00:00+00:00", rate_p50=rate,
                                   rate_p90=rate, cold_p50=60, cold_p90=60)}
        for kind, rate in rates.items()
    }  # fmt: skip
    return make_quote(
        plan, plan_digest="0" * 64, rendered_keys=frozenset(), instance_type=kinds, costs_by_type=basis,
        prices={kind: Price(usd_per_hour=usd, source="test") for kind, usd in prices.items()}, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_quote_takes_the_dear_instance_only_for_a_deadline(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = [make_item({"product": f"p{number}", "locale": "de-DE"}) for number in range(40)]
    kinds, prices, rates = (
        ("ml.small", "ml.large"),
        {"ml.small": 1.0, "ml.large": 4.0},
        {"ml.small": 0.3, "ml.large": 0.1},
    )
    relaxed = quoted(make_plan(items, shard_items=40, parallel=1, canary_items=0), kinds, prices, rates)
    tight = quoted(
        make_plan(items, shard_items=40, parallel=1, canary_items=0, deadline_minutes=4), kinds, prices, rates
    )
    assert (relaxed.instance_type, tight.instance_type) == ("ml.small", "ml.large")
    assert tight.wall_seconds <= 240
    assert [(choice.instance_type, choice.chosen) for choice in tight.choices] == [
        ("ml.small", False),
        ("ml.large", True),
    ]
    assert tight.usd_per_hour == 4.0


def test_a_limit_on_the_ceiling_counts_for_the_choice(make_item: MakeItem, make_plan: MakePlan) -> None:
    items = [make_item({"product": f"p{number}", "locale": "de-DE"}) for number in range(40)]
    plan = make_plan(items, shard_items=40, parallel=1, canary_items=0, attempts=3, max_runtime_minutes=60)
    plan = plan.model_copy(
        update={"spec": plan.spec.model_copy(update={"spend": plan.spec.spend.model_copy(update={"limit": 5})})}
    )
    quote = quoted(
        plan, ("ml.large", "ml.small"), {"ml.small": 1.0, "ml.large": 4.0}, {"ml.small": 0.3, "ml.large": 0.01}
    )
    assert quote.instance_type == "ml.small"
    assert quote.ceiling_usd == 3.0
    assert "could cost up to $12.00, the limit is $5.00" in quote.choices[0].reason


def test_no_quota_at_all_is_told(make_item: MakeItem, make_plan: MakePlan) -> None:
    plan = make_plan([make_item({"product": "p", "locale": "de-DE"})])
    quote = quoted(plan, ("ml.a", "ml.b"), {"ml.a": 1.0, "ml.b": 1.0}, {}, quotas={"ml.a": 0, "ml.b": 0})
    assert [finding.code for finding in quote.findings] == ["quote-unreachable"]


def test_a_pool_names_each_of_its_types_once() -> None:
    assert Pool(instance_type="ml.a", alternatives=("ml.b", "ml.a")).instance_types == ("ml.a", "ml.b")


@pytest.mark.parametrize("wrong", [[], ["ml.a", "ml.a"], ["ml.a", "auto"]])
def test_a_list_of_types_that_says_nothing_or_twice_is_refused(make_plan: MakePlan, wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="names each instance type once"):
        make_plan([], instance_type=wrong)

"""The sharder against brute force, and its promises on large cases."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core.sharder import BALANCED, Limits, Load, UnreachableError, cut, makespan


def loads_of(seconds: list[float], groups: str = "") -> list[Load]:
    return [Load(number, taken, groups[number % len(groups)] if groups else "") for number, taken in enumerate(seconds)]


def partitions(count: int) -> Iterator[list[list[int]]]:
    """Every way to put `count` items into jobs."""
    if count == 0:
        yield []
        return
    for smaller in partitions(count - 1):
        for index in range(len(smaller)):
            yield [[*job, count - 1] if at == index else job for at, job in enumerate(smaller)]
        yield [*smaller, [count - 1]]


def fewest_by_force(seconds: list[float], limits: Limits) -> int | None:
    """The fewest jobs over every partition, each job within its wave's share of the deadline."""
    assert limits.deadline is not None
    best: int | None = None
    for jobs in partitions(len(seconds)):
        waves = -(-len(jobs) // limits.parallel)
        room = limits.deadline / waves - limits.cold + 1e-9
        fits = all(len(job) <= limits.max_items and sum(seconds[item] for item in job) <= room for job in jobs)
        if fits and (best is None or len(jobs) < best):
            best = len(jobs)
    return best


@settings(max_examples=600)
@given(
    seconds=st.lists(st.integers(1, 30).map(float), min_size=1, max_size=7),
    cold=st.integers(0, 12).map(float),
    parallel=st.integers(1, 4),
    max_items=st.integers(1, 7),
    deadline=st.integers(5, 150).map(float),
)
def test_it_needs_as_few_jobs_as_brute_force(
    seconds: list[float], cold: float, parallel: int, max_items: int, deadline: float
) -> None:
    limits = Limits(cold=cold, parallel=parallel, max_items=max_items, deadline=deadline)
    expected = fewest_by_force(seconds, limits)
    if expected is None:
        with pytest.raises(UnreachableError, match="the earliest with"):
            cut(loads_of(seconds), limits)
        return
    found = cut(loads_of(seconds), limits)
    assert len(found.jobs) == expected
    assert sorted(number for job in found.jobs for number in job) == list(range(len(seconds)))
    assert all(len(job) <= max_items for job in found.jobs)
    assert found.makespan <= deadline + 1e-6
    assert found.seconds == pytest.approx(sum(seconds) + cold * expected)


@settings(max_examples=300, deadline=None)
@given(
    seconds=st.lists(st.integers(1, 30).map(float), min_size=1, max_size=7),
    cold=st.integers(0, 12).map(float),
    max_items=st.integers(1, 7),
    longest=st.integers(5, 90).map(float),
)
def test_no_job_is_planned_to_outlive_its_maximum(
    seconds: list[float], cold: float, max_items: int, longest: float
) -> None:
    room = longest - cold
    found = cut(loads_of(seconds), Limits(cold=cold, parallel=2, max_items=max_items, longest=longest))
    if max(seconds) > room:
        assert len(found.jobs) == -(-len(seconds) // max_items)
        return
    fewest = min(
        len(jobs)
        for jobs in partitions(len(seconds))
        if all(len(job) <= max_items and sum(seconds[item] for item in job) <= room for job in jobs)
    )
    assert len(found.jobs) == fewest
    assert max(sum(seconds[number] for number in job) for job in found.jobs) <= room + 1e-6


def test_the_longest_job_starts_first() -> None:
    found = cut(loads_of([5.0, 5.0, 40.0, 41.0, 5.0]), Limits(cold=1, parallel=2, max_items=2))
    taken = [sum([5.0, 5.0, 40.0, 41.0, 5.0][number] for number in job) for job in found.jobs]
    assert taken == sorted(taken, reverse=True)


@given(
    seconds=st.lists(st.floats(0.1, 50), min_size=1, max_size=12),
    parallel=st.integers(1, 3),
    deadline=st.floats(30, 200),
    order=st.randoms(use_true_random=False),
)
def test_the_deadline_holds_in_any_order_of_jobs(
    seconds: list[float], parallel: int, deadline: float, order: object
) -> None:
    try:
        found = cut(loads_of(seconds), Limits(cold=10, parallel=parallel, max_items=5, deadline=deadline))
    except UnreachableError:
        return
    durations = [10 + sum(seconds[number] for number in job) for job in found.jobs]
    order.shuffle(durations)  # type: ignore[attr-defined]
    assert makespan(durations, parallel) <= deadline + 1e-6


@pytest.mark.parametrize("parallel", [1, 3])
def test_the_earliest_answer_it_names_can_be_had(parallel: int) -> None:
    loads = loads_of([60.0] * 10)
    with pytest.raises(UnreachableError) as refused:
        cut(loads, Limits(cold=300, parallel=parallel, max_items=10, deadline=310))
    told = re.search(r"is ([\d.]+) min", refused.value.remedy or "")
    assert told is not None
    soonest = float(told[1]) * 60
    found = cut(loads, Limits(cold=300, parallel=parallel, max_items=10, deadline=soonest))
    assert found.makespan <= soonest


def test_it_says_which_quota_would_meet_the_deadline() -> None:
    loads = loads_of([60.0] * 10)
    with pytest.raises(UnreachableError, match=r"10 items cannot be rendered in 7\.0 min") as refused:
        cut(loads, Limits(cold=300, parallel=2, max_items=10, deadline=420))
    assert "5 at a time would meet it" in str(refused.value)
    assert len(cut(loads, Limits(cold=300, parallel=5, max_items=10, deadline=420)).jobs) == 5


def test_one_item_that_is_longer_than_the_deadline_is_told_as_such() -> None:
    with pytest.raises(UnreachableError, match=r"one item alone takes 10\.0 min"):
        cut(loads_of([300.0, 1.0]), Limits(cold=300, parallel=9, max_items=10, deadline=400))


def test_a_budget_below_the_fewest_jobs_is_refused_with_what_it_buys() -> None:
    limits = Limits(cold=300, parallel=2, max_items=10, budget=1.0, price=1 / 600)
    with pytest.raises(UnreachableError, match=r"would cost \$1\.50, and there are \$1\.00") as refused:
        cut(loads_of([60.0] * 10), limits)
    assert "the first 5 of the 10 items" in str(refused.value)
    assert len(cut(loads_of([60.0] * 5), limits).jobs) == 1


def test_without_a_deadline_jobs_are_as_few_as_their_size_allows_and_equal_by_seconds() -> None:
    seconds = [100.0] * 10 + [10.0] * 30
    found = cut(loads_of(seconds), Limits(cold=5, parallel=2, max_items=20))
    taken = [sum(seconds[number] for number in job) for job in found.jobs]
    assert len(found.jobs) == 2
    assert max(taken) / min(taken) < BALANCED


def test_a_job_keeps_to_one_group_where_that_is_as_good() -> None:
    found = cut(loads_of([10.0] * 40, groups="ab"), Limits(cold=5, parallel=2, max_items=20))
    assert [{number % 2 for number in job} for job in found.jobs] == [{0}, {1}]


def test_a_large_run_is_cut_quickly_and_evenly() -> None:
    seconds = [5.0 + (number * 7919 % 13) for number in range(20_000)]
    found = cut(loads_of(seconds), Limits(cold=300, parallel=50, max_items=5000, deadline=3 * 3600))
    taken = [sum(seconds[number] for number in job) for job in found.jobs]
    assert len(found.jobs) == -(-sum(seconds) // (3 * 3600 - 300))
    assert max(taken) / min(taken) < BALANCED


def test_nothing_needs_no_job() -> None:
    assert cut([], Limits(cold=5, parallel=1, max_items=5, deadline=1)).jobs == ()

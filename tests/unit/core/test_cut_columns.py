"""Cutting a large plan: as few jobs as may be, the longest as short as any cut in that order allows."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core.cut_columns import cut_columns
from pressrun.core.errors import NotAllowedError

ITEMS = st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.5, 8.0]), st.integers(0, 2)), min_size=1, max_size=8)


@settings(max_examples=300)
@given(ITEMS, st.integers(1, 5), st.one_of(st.none(), st.floats(1, 20)))
def test_no_other_cut_is_better(items: list[tuple[float, int]], max_items: int, longest: float | None) -> None:
    seconds, groups = np.array([one for one, _ in items]), np.array([group for _, group in items])
    found = cut_columns(seconds, groups, np.arange(len(items)), max_items=max_items, longest=longest)
    assert sorted(found.order.tolist()) == list(range(len(items)))
    assert groups[found.order].tolist() == sorted(groups.tolist()), "a job keeps its group as far as it can"
    room = float("inf") if longest is None else max(longest, seconds.max())
    ordered = seconds[found.order]

    def fits(bounds: tuple[int, ...]) -> bool:
        edges = (0, *bounds, len(items))
        return all(b - a <= max_items and ordered[a:b].sum() <= room + 1e-9 for a, b in pairwise(edges))

    for jobs in range(1, len(items) + 1):
        possible = [(0, *bounds, len(items)) for bounds in combinations(range(1, len(items)), jobs - 1) if fits(bounds)]
        if possible:
            break
    best = min(max(ordered[a:b].sum() for a, b in pairwise(edges)) for edges in possible)
    assert len(found) == jobs
    assert found.sums(seconds).max() == pytest.approx(best, rel=1e-6)


def test_the_pictures_of_one_prompt_stay_together() -> None:
    found = cut_columns(np.ones(9), np.zeros(9, np.int64), np.array([0, 1, 2] * 3), max_items=4)
    jobs = [set(found.order[a:b] % 3) for a, b in pairwise(found.bounds)]
    assert jobs == [{0}, {1}, {2}]


def test_a_prompt_larger_than_a_job_is_refused() -> None:
    with pytest.raises(NotAllowedError, match="one prompt makes 3 pictures, a job takes 2"):
        cut_columns(np.ones(3), np.zeros(3, np.int64), np.zeros(3, np.int64), max_items=2)


def test_nothing_to_buy_needs_no_job() -> None:
    none = np.zeros(0, np.int64)
    assert len(cut_columns(np.zeros(0), none, none, max_items=5)) == 0

"""The sharder in columns: a large plan into as few jobs as its limits allow, equal by predicted seconds.

As core.sharder cuts by groups, for a million items: in order of their groups (a job keeps its model and size), the
pictures of one prompt together, where the longest job is shortest.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pressrun.core.chunk import Numbers
from pressrun.core.errors import NotAllowedError

_STEPS = 30


@dataclass(frozen=True)
class ColumnCut:
    """`order` are item numbers, job after job and group after group; job n has `order[bounds[n]:bounds[n + 1]]`."""

    order: Numbers
    bounds: Numbers

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of the items' values, for each job."""
        return np.add.reduceat(values[self.order], self.bounds[:-1]) if len(self) else np.zeros(0)


def cut_columns(
    seconds: NDArray[np.float64], groups: Numbers, prompts: Numbers, *, max_items: int, longest: float | None = None
) -> ColumnCut:
    """The fewest jobs of at most `max_items` items and `longest` seconds (without cold start; None: no such limit).

    Items of equal `prompts` are rendered together. NotAllowedError where the pictures of one prompt are too much for
    one job.
    """
    if not len(seconds):
        return ColumnCut(np.zeros(0, np.int64), np.zeros(1, np.int64))
    # Plan order within a group: the first row of a prompt stands for all its rows.
    order = np.lexsort((np.arange(len(seconds)), prompts, groups))
    steps = np.flatnonzero(np.diff(prompts[order], prepend=-1, append=-1))  # where prompts begin, and the end
    sums = np.concatenate(([0.0], np.cumsum(seconds[order])))[steps]
    most = np.diff(sums).max()
    if np.diff(steps).max() > max_items:
        raise NotAllowedError(
            f"one prompt makes {np.diff(steps).max()} pictures, a job takes {max_items}", remedy="raise job.shard_items"
        )
    limit = float(sums[-1] if longest is None else max(longest, most))
    return ColumnCut(order, steps[_shortest(sums.tolist(), steps.tolist(), max_items, limit, float(most))])


def _shortest(sums: list[float], steps: list[int], max_items: int, limit: float, most: float) -> list[int]:
    """Bounds (numbers of prompts) of the fewest jobs within the limits, where the longest is shortest."""
    best = _pieces(sums, steps, limit, max_items)
    jobs = len(best) - 1
    low, high = max(sums[-1] / jobs, most), limit
    for _ in range(_STEPS):
        middle = (low + high) / 2
        found = _pieces(sums, steps, middle, max_items)
        if len(found) - 1 > jobs:
            low = middle
        else:
            best, high = found, middle
    return best


def _pieces(sums: list[float], steps: list[int], room: float, max_items: int) -> list[int]:
    """Bounds of jobs filled one after the other up to `room` seconds, but one prompt at least, and `max_items`."""
    bounds, last = [0], len(steps) - 1
    while bounds[-1] < last:
        start = bounds[-1]
        by_seconds = bisect_right(sums, sums[start] + room + 1e-9, start) - 1
        by_items = bisect_right(steps, steps[start] + max_items, start) - 1
        bounds.append(min(by_seconds, by_items, last))
    return bounds

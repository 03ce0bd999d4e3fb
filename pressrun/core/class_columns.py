"""Cost classes in columns: items that take the same seconds, by what the cost model looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pressrun.core.chunk import Numbers
from pressrun.core.cost import CostBasis, work_of
from pressrun.core.plan_chunk import PlanChunk

# What the cost model and the sharder read of an item's parameters.
COST_PARAMS = ("width", "height", "steps")
Floats = NDArray[np.float64]


class CostClasses:
    """Numbers the classes of a plan as they come up. `p50` and `p90` are seconds of one item, `group` what it shares.

    `group` numbers what a warm engine keeps between items: the graph, and buffers of a size.
    """

    def __init__(self, basis: CostBasis) -> None:
        self._basis = basis
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._groups: dict[tuple[Any, ...], int] = {}
        self.p50: list[float] = []
        self.p90: list[float] = []
        self.group: list[int] = []

    def column(self, items: PlanChunk) -> Numbers:
        """The class of each item."""
        columns = {name: items.params[name] for name in COST_PARAMS if name in items.params}
        sizes = items.batch_sizes()
        read = [*columns.values(), *([sizes] if sizes else [])]
        grain = items.chunk.grain(frozenset[str]().union(*(column.axes for column in read)))
        batches = sizes.at(grain) if sizes else [1] * len(grain)
        values = zip(*(column.at(grain) for column in columns.values()), strict=True) if columns else [()] * len(grain)
        numbers = [
            self._number({name: one for name, one in zip(columns, given, strict=True) if one is not None}, batch)
            for given, batch in zip(values, batches, strict=True)
        ]
        return np.array(numbers, dtype=np.int64)[grain.codes]

    def seconds(self, numbers: Numbers) -> Floats:
        """Expected seconds of items by their classes."""
        return np.array(self.p50)[numbers]

    def seconds_p90(self, numbers: Numbers) -> Floats:
        return np.array(self.p90)[numbers]

    def groups(self, numbers: Numbers) -> Numbers:
        return np.array(self.group, dtype=np.int64)[numbers]

    def _number(self, params: Mapping[str, Any], batch: int) -> int:
        key = (*(params.get(name) for name in COST_PARAMS), batch)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.p50)
            p50, p90 = self._basis.seconds(work_of(params), batch)
            self.p50.append(p50)
            self.p90.append(p90)
            self.group.append(self._groups.setdefault(key[:2], len(self._groups)))
        return found

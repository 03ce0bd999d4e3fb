"""Chunks: consecutive items of a plan in columns, axis values as numbers; nothing is computed twice for equal values.

What depends on some axes only is computed for the distinct combinations of those axes (a grain) and looked up by
number for every item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
# A table of this many numbers is quicker than sorting; beyond it, memory would grow with the manifest.
_DENSE = 500_000
# Combined axis numbers must fit into 64 bits.
_WIDEST = 2**62
# Values kept for later chunks; what is forgotten is computed again.
MEMO_LIMIT = 300_000


@dataclass(frozen=True)
class Grain:
    """The distinct combinations of some axes in a chunk.

    `codes[row]` is the number of an item's combination, `first[number]` the first row that has it. `names[number]`
    names the combination in every chunk of the plan; None where there is no point in keeping what belongs to it.
    """

    first: Numbers
    codes: Numbers
    names: Numbers | None

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Column:
    """One value for each combination of a grain. `stable`: the same combination has the same value in every chunk."""

    axes: frozenset[str]
    grain: Grain
    values: list[Any]
    stable: bool = True

    def at(self, finer: Grain) -> list[Any]:
        """The value for each combination of a grain of more axes (of the same chunk)."""
        if finer is self.grain:
            return self.values
        values = self.values
        return [values[number] for number in self.grain.codes[finer.first].tolist()]

    def rows(self) -> list[Any]:
        """The value of each item."""
        values = self.values
        return [values[number] for number in self.grain.codes.tolist()]


class Chunk:
    """Items by the numbers of their axes' values: `codes[axis][row]`, each in [0, sizes[axis])."""

    def __init__(self, codes: Mapping[str, Numbers], sizes: Mapping[str, int]) -> None:
        self.codes, self.sizes = codes, sizes
        self.length = len(next(iter(codes.values())))
        self._grains: dict[frozenset[str], Grain] = {}

    def __len__(self) -> int:
        return self.length

    def known(self, axes: Iterable[str]) -> frozenset[str]:
        """Those of `axes` that tell the chunk's items apart."""
        return frozenset(axes) & self.codes.keys()

    def grain(self, axes: frozenset[str]) -> Grain:
        """The distinct combinations of `axes`, which must be axes of the chunk."""
        found = self._grains.get(axes)
        if found is None:
            found = self._grains[axes] = self._grain(axes)
        return found

    def spots(self, axes: Sequence[str], grain: Grain) -> Iterator[tuple[int, ...]]:
        """For each combination of the grain the numbers of its values on `axes`, in this order."""
        if not axes:
            return iter([()] * len(grain))
        return zip(*(self.codes[axis][grain.first].tolist() for axis in axes), strict=True)

    def take(self, rows: Numbers) -> Chunk:
        """The chunk of these rows only."""
        return Chunk({axis: codes[rows] for axis, codes in self.codes.items()}, self.sizes)

    def narrowed(self, column: Column, rows: Numbers, taken: Chunk) -> Column:
        """A column of this chunk for `taken`, which has only these rows of it."""
        grain = taken.grain(column.axes)
        values = [column.values[number] for number in column.grain.codes[rows[grain.first]].tolist()]
        return Column(column.axes, grain, values, column.stable)

    def constant(self, value: Any) -> Column:
        """A column that is the same everywhere."""
        return Column(frozenset(), self.grain(frozenset()), [value])

    def own(self, values: list[Any]) -> Column:
        """A column with a value for every item, which holds for this chunk only."""
        axes = frozenset(self.codes)
        return Column(axes, self.grain(axes), values, stable=False)

    def _grain(self, axes: frozenset[str]) -> Grain:
        everything = np.arange(self.length)
        if not axes:
            return Grain(everything[:1], np.zeros(self.length, np.int64), everything[:1])
        if axes == self.codes.keys():  # items differ in some axis, so each is its own combination
            return Grain(everything, everything, None)
        names, space, stable = np.zeros(self.length, np.int64), 1, True
        for axis in self.codes:
            if axis in axes:
                space *= self.sizes[axis]
                if space >= _WIDEST:
                    _, names = np.unique(names, return_inverse=True)
                    space, stable = self.length * self.sizes[axis], False
                names = names * self.sizes[axis] + self.codes[axis]
        first, codes = _distinct(names, space)
        return Grain(first, codes, names[first] if stable else None)


class PerAxes:
    """A column made by `make`, which is called once for each combination of `axes` in the whole plan.

    `make` gets the numbers of the values on `axes`, in their order.
    """

    def __init__(self, axes: Sequence[str], make: Callable[[tuple[int, ...]], Any]) -> None:
        self.axes, self._make = tuple(axes), make
        self._memo: dict[int, Any] = {}

    def column(self, chunk: Chunk) -> Column:
        axes, make = frozenset(self.axes), self._make
        grain = chunk.grain(axes)
        spots = chunk.spots(self.axes, grain)
        if grain.names is None:
            return Column(axes, grain, [make(spot) for spot in spots])
        return Column(axes, grain, remembered(self._memo, grain.names, spots, make))


def remembered(memo: dict[int, Any], names: Numbers, args: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
    """`make(arg)` for each name, taken from `memo` where it was made before."""
    if len(memo) > MEMO_LIMIT:
        memo.clear()
    values = []
    for name, arg in zip(names.tolist(), args, strict=True):
        if name not in memo:
            memo[name] = make(arg)
        values.append(memo[name])
    return values


def _distinct(names: Numbers, space: int) -> tuple[Numbers, Numbers]:
    """First row of each distinct name, ascending by name, and each row's number among them."""
    if space > max(_DENSE, 8 * len(names)):
        _, first, codes = np.unique(names, return_index=True, return_inverse=True)
        return first, codes
    seen = np.full(space, -1, np.int64)
    seen[names[::-1]] = np.arange(len(names))[::-1]
    present = np.flatnonzero(seen >= 0)
    number = np.empty(space, np.int64)
    number[present] = np.arange(len(present))
    return seen[present], number[names]

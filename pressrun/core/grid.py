"""The grid: which combinations a run makes items of, counted and cut into chunks without listing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pressrun.core.axes import Combination
from pressrun.core.chunk import Chunk, Numbers
from pressrun.core.manifest import ManifestRow
from pressrun.core.markets import LOCALES_COLUMN
from pressrun.core.matcher import Mask, Matcher, any_of
from pressrun.core.selection import Selection

# Rows that are looked at together where none becomes an item yet.
_STEP = 262_144


@dataclass(frozen=True)
class Grid:
    """The combinations of `values` in the documented order, less those that `include`, `exclude` or a row leave out."""

    combination: Combination
    values: Mapping[str, Sequence[str]]
    include: tuple[Matcher, ...]
    exclude: tuple[Matcher, ...]
    markets: Mask | None

    @classmethod
    def of(
        cls,
        combination: Combination,
        values: Mapping[str, Sequence[str]],
        rows: Sequence[ManifestRow],
        *,
        include: Sequence[Selection] = (),
        exclude: Sequence[Selection] = (),
    ) -> Grid:
        """`rows` are the manifest's, in the order of `values["product"]`. InputError where a zip is uneven."""
        used = {axis: values[axis] for axis in combination.axes}
        combination.count({axis: len(chosen) for axis, chosen in used.items()})
        return cls(
            combination=combination,
            values=used,
            include=tuple(Matcher(one, used) for one in include),
            exclude=tuple(Matcher(one, used) for one in exclude),
            markets=_markets(rows, used["locale"]),
        )

    @property
    def sizes(self) -> dict[str, int]:
        return {axis: len(chosen) for axis, chosen in self.values.items()}

    @property
    def combinations(self) -> int:
        """How many there are before any is left out."""
        return self.combination.count(self.sizes)

    def count(self) -> int:
        """How many items the run has, by looking at axis numbers only."""
        if not self.include and not self.exclude and self.markets is None:
            return self.combinations
        return sum(
            int(self._wanted(self._chunk(start, start + _STEP)).sum()) for start in range(0, self.combinations, _STEP)
        )

    def chunks(self, rows: int) -> Iterator[Chunk]:
        """The items in plan order, at most `rows` at a time; no chunk is empty."""
        start, end = 0, self.combinations
        while start < end:
            chunk = self._chunk(start, start + rows)
            start += rows
            wanted = self._wanted(chunk)
            if wanted.all():
                yield chunk
            elif wanted.any():
                yield chunk.take(np.flatnonzero(wanted))

    def _chunk(self, start: int, end: int) -> Chunk:
        numbers = np.arange(start, min(end, self.combinations), dtype=np.int64)
        sizes = self.sizes
        strides = self.combination.strides(sizes)
        codes: dict[str, Numbers] = {axis: numbers // strides[axis] % sizes[axis] for axis in self.combination.axes}
        return Chunk(codes, sizes)

    def _wanted(self, chunk: Chunk) -> Mask:
        wanted = any_of(self.include, chunk) if self.include else np.ones(len(chunk), dtype=bool)
        if self.exclude:
            wanted &= ~any_of(self.exclude, chunk)
        if self.markets is not None:
            wanted &= self.markets[chunk.codes["product"], chunk.codes["locale"]]
        return wanted


def _markets(rows: Sequence[ManifestRow], locales: Sequence[str]) -> Mask | None:
    """rows × locales: True where a row goes to a market. None where no row has a `locales` cell ("de-DE|ja-JP")."""
    cells = [row.values.get(LOCALES_COLUMN, "") for row in rows]
    if not any(cells):
        return None
    table = np.ones((len(rows), len(locales)), dtype=bool)
    for number, cell in enumerate(cells):
        if cell:
            listed = {part.strip() for part in cell.split("|")}
            table[number] = [locale in listed for locale in locales]
    return table

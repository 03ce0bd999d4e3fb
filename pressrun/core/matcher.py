"""Selections against the axes of a plan: what they name that is not there, and which rows of a chunk they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pressrun.core.chunk import Chunk
from pressrun.core.findings import Finding, Place
from pressrun.core.params_validator import nearest
from pressrun.core.selection import Selection

Mask: TypeAlias = NDArray[np.bool_]


def check_selection(
    selection: Selection, values: Mapping[str, Collection[str]], *, campaign: Collection[str], file: str, pointer: str
) -> Iterator[Finding]:
    """What a selection names and the plan does not have. `values` are the ids of each axis, `campaign` its locales.

    A product that is not in this drop's manifest, or a locale that this run leaves out, is no mistake.
    """
    for axis, wanted in selection.items():
        place = Place(file=file, pointer=f"{pointer}/{axis}")
        if axis not in values:
            yield Finding(
                code="selection-axis", message=f"there is no axis {axis!r}{nearest(axis, tuple(values))}", place=place,
                remedy=f"axes: {', '.join(values)}",
            )  # fmt: skip
            continue
        known = tuple(campaign) if axis == "locale" else tuple(values[axis])
        unknown = [value for value in wanted if value not in known]
        for value in unknown:
            yield Finding(
                code="selection-value", message=f"axis {axis!r} has no value {value!r}{nearest(value, known)}",
                place=place, remedy=f"values: {', '.join(known[:12])}" + (", …" if len(known) > 12 else ""),
                severity="warning" if axis == "product" else "error",
            )  # fmt: skip


class Matcher:
    """A selection against the numbers of a chunk."""

    def __init__(self, selection: Selection, values: Mapping[str, Sequence[str]]) -> None:
        self.axes = tuple(axis for axis in selection if axis in values)
        self._wanted = {
            axis: np.array([value in frozenset(selection[axis]) for value in values[axis]], dtype=bool)
            for axis in self.axes
        }

    def mask(self, chunk: Chunk) -> Mask:
        """True for the rows that are meant."""
        found = np.ones(len(chunk), dtype=bool)
        for axis in self.axes:
            found &= self._wanted[axis][chunk.codes[axis]]
        return found

    def meets(self, spot: Mapping[str, int]) -> bool:
        """Whether a combination is meant; `spot` has at least the axes of the selection."""
        return all(self._wanted[axis][spot[axis]] for axis in self.axes)


def any_of(matchers: Iterable[Matcher], chunk: Chunk) -> Mask:
    """True for the rows that at least one of the selections means."""
    found = np.zeros(len(chunk), dtype=bool)
    for matcher in matchers:
        found |= matcher.mask(chunk)
    return found

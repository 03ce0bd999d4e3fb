"""Combinations by number are those that the expression lists, and what is left out is what was said."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core import chunk as chunks
from pressrun.core.axes import parse_combination
from pressrun.core.chunk import Chunk
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding
from pressrun.core.grid import Grid
from pressrun.core.manifest import ManifestRow
from pressrun.core.matcher import check_selection
from pressrun.core.selection import Selection

VALUES = {
    "product": ["mug", "cap", "bag"],
    "locale": ["de", "ja"],
    "mood": ["calm", "bold", "mild"],
    "size": ["s", "m", "l"],
}
TEXTS = [
    "product * locale", "locale * product * size", "product * locale * (mood, size)", "(product, mood) * locale * size",
    "(product * mood, size * mood2) * locale", "((product), (mood)) * locale", "product * (locale * size, six)",
]  # fmt: skip
MORE = VALUES | {"mood2": ["x", "y", "z"], "six": list("uvwxyz")}


def rows(*cells: str) -> list[ManifestRow]:
    given = [*cells, *[""] * (3 - len(cells))]
    return [
        ManifestRow(n + 2, key, {"locales": cell})
        for n, (key, cell) in enumerate(zip(VALUES["product"], given, strict=True))
    ]


def listed(grid: Grid, step: int) -> list[dict[str, str]]:
    found = []
    for chunk in grid.chunks(step):
        assert len(chunk)
        for row in range(len(chunk)):
            found.append({axis: grid.values[axis][chunk.codes[axis][row]] for axis in grid.combination.axes})
    return found


@pytest.mark.parametrize("text", TEXTS)
@given(step=st.integers(1, 40))
def test_numbers_give_the_combinations_in_the_documented_order(text: str, step: int) -> None:
    combination = parse_combination(text)
    grid = Grid.of(combination, MORE, rows())
    assert listed(grid, step) == list(combination.expand({axis: MORE[axis] for axis in combination.axes}))
    assert grid.count() == len(listed(grid, step))


SELECTIONS = st.lists(
    st.dictionaries(st.sampled_from(["product", "locale", "size"]), st.lists(st.sampled_from(["mug", "cap", "de", "ja", "s", "l"]), min_size=1).map(tuple), min_size=1),
    max_size=3,
)  # fmt: skip


def means(selection: Selection, axes: dict[str, str]) -> bool:
    return all(axes[axis] in wanted for axis, wanted in selection.items())


@given(
    include=SELECTIONS,
    exclude=SELECTIONS,
    cells=st.lists(st.sampled_from(["", "de", "ja|de", "fr"]), max_size=3),
    step=st.integers(1, 20),
)
def test_what_is_left_out_is_what_was_said(
    include: list[Selection], exclude: list[Selection], cells: list[str], step: int
) -> None:
    combination = parse_combination("product * locale * size")
    grid = Grid.of(combination, VALUES, rows(*cells), include=include, exclude=exclude)
    markets = {row.key: row.values["locales"] for row in rows(*cells)}
    wanted = [
        axes
        for axes in combination.expand({axis: VALUES[axis] for axis in combination.axes})
        if (not include or any(means(one, axes) for one in include))
        and not any(means(one, axes) for one in exclude)
        and (not markets[axes["product"]] or axes["locale"] in markets[axes["product"]].split("|"))
    ]
    assert listed(grid, step) == wanted
    assert grid.count() == len(wanted)


def test_counting_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {
        "product": [str(n) for n in range(1000)],
        "locale": [str(n) for n in range(1000)],
        "size": [str(n) for n in range(1000)],
    }
    listed_rows = [ManifestRow(n, str(n), {}) for n in range(1000)]
    monkeypatch.setattr("pressrun.core.grid.Chunk", None)
    assert Grid.of(parse_combination("product * locale * size"), many, listed_rows).count() == 10**9


def test_an_uneven_zip_is_refused() -> None:
    with pytest.raises(InputError, match="equally many"):
        Grid.of(parse_combination("product * (locale, size)"), VALUES, rows())


def found(selection: Selection) -> list[Finding]:
    values = {axis: VALUES[axis] for axis in ("product", "locale", "size")}
    return list(check_selection(selection, values, campaign=["de", "ja", "fr"], file="c.yaml", pointer="/exclude/0"))


@pytest.mark.parametrize(
    ("selection", "code", "message", "severity"),
    [
        ({"siez": ("s",)}, "selection-axis", "there is no axis 'siez' (did you mean 'size'?)", "error"),
        ({"locale": ("jaa",)}, "selection-value", "axis 'locale' has no value 'jaa' (did you mean 'ja'?)", "error"),
        (
            {"product": ("mog",)},
            "selection-value",
            "axis 'product' has no value 'mog' (did you mean 'mug'?)",
            "warning",
        ),
    ],
)
def test_what_a_selection_names_and_nothing_has_is_told(
    selection: Selection, code: str, message: str, severity: str
) -> None:
    (told,) = found(selection)
    assert (told.code, told.message, told.severity) == (code, message, severity)
    assert told.place.pointer == f"/exclude/0/{next(iter(selection))}"


def test_a_locale_that_only_this_run_leaves_out_is_no_mistake() -> None:
    assert found({"locale": ("fr",), "size": ("s", "m")}) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=20, unique=True), st.booleans())
def test_a_grain_has_each_combination_once_however_it_is_found(numbers: list[tuple[int, int]], sparse: bool) -> None:
    import numpy as np

    sizes: dict[str, Any] = {"a": 10**9 if sparse else 3, "b": 4, "c": 10**18 if sparse else 1}
    columns = {"a": [a for a, _ in numbers], "b": [b for _, b in numbers], "c": [0] * len(numbers)}
    chunk = Chunk({axis: np.array(codes) for axis, codes in columns.items()}, sizes)
    for axes in ({"a"}, {"b"}, {"a", "c"}, {"a", "b"}, set[str]()):
        grain = chunk.grain(frozenset(axes))
        of = [tuple(columns[axis][row] for axis in sorted(axes)) for row in range(len(numbers))]
        assert len(grain) == len(set(of))
        assert [of[grain.first[code]] for code in grain.codes] == of
        assert all(of.index(of[row]) == row for row in grain.first), "the first row that has it"
        if grain.names is not None:
            assert len(set(grain.names.tolist())) == len(grain)
    assert math.prod(sizes.values()) > chunks._WIDEST or not sparse

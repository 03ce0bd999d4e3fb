"""Combinations: the documented order, the count without expanding, and errors that say where and what."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core import axes
from pressrun.core.axes import parse_combination
from pressrun.core.errors import InputError

NAMES = ("a", "b", "c", "d", "e")


def test_the_examples_of_the_docstring_are_true() -> None:
    outcome = doctest.testmod(axes)
    assert outcome.attempted >= 5
    assert outcome.failed == 0


@st.composite
def spaces(draw: st.DrawFn) -> tuple[str, dict[str, list[str]]]:
    """An expression over some axes, with values that fit: zips get equally long sides."""
    values: dict[str, list[str]] = {}
    free = list(NAMES)

    def expression(length: int | None, depth: int) -> str:
        shape = "axis" if depth > 2 or len(free) < 2 else draw(st.sampled_from(["axis", "product", "zip"]))
        size = length if length is not None else draw(st.integers(0, 3))
        if shape == "axis":
            name = free.pop(0)
            values[name] = [f"{name}{number}" for number in range(size)]
            return name
        if shape == "zip":
            left = expression(size, depth + 1)
            return f"({left}, {expression(size, depth + 1)})" if free else left
        # A product of a given length: one value on the left, of one axis, so that the right side has an axis left.
        left = expression(None, depth + 1) if length is None else expression(1, 3)
        return f"({left} * {expression(length, depth + 1)})" if free else left

    return expression(None, 0), values


@given(spaces())
def test_the_count_is_the_length_and_every_combination_is_distinct(space: tuple[str, dict[str, list[str]]]) -> None:
    text, values = space
    combination = parse_combination(text)
    expected = combination.count({name: len(value) for name, value in values.items()})
    rows = [tuple(row.items()) for row in combination.expand(values)]
    assert len(rows) == expected
    assert len(set(rows)) == expected
    assert all([name for name, _ in row] == list(combination.axes) for row in rows)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_in_a_product_the_left_axis_varies_slowest(sizes: list[int]) -> None:
    values = {name: [f"{number:02d}" for number in range(size)] for name, size in zip(NAMES, sizes, strict=False)}
    rows = [tuple(row.values()) for row in parse_combination(" * ".join(values)).expand(values)]
    assert rows == sorted(rows)


def test_grouping_a_product_does_not_change_its_order() -> None:
    values = {"a": ["1", "2"], "b": ["x", "y"], "c": ["p", "q"]}
    plain = list(parse_combination("a * b * c").expand(values))
    assert list(parse_combination("a * (b * c)").expand(values)) == plain
    assert list(parse_combination("(a * b) * c").expand(values)) == plain


def test_a_product_can_be_zipped() -> None:
    values = {"a": ["1", "2"], "b": ["x", "y"], "c": ["p", "q", "r", "s"]}
    rows = ["".join(row.values()) for row in parse_combination("(a * b, c)").expand(values)]
    assert rows == ["1xp", "1yq", "2xr", "2ys"]


def test_counting_a_huge_space_expands_nothing() -> None:
    assert parse_combination("a * b * c").count({"a": 10**9, "b": 10**9, "c": 10**9}) == 10**27


def test_expanding_is_lazy() -> None:
    values = {name: [str(number) for number in range(1000)] for name in NAMES}
    assert next(parse_combination(" * ".join(NAMES)).expand(values)) == dict.fromkeys(NAMES, "0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "position 1: expected an axis or `(`, found the end"),
        ("a *", "position 4: expected an axis or `(`, found the end"),
        ("a b", "position 3: expected `*` or the end, found 'b'"),
        ("(a, b", "position 6: expected `*`, `,` or `)`, found the end"),
        ("(a,, b)", "position 4: expected an axis or `(`, found ','"),
        ("a + b", "position 3: expected `*` or the end, found '+'"),
        ("a)", "position 2: expected `*` or the end, found ')'"),
        ("a * (b, a)", "position 9: axis 'a' is used twice (first at 1)"),
        ("(" * 30 + "a" + ")" * 30, "nested parentheses"),
    ],
)
def test_syntax_errors_say_the_position_and_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_combination(text)
    assert said in str(caught.value)


def test_an_unequal_zip_names_the_lengths() -> None:
    with pytest.raises(InputError, match=r"position 5: a zip needs equally many values: variant has 3, mood has 2"):
        parse_combination("p * (variant, mood)").count({"p": 4, "variant": 3, "mood": 2})
    with pytest.raises(InputError, match="b \\* c has 4"):
        next(parse_combination("(a, b * c)").expand({"a": ["1"], "b": ["1", "2"], "c": ["1", "2"]}))


def test_an_unknown_axis_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown axis 'varient'.*did you mean 'variant'"):
        parse_combination("product * varient").check(["product", "variant"])
    with pytest.raises(InputError, match="unknown axis 'mood'; known: product"):
        parse_combination("product * mood").count({"product": 1})


def test_an_axis_that_is_left_out_is_refused_rather_than_ignored() -> None:
    with pytest.raises(InputError, match=r"leaves out size.*`product \* locale \* size`"):
        parse_combination("product * locale").check(["product", "locale", "size"])

"""Parameters: what is refused and how it is said; the compiled verdict is that of the worded validator."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_cases import GRAPH, SCHEMA, encoded

from pressrun.core.contract import Contract, read_contract
from pressrun.core.graph import read_graph
from pressrun.core.params_validator import ParamsValidator

GOOD: dict[str, Any] = {"scene": "a stone podium at sunrise", "photo": "a.png", "headline": "Spring"}
# Changes to good parameters, the parameter they concern, a part of the sentence.
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"steps": 9}, "steps", "out of range 10 to 50"),
    ({"steps": 51}, "steps", "out of range 10 to 50"),
    ({"steps": -1}, "steps", "out of range"),
    ({"steps": 10**30}, "steps", "out of range"),
    ({"steps": "28"}, "steps", "not of type integer"),
    ({"steps": 28.5}, "steps", "not of type integer"),
    ({"steps": True}, "steps", "not of type integer"),
    ({"steps": None}, "steps", "not of type integer"),
    ({"steps": [28]}, "steps", "not of type integer"),
    ({"steps": {"value": 28}}, "steps", "not of type integer"),
    ({"steps": math.nan}, "steps", "cannot be written as JSON"),
    ({"steps": math.inf}, "steps", "cannot be written as JSON"),
    ({"cfg": 0.9}, "cfg", "out of range 1 to 12"),
    ({"cfg": 12.1}, "cfg", "out of range 1 to 12"),
    ({"cfg": 6.05}, "cfg", "not a multiple of 0.1"),
    ({"cfg": "6"}, "cfg", "not of type number"),
    ({"cfg": False}, "cfg", "not of type number"),
    ({"cfg": math.nan}, "cfg", "cannot be written as JSON"),
    ({"cfg": -math.inf}, "cfg", "cannot be written as JSON"),
    ({"width": 772}, "width", "not a multiple of 8"),
    ({"width": 511}, "width", "out of range 512 to 1536"),
    ({"width": 1544}, "width", "out of range 512 to 1536"),
    ({"width": "1024"}, "width", "not of type integer"),
    ({"width": 1024.5}, "width", "not of type integer"),
    ({"height": 4096}, "height", "out of range 512 to 1536"),
    ({"height": 0}, "height", "out of range 512 to 1536"),
    ({"height": 1025}, "height", "not a multiple of 8"),
    ({"scene": ""}, "scene", "short"),
    ({"scene": "short"}, "scene", "short"),
    ({"scene": "x" * 801}, "scene", "is 801 characters long, at most 800"),
    ({"scene": 5}, "scene", "not of type string"),
    ({"scene": None}, "scene", "not of type string"),
    ({"scene": ["a stone podium"]}, "scene", "not of type string"),
    ({"scene": b"a stone podium at sunrise"}, "scene", "cannot be written as JSON"),
    ({"scene": "a stone podium \ud800"}, "scene", "cannot be written as JSON"),
    ({"headline": ""}, "headline", "non-empty"),
    ({"headline": "x" * 61}, "headline", "is 61 characters long, at most 60"),
    ({"headline": "字" * 61}, "headline", "is 61 characters long"),
    ({"headline": "👍🏽" * 31}, "headline", "is 62 characters long"),
    ({"headline": 1}, "headline", "not of type string"),
    ({"claim": "x" * 161}, "claim", "is 161 characters long, at most 160"),
    ({"claim": None}, "claim", "not of type string"),
    ({"negative": "x" * 401}, "negative", "at most 400"),
    ({"photo": ""}, "photo", "non-empty"),
    ({"photo": 7}, "photo", "not of type string"),
    ({"headline_color": "#FFFFFF"}, "headline_color", "does not match"),
    ({"headline_color": "#fff"}, "headline_color", "does not match"),
    ({"headline_color": "white"}, "headline_color", "does not match"),
    ({"headline_color": "#ffffff\n"}, "headline_color", "does not match"),
    ({"headline_color": "#fffff٣"}, "headline_color", "does not match"),
    ({"headline_color": " #ffffff"}, "headline_color", "does not match"),
    ({"claim_color": "#gggggg"}, "claim_color", "does not match"),
    ({"headline_size": 7.3}, "headline_size", "not a multiple of 0.5"),
    ({"headline_size": 16.5}, "headline_size", "out of range 1 to 16"),
    ({"claim_size": 0}, "claim_size", "out of range 1 to 16"),
    ({"align": "justify"}, "align", "not one of left, center, right"),
    ({"align": "Left"}, "align", "not one of"),
    ({"align": None}, "align", "not one of"),
    ({"align": 0}, "align", "not one of"),
    ({"product_x": -1}, "product_x", "out of range 0 to 1536"),
    ({"product_width": 63}, "product_width", "out of range 64 to 1536"),
    ({"product_height": 1e400}, "product_height", "cannot be written as JSON"),
    ({"stepz": 28}, "stepz", "did you mean 'steps'"),
    ({"Steps": 28}, "Steps", "unknown parameter 'Steps'"),
    ({"steps ": 28}, "steps ", "unknown parameter"),
    ({"seed": 5}, "seed", "unknown parameter 'seed'"),
    ({"batch_size": 64}, "batch_size", "unknown parameter"),
    ({"__proto__": {}}, "__proto__", "unknown parameter"),
    ({"$schema": "x"}, "$schema", "unknown parameter"),
    ({"": 1}, "", "unknown parameter ''"),
]


def contract() -> Contract:
    graph = read_graph(encoded(GRAPH), file="g")
    return read_contract(encoded(SCHEMA), graph, file="c", graph_file="g")


HERO = contract()


def test_there_are_sixty_bad_sets() -> None:
    assert len(BAD) + 3 >= 60


@pytest.mark.parametrize(("change", "name", "sentence"), BAD, ids=lambda value: repr(value)[:40])
def test_a_bad_set_is_refused_by_name_and_in_a_sentence(change: dict[str, Any], name: str, sentence: str) -> None:
    params = HERO.complete(GOOD) | change
    assert not HERO.validator.is_valid(params)
    assert not HERO.validator.is_valid_by_the_book(params)
    found = list(HERO.violations(params))
    assert any(said == name and sentence in text for said, text in found), found


@pytest.mark.parametrize("name", ["scene", "photo", "headline"])
def test_what_is_required_is_missed_by_name(name: str) -> None:
    params = {key: value for key, value in HERO.complete(GOOD).items() if key != name}
    assert (name, f"parameter {name!r} is required and was not given") in list(HERO.violations(params))


@pytest.mark.parametrize(
    "change",
    [
        {}, {"cfg": 6.3}, {"cfg": 1.1}, {"cfg": 7}, {"cfg": 4.7}, {"width": 1024.0}, {"steps": 10}, {"steps": 50},
        {"headline": "👍🏽" * 30}, {"claim": ""}, {"headline_size": 6.5}, {"scene": "zehn\nZeilen\tund mehr"},
    ],
    ids=str,
)  # fmt: skip
def test_good_sets_are_accepted(change: dict[str, Any]) -> None:
    assert list(HERO.violations(HERO.complete(GOOD) | change)) == []


def test_all_violations_are_told_at_once() -> None:
    params = HERO.complete(GOOD) | {"steps": 500, "width": 772, "stepz": 1, "align": "x"}
    assert {name for name, _ in HERO.violations(params)} == {"steps", "width", "stepz", "align"}


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.decimals(-100, 100, places=2).map(float),
    st.text(st.characters(), max_size=12), st.text(st.characters(categories=["Cs", "Ll"]), max_size=3), st.sampled_from(["#ffffff", "#ffffff\n", "left", "a", "٣", "é", "1"]), st.binary(max_size=2),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
numbers = st.sampled_from([-3, 0, 1, 5, 8, 0.5, 100, 2**53])
keywords = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number", "string", "boolean", ["string", "null"], ["integer", "string"]])},
    optional={
        "minimum": numbers, "maximum": numbers, "exclusiveMinimum": numbers, "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([0.1, 0.01, 0.5, 8, 3, 0.25]),
        "minLength": st.integers(0, 5), "maxLength": st.integers(0, 12),
        "pattern": st.sampled_from(["^#[0-9a-f]{6}$", r"^\d+$", r"^\w*$", "^(left|right)$", "a", r"^a$|^b$", r"\$"]),
        "enum": st.lists(st.one_of(st.integers(-2, 2), st.booleans(), st.sampled_from(["a", "left", 0.5])), min_size=1),
    },
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["a", "b", "steps"]), keywords, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "steps", "x"]), scalars, max_size=4),
    st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
)
def test_the_compiled_verdict_is_that_of_the_worded_validator(
    properties: dict[str, Any], params: dict[str, Any], required: list[str]
) -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": properties, "required": required}
    validator = ParamsValidator(schema)
    assert validator.is_valid(params) == validator.is_valid_by_the_book(params)
    assert bool(list(validator.violations(params))) != validator.is_valid(params)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]), scalars, max_size=6))
def test_the_verdicts_agree_on_a_real_contract(change: dict[str, Any]) -> None:
    params = HERO.complete(GOOD) | change
    assert HERO.validator.is_valid(params) == HERO.validator.is_valid_by_the_book(params)


@given(st.integers(-10_000, 10_000), st.sampled_from([0.1, 0.01, 0.05, 0.5, 8]))
def test_decimal_steps_are_exact(count: int, step: float) -> None:
    validator = ParamsValidator({"properties": {"a": {"type": "number", "multipleOf": step}}})
    value = float(f"{count * step:.2f}")
    assert validator.is_valid({"a": value})
    assert validator.is_valid_by_the_book({"a": value})

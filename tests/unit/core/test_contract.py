from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.contract import Contract, coerce, read_contract
from pressrun.core.errors import InputError
from pressrun.core.findings import FindingsError

GRAPH: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "steps": 20, "cfg": 7, "latent_image": ["5", 0]},
        "_meta": {"title": "Sampler"},
    },
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 512, "batch_size": 1},
        "_meta": {"title": "Size"},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "x"}, "_meta": {"title": "Unused"}},
    "9": {
        "class_type": "SaveImage",
        "inputs": {"images": ["3", 0], "filename_prefix": "x"},
        "_meta": {"title": "Save"},
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "x-outputs": ["Save"],
    "required": ["width", "seed"],
    "properties": {
        "steps": {"type": "integer", "minimum": 4, "maximum": 50, "default": 20, "x-cost": True, "x-bind": [{"node": "Sampler", "input": "steps"}]},
        "width": {"type": "integer", "enum": [512, 768], "x-bind": [{"class": "EmptyLatentImage", "input": "width"}]},
        "seed": {"type": "integer", "minimum": 10, "maximum": 99, "x-seed": True, "x-bind": [{"node": "Sampler", "input": "seed"}]},
    },
}  # fmt: skip


def fit(schema: Any, graph: Any = GRAPH) -> Contract:
    return read_contract(json.dumps(schema).encode(), graph, file="p.schema.json", graph_file="w.api.json")


def changed(**changes: Any) -> Any:
    schema = copy.deepcopy(SCHEMA)
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        target = schema
        for parent in parents:
            target = target[parent.replace("_", "-") if parent.startswith("x_") else parent]
        target[leaf.replace("_", "-")] = value
    return schema


def test_bindings_are_resolved_to_node_ids_and_defaults_apply() -> None:
    contract = fit(SCHEMA)
    assert {name: [(b.node, b.input) for b in bound] for name, bound in contract.bindings.items()} == {
        "steps": [("3", "steps")],
        "width": [("5", "width")],
        "seed": [("3", "seed")],
    }
    assert contract.complete({"width": 512}) == {"width": 512, "steps": 20}
    assert contract.seed_range == (10, 99)
    assert list(contract.violations({"width": 512, "steps": 20})) == []


def test_the_playbooks_wrong_targets_are_both_named() -> None:
    wrong = changed(
        properties__steps__x_bind=[{"node": "Size", "input": "steps"}],
        properties__width__x_bind=[{"node": "Sampler", "input": "wdth"}],
    )
    with pytest.raises(FindingsError) as caught:
        fit(wrong)
    assert [(f.code, f.place.node) for f in caught.value.findings] == [
        ("binding-input", "Size"),
        ("binding-input", "Sampler"),
    ]
    assert "EmptyLatentImage does not have" in caught.value.findings[0].message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"additionalProperties": True}, "contract-open"),
        ({"x_outputs": ["Sav"]}, "binding-node"),
        ({"x_outputs": []}, "contract-outputs"),
        ({"properties__steps__x_bind": []}, "contract-unbound"),
        ({"properties__steps__x_bind": [{"node": "Sampler", "input": "latent_image"}]}, "binding-link"),
        ({"properties__steps__x_bind": [{"node": "Unused", "input": "text"}]}, "binding-unused"),
        ({"properties__steps__x_bind": [{"node": "Smapler", "input": "steps"}]}, "binding-node"),
        ({"properties__steps__x_bind": [{"class": "Nope", "input": "steps"}]}, "binding-node"),
        ({"properties__steps__x_bind": ["Sampler.steps"]}, "contract-binding"),
        (
            {
                "properties__steps": {
                    "type": "integer",
                    "x-cost": True,
                    "x-bind": [{"node": "Sampler", "input": "steps"}],
                }
            },
            "cost-unbounded",
        ),
    ],
)
def test_what_does_not_fit_the_graph_is_a_finding(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(FindingsError) as caught:
        fit(changed(**changes))
    assert code in {finding.code for finding in caught.value.findings}


def test_a_misspelt_title_gets_a_suggestion() -> None:
    with pytest.raises(FindingsError, match="did you mean 'Sampler'"):
        fit(changed(properties__steps__x_bind=[{"node": "Smapler", "input": "steps"}]))


def test_an_invalid_schema_is_refused_with_its_pointer() -> None:
    with pytest.raises(InputError, match="/properties/steps/type"):
        fit(changed(properties__steps__type="whole number"))


@pytest.mark.parametrize(
    ("params", "name", "sentence"),
    [
        ({"width": 512, "stepz": 3}, "stepz", "unknown parameter 'stepz' (did you mean 'steps'?)"),
        ({"width": 512, "steps": 51}, "steps", "51 is out of range 4 to 50"),
        ({"width": 513}, "width", "513 is not one of 512, 768"),
        ({"width": "512"}, "width", "'512' is not of type integer"),
        ({}, "width", "parameter 'width' is required and was not given"),
        ({"width": 512, "seed": 11}, "seed", "unknown parameter 'seed'"),
    ],
)
def test_violations_are_sentences_about_one_parameter(params: dict[str, Any], name: str, sentence: str) -> None:
    found = list(fit(SCHEMA).violations(params))
    assert any(said == name and text.startswith(sentence) for said, text in found), found


@given(st.integers(-(10**12), 10**12))
def test_coercion_of_integers_is_exact(number: int) -> None:
    assert coerce(f" {number} ", ("integer",)) == number


@pytest.mark.parametrize("text", ["1.5", "1e3", "", "NaN", "½", "0x10", "--3"])
def test_what_is_not_exactly_an_integer_stays_text(text: str) -> None:
    assert coerce(text, ("integer",)) == text


def test_numbers_and_booleans_coerce_and_nonfinite_does_not() -> None:
    assert coerce("1.5", ("number",)) == 1.5
    assert coerce("inf", ("number",)) == "inf"
    assert coerce("True", ("boolean",)) is True
    assert coerce("30", ("string",)) == "30"

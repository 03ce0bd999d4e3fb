"""Contracts that fit their graph and still would not do what they say; the playbook's own; the mutation check."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_cases import GRAPH, SCHEMA, encoded, errors, findings, graph, put, rules, schema

from pressrun.core.binding import compile_graph
from pressrun.core.contract import Contract, read_contract, scan_contract
from pressrun.core.graph import read_graph, scan_graph
from pressrun.core.graph_values import value_fault
from pressrun.core.mutation import allowed_values, changes, check_mutations
from pressrun.core.plan import WorkflowBundle
from pressrun.core.targets import Binding, transformed

P = "properties"
BATCH: dict[str, Any] = {"node": "Picture size", "input": "batch_size", "max": 4}
WRONG: dict[str, tuple[str, Any, str]] = {
    "open": ("additionalProperties", True, "contract-open"),
    "open by silence": ("additionalProperties", ..., "contract-open"),
    "no outputs": ("x-outputs", [], "contract-outputs"),
    "unknown output": ("x-outputs", ["Save"], "binding-node"),
    "output that saves nothing": ("x-outputs", ["Claim"], "output-not-saving"),
    "remote reference": (f"{P}/steps/$ref", "https://example.org/x.json", "contract-keyword"),
    "local reference": (f"{P}/steps/$ref", "#/properties/width", "contract-keyword"),
    "all of": ("allOf", [{"required": ["steps"]}], "contract-keyword"),
    "pattern properties": ("patternProperties", {"^x": {}}, "contract-keyword"),
    "defs": ("$defs", {}, "contract-keyword"),
    "accepts anything": (f"{P}/steps", {"x-bind": [{"class": "KSampler", "input": "steps"}]}, "contract-type"),
    "true as a schema": (f"{P}/steps", True, "contract-type"),
    "wrong type name": (f"{P}/steps/type", "int", "contract-schema"),
    "pattern that is none": (f"{P}/claim/pattern", "(", "contract-schema"),
    "name with a space": (f"{P}/my steps", {"type": "integer"}, "contract-name"),
    "name with a slash": (f"{P}/a.b", {"type": "integer"}, "contract-name"),
    "required but unknown": ("required", ["scene", "photo", "headline", "stepz"], "contract-required"),
    "two seeds": (
        f"{P}/second", {"type": "integer", "x-seed": True, "x-bind": [{"class": "KSampler", "input": "seed"}]},
        "contract-seeds",
    ),
    "seed that is not marked": (f"{P}/seed/x-seed", ..., "contract-seeds"),
    "default out of range": (f"{P}/steps/default", 9, "contract-default"),
    "default of another type": (f"{P}/cfg/default", "6", "contract-default"),
    "default off the steps": (f"{P}/width/default", 1023, "contract-default"),
    "drives nothing": (f"{P}/steps/x-bind", [], "contract-unbound"),
    "binding is text": (f"{P}/steps/x-bind", ["KSampler.steps"], "contract-binding"),
    "binding with more": (
        f"{P}/steps/x-bind", [{"class": "KSampler", "input": "steps", "value": 3}], "contract-binding",
    ),
    "unknown transform": (
        f"{P}/steps/x-bind", [{"class": "KSampler", "input": "steps", "transform": "eval"}], "binding-transform",
    ),
    "unknown title": (f"{P}/scene/x-bind", [{"node": "Scene promt", "input": "text"}], "binding-node"),
    "class that occurs twice": (f"{P}/scene/x-bind", [{"class": "CLIPTextEncode", "input": "text"}], "binding-node"),
    "unknown input": (f"{P}/steps/x-bind", [{"class": "KSampler", "input": "step"}], "binding-input"),
    "input that is fed": (f"{P}/steps/x-bind", [{"class": "KSampler", "input": "model"}], "binding-link"),
    "two drive one": (f"{P}/cfg/x-bind", [{"class": "KSampler", "input": "steps"}], "binding-twice"),
    "one drives twice": (f"{P}/cfg/x-bind", [{"class": "KSampler", "input": "cfg"}] * 2, "binding-twice"),
    "output's own name": (f"{P}/claim/x-bind", [{"node": "Save hero", "input": "filename_prefix"}], "binding-prefix"),
    "photo that is no file": (f"{P}/photo/x-asset", ..., "binding-file"),
    "text that is a file": (f"{P}/scene/x-asset", True, "binding-file"),
    "photo that may be left out": ("required", ["scene", "headline"], "asset-optional"),
    "steps without a maximum": (f"{P}/steps/maximum", ..., "cost-unbounded"),
    "cfg without a minimum": (f"{P}/cfg/minimum", ..., "binding-unbounded"),
    "steps above ComfyUI's": (f"{P}/steps/maximum", 20_000, "binding-value"),
    "cfg below ComfyUI's": (f"{P}/cfg/minimum", -1, "binding-value"),
    "size below ComfyUI's": (f"{P}/width/minimum", 8, "binding-value"),
    "fractions of a step": (f"{P}/steps/type", "number", "binding-type"),
    "text for a number": (
        f"{P}/steps", {"type": "string", "default": "28", "x-bind": [{"class": "KSampler", "input": "steps"}]},
        "binding-value",
    ),
    "null for a text": (f"{P}/claim/type", ["string", "null"], "binding-value"),
    "truth for a number": (
        f"{P}/steps", {"type": "boolean", "x-bind": [{"class": "KSampler", "input": "steps"}]}, "binding-value",
    ),
    "free text for a choice": (
        f"{P}/align", {"type": "string", "default": "left", "x-bind": [{"node": "Headline", "input": "align"}]},
        "binding-choice",
    ),
    "choice that is none": (f"{P}/align/enum", ["left", "centre"], "contract-default"),
    "choice beside the choices": (f"{P}/align/enum", ["center", "justify"], "binding-value"),
    "one value only": (f"{P}/align/enum", ["center"], "knob-fixed"),
    "constant": (
        f"{P}/align", {"const": "left", "x-bind": [{"node": "Headline", "input": "align"}]}, "knob-fixed",
    ),
    "batch that is a name": ("x-batch", "Picture size", "contract-batch"),
    "batch of one": ("x-batch", {**BATCH, "max": 1}, "contract-batch"),
    "batch without a limit": ("x-batch", {"node": "Picture size", "input": "batch_size"}, "contract-batch"),
    "batch of true": ("x-batch", {**BATCH, "max": True}, "contract-batch"),
    "batch with a transform": ("x-batch", {**BATCH, "transform": "round_to_8"}, "contract-batch"),
    "batch of an unknown node": ("x-batch", {**BATCH, "node": "Picture sizes"}, "binding-node"),
    "batch of an unknown input": ("x-batch", {**BATCH, "input": "batches"}, "binding-input"),
    "batch of a property's input": ("x-batch", {**BATCH, "input": "width"}, "binding-twice"),
    "batch of a text": ("x-batch", {**BATCH, "node": "Scene prompt", "input": "text"}, "batch-exported"),
    "batch above ComfyUI's": ("x-batch", {**BATCH, "max": 5000}, "binding-value"),
    "batch that costs too much": ("x-batch", {**BATCH, "max": 4000}, "cost-limit"),
    "size that costs too much": (f"{P}/width/maximum", 16_384, "cost-limit"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "code"), WRONG.values(), ids=WRONG)
def test_a_wrong_contract_is_refused(path: str, value: Any, code: str) -> None:
    spoiled = schema()
    put(spoiled, path, value)
    if code == "cost-limit":
        put(spoiled, f"{P}/height/maximum", 16_384)
    found = {finding.code for finding in errors(findings(GRAPH, spoiled))}
    assert code in found


def test_the_playbooks_patch_names_both_wrong_targets() -> None:
    """Its schema, and the nodes that its code patches by id, in the default export: 3, 4 and 5 are off by one."""
    titles = {node_id: GRAPH[node_id]["_meta"]["title"] for node_id in GRAPH}
    sizes = [768, 896, 1024, 1152]
    patches = {
        "prompt": ("6", "text"), "seed": ("3", "seed"), "width": ("5", "width"), "height": ("5", "height"),
        "steps": ("5", "steps"), "cfg": ("4", "cfg"),
    }  # fmt: skip
    properties: dict[str, Any] = {
        "prompt": {"type": "string", "maxLength": 800},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "x-seed": True},
        "width": {"type": "integer", "enum": sizes}, "height": {"type": "integer", "enum": sizes},
        "steps": {"type": "integer", "minimum": 10, "maximum": 50, "default": 30},
        "cfg": {"type": "number", "minimum": 1, "maximum": 12, "default": 7},
    }  # fmt: skip
    for name, (node, field) in patches.items():
        properties[name]["x-bind"] = [{"node": titles[node], "input": field}]
    playbook = {"type": "object", "properties": properties, "required": ["prompt"], "x-outputs": ["Save hero"]}
    told = {(one.code, one.place.node): one for one in errors(findings(GRAPH, playbook))}
    steps, cfg = told["binding-input", "Picture size"], told["binding-input", "Checkpoint"]
    assert "'steps' is bound to input 'steps', which EmptyLatentImage does not have" in steps.message
    assert "'cfg' is bound to input 'cfg', which CheckpointLoaderSimple does not have" in cfg.message
    assert "'steps' is an input of 'Background sampler'" in steps.remedy
    assert ("contract-open", None) in told
    # And where its code has already written the inputs into the template, ComfyUI's declarations tell.
    patched = graph()
    put(patched, "5/inputs/steps", 30)
    put(patched, "4/inputs/cfg", 7.0)
    playbook["additionalProperties"] = False
    late = {(one.code, one.place.node) for one in errors(findings(patched, playbook))}
    assert {("binding-undeclared", "Picture size"), ("binding-undeclared", "Checkpoint")} <= late
    assert {("input-unknown", "Picture size"), ("input-unknown", "Checkpoint")} <= late


def loaded(graph_data: Any = GRAPH, schema_data: Any = SCHEMA) -> tuple[WorkflowBundle, Contract]:
    made = read_graph(encoded(graph_data), file="g")
    contract = read_contract(encoded(schema_data), made, file="c", graph_file="g")
    return (
        WorkflowBundle(
            name="hero", graph=made, graph_sha256="0", contract_sha256="0", bindings=dict(contract.bindings),
            outputs=contract.outputs,
        ),
        contract,
    )  # fmt: skip


def test_every_knob_moves_its_targets_and_nothing_else() -> None:
    bundle, contract = loaded()
    assert check_mutations(bundle, contract, file="c") == []
    base = contract.complete({"scene": "a stone podium at dawn", "headline": "x"})
    for name, targets in bundle.bindings.items():
        values = list(allowed_values(contract.spec_of(name), asset=name in contract.assets))
        assert len(values) >= 2, name
        moved = changes(
            compile_graph(bundle, params=base, seed=0, inputs={}, filename_prefix="p"),
            compile_graph(
                bundle, params={**base, name: "else"}, seed=1 if name == "seed" else 0, inputs={}, filename_prefix="p"
            ),
        )
        assert moved == {(target.node, target.input) for target in targets}


def batched(**changes: Any) -> dict[str, Any]:
    made = schema()
    put(made, "x-batch", {**BATCH, **changes})
    return made


def test_a_batch_is_a_knob_that_moves_its_input_and_nothing_else() -> None:
    assert findings(GRAPH, batched()) == findings(GRAPH)
    bundle, contract = loaded(schema_data=batched())
    assert contract.batch_max == 4
    base = contract.complete({"scene": "a stone podium at dawn", "headline": "x"})
    one, four = (
        compile_graph(bundle, params=base, seed=0, inputs={}, filename_prefix="p", batch_size=size) for size in (1, 4)
    )
    (target,) = bundle.bindings["x-batch"]
    assert changes(one, four) == {(target.node, "batch_size")}
    assert one == compile_graph(bundle, params=base, seed=0, inputs={}, filename_prefix="p")
    leaking = bundle.model_copy(
        update={"bindings": {**bundle.bindings, "x-batch": (Binding(node=target.node, input="x"),)}}
    )
    assert {(one.code, one.place.pointer) for one in check_mutations(leaking, contract, file="c")} == set()
    dead = bundle.model_copy(
        update={"bindings": {**bundle.bindings, "x-batch": (Binding(node="16", input="filename_prefix"),)}}
    )
    assert [(one.code, one.place.pointer) for one in check_mutations(dead, contract, file="c")] == [
        ("knob-dead", "/x-batch")
    ]


def test_a_contract_without_batches_makes_one_picture() -> None:
    bundle, contract = loaded()
    assert contract.batch_max == 1
    assert "x-batch" not in bundle.bindings
    assert list(
        contract.violations({"scene": "a stone podium at dawn", "headline": "x", "photo": "p.png", "x-batch": 4})
    )


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"class_type": "SaveAnimatedWEBP", "inputs": {"fps": 6.0, "lossless": True, "quality": 80, "method": "default"}},
         "is a SaveAnimatedWEBP, which is not known to write a file for each picture"),
        ({"class_type": "SaveImage", "inputs": {"images": ["12", 0]}}, "it would have one picture for all items"),
    ],
)  # fmt: skip
def test_every_output_has_a_file_for_each_picture_of_a_batch(node: dict[str, Any], words: str) -> None:
    other = graph()
    saving = next(node_id for node_id, found in GRAPH.items() if found["_meta"]["title"] == "Save hero")
    photo = next(node_id for node_id, found in GRAPH.items() if found["class_type"] == "LoadImage")
    inputs = {"images": GRAPH[saving]["inputs"]["images"], **node["inputs"], "filename_prefix": "x"}
    if "it would" in words:
        inputs["images"] = [photo, 0]
    other["99"] = {**node, "inputs": inputs, "_meta": {"title": "Save more"}}
    made = batched()
    made["x-outputs"] = ["Save hero", "Save more"]
    (found,) = [one for one in findings(other, made) if one.code == "batch-output"]
    assert words in found.message
    assert (found.place.pointer, found.place.node) == ("/x-batch", "Save more")


def test_a_graph_that_was_exported_with_a_batch_is_told() -> None:
    four = graph()
    size = next(node_id for node_id, found in GRAPH.items() if found["_meta"]["title"] == "Picture size")
    put(four, f"{size}/inputs/batch_size", 4)
    (found,) = errors(findings(four, batched()))
    assert (found.code, found.place.node) == ("batch-exported", "Picture size")


def test_a_knob_that_does_nothing_is_told() -> None:
    bundle, contract = loaded()
    dead = bundle.model_copy(
        update={"bindings": {**bundle.bindings, "claim": (Binding(node="16", input="filename_prefix"),)}}
    )
    assert [(one.code, one.place.pointer) for one in check_mutations(dead, contract, file="c")] == [
        ("knob-dead", "/properties/claim")
    ]


def test_a_transform_that_makes_all_values_equal_is_told() -> None:
    spoiled = schema()
    put(spoiled, "properties/width", {
        "type": "integer", "minimum": 1020, "maximum": 1023, "default": 1020, "x-cost": True,
        "x-bind": [{"node": "Picture size", "input": "width", "transform": "round_to_8"}],
    })  # fmt: skip
    assert "knob-dead" in {finding.code for finding in errors(findings(GRAPH, spoiled))}


@pytest.mark.parametrize(
    ("value", "transform", "result"),
    [
        (1023, "round_to_8", 1024), (1020, "round_to_8", 1024), (1019, "round_to_8", 1016), (7.5, "percent_to_fraction", 0.075),
        ("#ff8000", "hex_colour_to_int", 0xFF8000), ("x", "identity", "x"),
    ],
)  # fmt: skip
def test_transforms(value: Any, transform: Any, result: Any) -> None:
    assert transformed(value, transform) == result


@pytest.mark.parametrize(
    ("value", "transform"), [("red", "hex_colour_to_int"), ("#gggggg", "hex_colour_to_int"), ("a", "round_to_8"), ("%", "percent_to_fraction")]
)  # fmt: skip
def test_transforms_refuse_what_they_do_not_take(value: Any, transform: Any) -> None:
    with pytest.raises(ValueError, match=transform):
        transformed(value, transform)


@given(st.integers(1, 1_000_000))
def test_rounding_to_eight_is_near_and_even(value: int) -> None:
    rounded = transformed(value, "round_to_8")
    assert rounded % 8 == 0
    assert abs(rounded - value) <= 4


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
              st.sampled_from(["KSampler", "SaveImage", "3", "4", "16", "images", "../x"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip
paths = st.sampled_from(
    [f"{node}/inputs/{name}" for node in GRAPH for name in GRAPH[node]["inputs"]]
    + [f"{node}/class_type" for node in GRAPH] + [f"{node}/_meta" for node in GRAPH] + list(GRAPH)
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.tuples(paths, junk), min_size=1, max_size=3))
def test_no_spoiled_graph_crashes_the_checks_nor_passes_against_a_rule(spoils: list[tuple[str, Any]]) -> None:
    spoiled = graph()
    for path, value in spoils:
        try:
            put(spoiled, path, value)
        except (KeyError, TypeError, ValueError, IndexError):
            continue
    if errors(findings(spoiled)):
        return
    # Accepted: then every rule holds, told again in the plainest way.
    for node in spoiled.values():
        known = rules().catalogue.get(node["class_type"])
        assert known is not None
        for name, value in node["inputs"].items():
            declared = known.declared(node["inputs"])[name]
            if isinstance(value, list):
                source = rules().catalogue.get(spoiled[value[0]]["class_type"])
                assert source is not None
                assert source.outputs[value[1]] == declared.kind
            elif name not in ("ckpt_name", "image"):
                assert value_fault(declared, value) is None


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_readers(data: bytes) -> None:
    assert scan_graph(data, file="g")[1]
    assert scan_contract(data, read_graph(encoded(GRAPH), file="g"), file="c", graph_file="g")[1]


@settings(max_examples=100)
@given(
    st.sampled_from(list(SCHEMA["properties"])),
    st.sampled_from(
        ["type", "minimum", "maximum", "default", "enum", "x-bind", "multipleOf", "x-cost", "pattern", "x-asset"]
    ),
    junk,
)
def test_no_spoiled_contract_crashes_the_checks(name: str, key: str, value: Any) -> None:
    spoiled = schema()
    spoiled["properties"][name][key] = value
    for finding in findings(GRAPH, spoiled):
        assert finding.message
        json.dumps(finding.model_dump(mode="json"))

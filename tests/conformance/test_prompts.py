"""POST /prompt: what is accepted, what is refused, and in which words. The runner acts on each of these."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from pressrun.comfy.errors import refusal

Graph = Callable[..., dict[str, Any]]


def test_a_good_graph_is_accepted_under_the_clients_own_id(engine: Any, graph: Graph) -> None:
    prompt_id = str(uuid.uuid4())
    answer = engine.post(graph(), prompt_id=prompt_id)
    body = answer.json()
    assert answer.status_code == 200
    assert (body["prompt_id"], body["node_errors"]) == (prompt_id, {})
    assert isinstance(body["number"], int | float)
    assert refusal(200, body) is None


def test_an_id_that_is_no_canonical_uuid_is_refused(engine: Any, graph: Graph) -> None:
    for wrong in ("item-7", str(uuid.uuid4()).upper()):
        answer = engine.post(graph(), prompt_id=wrong)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_prompt_id")


@pytest.mark.parametrize(
    ("change", "kind", "node_error"),
    [
        ({"1": {"class_type": "NoSuchNode", "inputs": {}}}, "missing_node_type", None),
        ({"2": None}, "prompt_outputs_failed_validation", "exception_during_inner_validation"),
        ({"1.width": 99_999_999}, "prompt_outputs_failed_validation", "value_bigger_than_max"),
        ({"1.width": 0}, "prompt_outputs_failed_validation", "value_smaller_than_min"),
        ({"1.width": "wide"}, "prompt_outputs_failed_validation", "invalid_input_type"),
        ({"2.seed": None}, "prompt_outputs_failed_validation", "required_input_missing"),
        ({"3.image": ["1"]}, "prompt_outputs_failed_validation", "bad_linked_input"),
        ({"4": None}, "prompt_no_outputs", None),
    ],
)
def test_a_wrong_graph_is_refused_with_a_known_reason(
    engine: Any, graph: Graph, change: dict[str, Any], kind: str, node_error: str | None
) -> None:
    wrong = graph()
    for place, value in change.items():
        node, _, name = place.partition(".")
        if name and value is None:
            del wrong[node]["inputs"][name]
        elif name:
            wrong[node]["inputs"][name] = value
        elif value is None:
            del wrong[node]
        else:
            wrong[node] = value
    answer = engine.post(wrong)
    body = answer.json()
    assert (answer.status_code, body["error"]["type"]) == (400, kind)
    types = {error["type"] for entry in body["node_errors"].values() for error in entry["errors"]} if node_error else ()
    assert node_error is None or node_error in types
    failure = refusal(400, body)
    assert failure is not None
    assert failure.kind == "validation"


def test_an_empty_or_absent_graph_is_refused(engine: Any) -> None:
    assert engine.post({}).json()["error"]["type"] == "prompt_no_outputs"
    assert engine.http.post("/prompt", json={}).json()["error"]["type"] == "no_prompt"


def test_what_is_not_json_and_ui_format_are_no_json_answers(engine: Any) -> None:
    answer = engine.http.post("/prompt", content=b"{not json", headers={"Content-Type": "application/json"})
    assert answer.status_code == 500
    ui_format = {"nodes": [{"id": 1}], "links": [], "version": 0.4}
    assert engine.post(ui_format).status_code in (400, 500)


def test_one_bad_output_of_two_is_told_although_the_prompt_is_accepted(engine: Any, graph: Graph) -> None:
    two = graph()
    two["5"] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "conformance/absent"}}
    answer = engine.post(two)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body["node_errors"]) == {"5"}
    failure = refusal(200, body)
    assert failure is not None
    assert failure.node == "5"


def test_only_the_wanted_outputs_run(engine: Any, graph: Graph) -> None:
    two = graph()
    two["5"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    _, messages = engine.run(two, partial_execution_targets=["4"])
    done = {m["data"]["node"] for m in messages if m["type"] == "executed"}
    assert done == {"4"}


def test_an_input_image_that_is_not_there_is_refused(engine: Any, graph: Graph) -> None:
    wrong = graph()
    wrong["1"] = {"class_type": "LoadImage", "inputs": {"image": "no-such-file.png"}}
    body = engine.post(wrong).json()
    errors = {error["type"] for entry in body["node_errors"].values() for error in entry["errors"]}
    assert "custom_validation_failed" in errors

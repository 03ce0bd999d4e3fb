"""POST /prompt's checks, with the recorded server's error types, texts and shapes, its leniency included."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pressrun.proof import nodeinfo
from pressrun.proof.files import Folders, find_input
from pressrun.proof.nodeinfo import InputSpec, ModelNames

Graph = dict[str, Any]
ErrorEntry = dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """What a POST /prompt answers: `error` is None when something may run; then `outputs` names the outputs to run."""

    error: ErrorEntry | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, ErrorEntry] = field(default_factory=dict)


class MalformedGraphError(Exception):
    """Not a graph in API format at all. The recorded server breaks on it and answers 500."""


def error_entry(kind: str, message: str, details: str, **extra: Any) -> ErrorEntry:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def validate(graph: Graph, folders: Folders, models: ModelNames, targets: list[str] | None = None) -> Verdict:
    """Check a graph; values that the server converts ("256" for a number) are converted in place."""
    outputs: list[str] = []
    for node_id, node in graph.items():
        if not isinstance(node, dict):
            raise MalformedGraphError(node_id)
        problem = _class_problem(node_id, node)
        if problem is not None:
            return Verdict(problem)
        if nodeinfo.is_output(node["class_type"]) and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict(error_entry("prompt_no_outputs", "Prompt has no outputs", ""))
    check = _Check(graph, folders, models)
    good = [node_id for node_id in outputs if check.output(node_id)]
    if good:
        return Verdict(None, good, check.node_errors)
    failure = error_entry("prompt_outputs_failed_validation", "Prompt outputs failed validation", "")
    return Verdict(failure, [], check.node_errors)


def _class_problem(node_id: str, node: Mapping[str, Any]) -> ErrorEntry | None:
    title = (node.get("_meta") or {}).get("title")
    class_type = node.get("class_type")
    if class_type is None:
        message = f"Node '{title or f'ID #{node_id}'}' has no class_type."
        message += " The workflow may be corrupted or a custom node is missing."
    elif class_type not in nodeinfo.classes():
        message = f"Node '{title or class_type}' not found. The custom node may not be installed."
    else:
        return None
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error_entry("missing_node_type", message, f"Node ID '#{node_id}'", **extra)


class _Check:
    def __init__(self, graph: Graph, folders: Folders, models: ModelNames) -> None:
        self.graph, self.folders, self.models = graph, folders, models
        self.checked: dict[str, list[ErrorEntry]] = {}
        self.valid: dict[str, bool] = {}
        self.visiting: list[str] = []
        self.node_errors: dict[str, ErrorEntry] = {}

    def output(self, node_id: str) -> bool:
        self.visiting.clear()
        try:
            valid = self.node(node_id)
        except Exception as exc:
            valid = False
            extra = {"exception_type": type(exc).__name__, "traceback": []}
            self._fail(
                node_id, error_entry("exception_during_validation", "Exception when validating node", str(exc), **extra)
            )
        if not valid:
            for failed, errors in self.checked.items():
                if errors:
                    entry = {"errors": errors, "dependent_outputs": [], "class_type": self.graph[failed]["class_type"]}
                    self.node_errors.setdefault(failed, entry)["dependent_outputs"].append(node_id)
        return valid

    def node(self, node_id: str) -> bool:
        """True if the node and everything above it are valid; the errors of each node are in `checked`."""
        if node_id in self.valid:
            return self.valid[node_id]
        node = self.graph[node_id]
        inputs = node["inputs"]
        self.visiting.append(node_id)
        errors: list[ErrorEntry] = []
        valid = True
        for spec in _specs_for(node["class_type"], inputs):
            if spec.name not in inputs:
                if spec.required:
                    errors.append(
                        error_entry(
                            "required_input_missing", "Required input is missing", spec.name, input_name=spec.name
                        )
                    )
                continue
            if isinstance(inputs[spec.name], list):
                valid = self._link(spec, inputs[spec.name], errors) and valid
            else:
                problem = self._value(node["class_type"], spec, inputs)
                if problem is not None:
                    errors.append(problem)
        self.visiting.pop()
        self.valid[node_id] = valid and not errors and not self.checked.get(node_id)
        self.checked.setdefault(node_id, []).extend(errors)
        return self.valid[node_id]

    def _fail(self, node_id: str, *errors: ErrorEntry) -> None:
        self.checked.setdefault(node_id, []).extend(errors)
        self.valid[node_id] = False

    def _link(self, spec: InputSpec, link: list[Any], errors: list[ErrorEntry]) -> bool:
        """Check one link and the node behind it; False if anything above is wrong."""
        if len(link) != 2:
            errors.append(
                error_entry(
                    "bad_linked_input",
                    "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                    spec.name,
                    input_name=spec.name,
                    input_config=spec.config,
                    received_value=link,
                )
            )
            return True
        source, slot = link
        received = nodeinfo.outputs_of(self.graph[source]["class_type"])[slot]
        if not _fits(received, spec):
            errors.append(
                error_entry(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    f"{spec.name}, received_type({received}) mismatch input_type({spec.kind})",
                    input_name=spec.name,
                    input_config=spec.config,
                    received_type=received,
                    linked_node=link,
                )
            )
            return True
        if source in self.visiting:
            self._cycle(source)
            return False
        depth = len(self.visiting)
        try:
            return self.node(source)
        except Exception as exc:
            # The recorded server blames the node behind the link, whichever line inside it broke.
            del self.visiting[depth:]
            self._fail(
                source,
                error_entry(
                    "exception_during_inner_validation",
                    "Exception when validating inner node",
                    str(exc),
                    input_name=spec.name,
                    input_config=spec.config,
                    exception_message=str(exc),
                    exception_type=type(exc).__name__,
                    traceback=[],
                    linked_node=link,
                ),
            )
            return False

    def _cycle(self, source: str) -> None:
        ring = self.visiting[self.visiting.index(source) :]
        path = " -> ".join(f"{node} ({self.graph[node]['class_type']})" for node in [*ring, source])
        for node in ring:
            entry = error_entry("dependency_cycle", "Dependency cycle detected", path, node_id=node, cycle_nodes=ring)
            self._fail(node, entry)

    def _value(self, class_type: str, spec: InputSpec, inputs: dict[str, Any]) -> ErrorEntry | None:
        name, value = spec.name, inputs[spec.name]
        if (class_type, name) in nodeinfo.FILE_INPUTS:
            if find_input(self.folders, value) is None:
                details = f"{name} - Invalid image file: {value}"
                return error_entry(
                    "custom_validation_failed", "Custom validation failed for node", details, input_name=name
                )
            return None
        folder = nodeinfo.MODEL_INPUTS.get((class_type, name))
        if folder is not None:
            if self.models.known(folder, value):
                return None
            names = self.models.listed(folder)
            # The server shows the list it has, not the recorded one, which is empty.
            return _not_in_list(replace(spec, config=[names, *spec.config[1:]]), value, tuple(names))
        try:
            inputs[name] = value = _converted(spec.kind, value)
        except (TypeError, ValueError) as exc:
            return error_entry(
                "invalid_input_type",
                f"Failed to convert an input value to a {spec.kind} value",
                f"{name}, {value}, {exc}",
                input_name=name,
                input_config=spec.config,
                received_value=value,
                exception_message=str(exc),
            )
        return _range_problem(spec, value)


def _specs_for(class_type: str, inputs: Mapping[str, Any]) -> list[InputSpec]:
    """The declared inputs, with those that a dynamic combo's choice adds ("format.bit_depth")."""
    specs: list[InputSpec] = []
    for spec in nodeinfo.inputs_of(class_type):
        specs.append(spec)
        if spec.kind == "COMFY_DYNAMICCOMBO_V3":
            chosen = next((option for option in spec.options if option["key"] == inputs.get(spec.name)), None)
            for name, config in ((chosen or {}).get("inputs", {}).get("required", {})).items():
                specs.append(
                    InputSpec(
                        f"{spec.name}.{name}", config[0], tuple(config[1].get("options", ())), config[1], config, True
                    )
                )
    return specs


def _fits(received: str, spec: InputSpec) -> bool:
    wanted = set(spec.kind.split(","))
    return received == "*" or "*" in wanted or bool(set(received.split(",")) & wanted)


def _converted(kind: str, value: Any) -> Any:
    if kind == "INT":
        return int(value)
    if kind == "FLOAT":
        return float(value)
    if kind == "STRING":
        return str(value)
    if kind == "BOOLEAN":
        return bool(value)
    return value


def _range_problem(spec: InputSpec, value: Any) -> ErrorEntry | None:
    extra = {"input_name": spec.name, "input_config": spec.config, "received_value": value}
    if isinstance(value, int | float) and not (isinstance(value, float) and math.isnan(value)):
        low, high = spec.settings.get("min"), spec.settings.get("max")
        if low is not None and value < low:
            return error_entry("value_smaller_than_min", f"Value {value} smaller than min of {low}", spec.name, **extra)
        if high is not None and value > high:
            return error_entry("value_bigger_than_max", f"Value {value} bigger than max of {high}", spec.name, **extra)
    if spec.kind == "COMFY_DYNAMICCOMBO_V3":
        keys = tuple(option["key"] for option in spec.options)
        return None if value in keys else _not_in_list(spec, value, keys)
    if spec.kind == "COMBO" and spec.options and value not in spec.options:
        return _not_in_list(spec, value, spec.options)
    return None


def _not_in_list(spec: InputSpec, value: Any, options: tuple[Any, ...]) -> ErrorEntry:
    config: list[Any] | None = spec.config
    shown = str(list(options))
    if len(options) > 20:
        shown, config = f"(list of length {len(options)})", None
    extra = {"input_name": spec.name, "input_config": config, "received_value": value}
    return error_entry("value_not_in_list", "Value not in list", f"{spec.name}: '{value}' not in {shown}", **extra)

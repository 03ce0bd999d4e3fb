"""Parameter contracts: JSON Schema 2020-12 with `x-bind`, which names the node input each parameter drives.

    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
     "x-outputs": ["Save picture"],
     "properties": {
       "steps": {"type": "integer", "minimum": 4, "maximum": 50, "default": 30, "x-cost": true,
                 "x-bind": [{"node": "Sampler", "input": "steps"}]},
       "seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "x-seed": true, "x-bind": [{"class": "KSampler", "input": "seed"}]},
       "photo": {"type": "string", "x-asset": true, "x-bind": [{"node": "Product photo", "input": "image"}]}}}

A node is named by its title (`node`) or, where there is one of its kind, by its class (`class`).
"""  # noqa: E501 - the example reads better unwrapped

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
from pydantic import BaseModel

from pressrun.core.codec import digest_of
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.graph import Graph, ancestors, is_link, title_of

_INTEGER = re.compile(r"-?[0-9]{1,18}")
SEED_PARAMETER = "seed"


class Binding(BaseModel):
    """One node input that a parameter drives. `node` is the node's id in the graph as exported."""

    model_config = {"extra": "forbid", "frozen": True}

    node: str
    input: str


@dataclass(frozen=True)
class Contract:
    """A contract that fits its graph. `bindings` is keyed by parameter; the seed's key is always "seed"."""

    schema: Mapping[str, Any]
    sha256: str
    bindings: Mapping[str, tuple[Binding, ...]]
    outputs: tuple[str, ...]
    assets: tuple[str, ...]
    seed_range: tuple[int, int]
    defaults: Mapping[str, Any]
    validator: jsonschema.Draft202012Validator

    def types_of(self, parameter: str) -> tuple[str, ...]:
        """The JSON types the contract allows for a parameter."""
        kind = self.schema["properties"].get(parameter, {}).get("type", ())
        return (kind,) if isinstance(kind, str) else tuple(kind)

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with the contract's defaults where nothing was given."""
        return {**self.defaults, **params}

    def violations(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(parameter, sentence) for everything in `params` that the contract does not allow."""
        authored = _without_seed(self.schema)
        for error in sorted(self.validator.iter_errors(dict(params)), key=lambda found: list(map(str, found.path))):
            yield from _sentences(error, authored)


def read_contract(data: bytes, graph: Graph, *, file: str, graph_file: str) -> Contract:
    """Parse a contract and fit it to its graph; FindingsError lists everything that does not fit."""
    try:
        schema = json.loads(data.decode("utf-8-sig"))
        jsonschema.Draft202012Validator.check_schema(schema)
    except ValueError as exc:
        raise InputError(f"not JSON: {exc}", where=file) from exc
    except jsonschema.SchemaError as exc:
        pointer = "/" + "/".join(str(part) for part in exc.absolute_path)
        raise InputError(f"not a valid JSON Schema: {exc.message}", where=f"{file}, {pointer}") from exc
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise InputError("a contract is an object schema with `properties`", where=file)
    fit = _Fit(schema, graph, file, graph_file)
    bindings = fit.bind()
    if fit.findings:
        raise FindingsError.of(fit.findings, subject=file)
    properties = schema["properties"]
    seed: dict[str, Any] = next((spec for spec in properties.values() if spec.get("x-seed")), {})
    hidden = {name for name, spec in properties.items() if spec.get("x-seed") or spec.get("x-asset")}
    return Contract(
        schema=schema,
        sha256=digest_of(schema),
        bindings=bindings,
        outputs=fit.outputs,
        assets=tuple(name for name, spec in properties.items() if spec.get("x-asset")),
        seed_range=(int(seed.get("minimum", 0)), int(seed.get("maximum", 2**32 - 1))),
        defaults={name: s["default"] for name, s in properties.items() if "default" in s and name not in hidden},
        validator=jsonschema.Draft202012Validator(_without_seed(schema)),
    )


def _without_seed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that authored parameters must meet: the seed is derived, never authored."""
    seeds = {name for name, spec in schema["properties"].items() if spec.get("x-seed")}
    return {
        **schema,
        "properties": {name: spec for name, spec in schema["properties"].items() if name not in seeds},
        "required": [name for name in schema.get("required", ()) if name not in seeds],
    }


class _Fit:
    """Matches a contract to a graph and collects what does not fit."""

    def __init__(self, schema: Mapping[str, Any], graph: Graph, file: str, graph_file: str) -> None:
        self.schema, self.graph, self.file, self.graph_file = schema, graph, file, graph_file
        self.findings: list[Finding] = []
        self.by_title: dict[str, list[str]] = {}
        for node_id in graph:
            self.by_title.setdefault(title_of(graph, node_id), []).append(node_id)
        self.outputs = self._outputs()
        self.reaching = ancestors(graph, self.outputs)

    def bind(self) -> dict[str, tuple[Binding, ...]]:
        if self.schema.get("additionalProperties") is not False:
            self._say(
                "contract-open", "`additionalProperties` must be false", "", "otherwise a typo becomes a silent no-op"
            )
        bindings: dict[str, tuple[Binding, ...]] = {}
        for name, spec in self.schema["properties"].items():
            pointer = f"/properties/{name}"
            targets = spec.get("x-bind")
            if not isinstance(targets, list) or not targets:
                self._say(
                    "contract-unbound",
                    f"parameter {name!r} drives nothing",
                    pointer,
                    'add "x-bind": [{"node": …, "input": …}]',
                )
                continue
            if spec.get("x-cost"):
                self._bounded(name, spec, pointer)
            found = [self._target(name, target, pointer) for target in targets]
            bindings[SEED_PARAMETER if spec.get("x-seed") else name] = tuple(target for target in found if target)
        return bindings

    def _outputs(self) -> tuple[str, ...]:
        named = self.schema.get("x-outputs")
        if not isinstance(named, list) or not named:
            self._say("contract-outputs", "`x-outputs` must name the output nodes by title", "/x-outputs", "")
            return ()
        return tuple(node for title in named if (node := self._node(str(title), "/x-outputs")))

    def _target(self, parameter: str, target: Any, pointer: str) -> Binding | None:
        if not isinstance(target, dict) or not isinstance(target.get("input"), str):
            self._say(
                "contract-binding", f"x-bind of {parameter!r} must be objects with `node` and `input`", pointer, ""
            )
            return None
        node_id = (
            self._by_class(str(target["class"]), pointer)
            if "class" in target
            else self._node(str(target.get("node")), pointer)
        )
        if node_id is None:
            return None
        node, name = self.graph[node_id], target["input"]
        title = title_of(self.graph, node_id)
        if name not in node["inputs"]:
            near = _nearest(name, node["inputs"])
            self._say(
                "binding-input",
                f"parameter {parameter!r} is bound to input {name!r}, which {node['class_type']} does not have",
                pointer, f"inputs of {title!r}: {', '.join(node['inputs'])}{near}", node=title,
            )  # fmt: skip
            return None
        if is_link(node["inputs"][name]):
            self._say(
                "binding-link", f"parameter {parameter!r} is bound to {name!r}, which is fed by another node",
                pointer, "bind the feeding node's own input; the press does not rewire graphs", node=title,
            )  # fmt: skip
            return None
        if node_id not in self.reaching:
            self._say(
                "binding-unused", f"parameter {parameter!r} drives a node that no output depends on", pointer,
                "connect the node or remove the parameter", node=title,
            )  # fmt: skip
            return None
        return Binding(node=node_id, input=name)

    def _node(self, title: str, pointer: str) -> str | None:
        found = self.by_title.get(title, [])
        if len(found) == 1:
            return found[0]
        if found:
            self._say(
                "binding-node",
                f"{len(found)} nodes are titled {title!r}",
                pointer,
                "give each its own title",
                node=title,
            )
        else:
            self._say(
                "binding-node", f"no node is titled {title!r} in {self.graph_file}", pointer,
                f"titles there: {', '.join(sorted(self.by_title))}{_nearest(title, self.by_title)}", node=title,
            )  # fmt: skip
        return None

    def _by_class(self, name: str, pointer: str) -> str | None:
        found = [node_id for node_id, node in self.graph.items() if node["class_type"] == name]
        if len(found) == 1:
            return found[0]
        self._say(
            "binding-node",
            f"{len(found)} nodes of class {name!r}, exactly one is needed",
            pointer,
            "bind by title",
            node=name,
        )
        return None

    def _bounded(self, name: str, spec: Mapping[str, Any], pointer: str) -> None:
        if "enum" not in spec and "const" not in spec and not {"minimum", "maximum"} <= set(spec):
            self._say(
                "cost-unbounded",
                f"{name!r} drives cost and has no bounds",
                pointer,
                "add minimum and maximum, or an enum",
            )

    def _say(self, code: str, message: str, pointer: str, remedy: str, node: str | None = None) -> None:
        place = Place(file=self.file, pointer=pointer or None, node=node)
        self.findings.append(Finding(code=code, message=message, place=place, remedy=remedy))


def coerce(value: Any, types: tuple[str, ...]) -> Any:
    """A table's text as the contract's type where that is exact ("30" → 30); everything else as it is."""
    if not isinstance(value, str) or "string" in types:
        return value
    text = value.strip()
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types:
        try:
            number = float(text)
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return value


def _sentences(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    parameter = str(error.path[0]) if error.path else ""
    known = schema["properties"]
    limit: Any = error.validator_value
    given: Any = error.instance
    if error.validator == "additionalProperties":
        for name in sorted(set(given) - set(known)):
            yield name, f"unknown parameter {name!r}{_nearest(name, known)}"
    elif error.validator == "required":
        missing = [name for name in limit if name not in given]
        for name in missing:
            yield name, f"parameter {name!r} is required and was not given"
    elif error.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        spec = known.get(parameter, {})
        yield parameter, f"{error.instance!r} is out of range {spec.get('minimum', '…')} to {spec.get('maximum', '…')}"
    elif error.validator == "enum":
        yield parameter, f"{error.instance!r} is not one of {', '.join(map(str, limit))}"
    elif error.validator == "type":
        yield parameter, f"{error.instance!r} is not of type {error.validator_value}"
    elif error.validator == "maxLength":
        yield parameter, f"is {len(str(error.instance))} characters long, at most {limit} are allowed"
    else:
        yield parameter, error.message


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""

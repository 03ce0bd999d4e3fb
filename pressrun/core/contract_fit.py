"""Fitting a contract to its graph: bindings by title or class become node ids; what does not fit is a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pressrun.core.findings import Finding, Place
from pressrun.core.graph import Graph, ancestors, is_link, title_of
from pressrun.core.params_validator import ParamsValidator, nearest
from pressrun.core.targets import TRANSFORMS, Binding

SEED_PARAMETER = "seed"
# No property can have this name: a campaign sets the batch size by listing an axis, never as a parameter.
BATCH_PARAMETER = "x-batch"
# Save nodes that write a file for each picture of a batch, in order.
FILE_EACH = frozenset({"SaveImage", "SaveImageAdvanced"})
# Keywords of which the verdict is proved to be the same in both validators; what a schema fetches or evaluates is not.
KEYWORDS = frozenset(
    {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
     "maxLength", "pattern", "default", "title", "description", "examples", "deprecated", "$comment"}
)  # fmt: skip
_TOP_KEYWORDS = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "type", "properties", "required", "additionalProperties",
     "x-outputs", BATCH_PARAMETER}
)  # fmt: skip
_BATCH_KEYS = frozenset({"node", "class", "input", "max"})
_TARGET_KEYS = frozenset({"node", "class", "input", "transform"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def pointer_of(parameter: str) -> str:
    """Where a contract says what drives this: a property, or `x-batch` at its root."""
    return f"/{BATCH_PARAMETER}" if parameter == BATCH_PARAMETER else f"/properties/{parameter}"


class ContractFit:
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
        unknown = sorted(set(self.schema) - _TOP_KEYWORDS)
        if unknown:
            self._say(
                "contract-keyword", f"a contract does not use {', '.join(map(repr, unknown))}", f"/{unknown[0]}",
                f"use only {', '.join(sorted(_TOP_KEYWORDS))}",
            )  # fmt: skip
        for name in self.schema.get("required", ()):
            if name not in self.schema["properties"]:
                near = nearest(name, self.schema["properties"])
                self._say("contract-required", f"required parameter {name!r} is not a property{near}", "/required", "")
        seeds = [
            name for name, spec in self.schema["properties"].items() if isinstance(spec, dict) and "x-seed" in spec
        ]
        if len(seeds) > 1:
            self._say(
                "contract-seeds", f"{', '.join(seeds)} are all marked x-seed, an item has one seed", "",
                "keep one and list all targets in its x-bind",
            )  # fmt: skip
        bindings = {
            SEED_PARAMETER if spec.get("x-seed") else name: self._property(name, spec, f"/properties/{name}")
            for name, spec in self.schema["properties"].items()
            if self._is_property(name, spec)
        }
        if BATCH_PARAMETER in self.schema:
            bindings[BATCH_PARAMETER] = self._batch(self.schema[BATCH_PARAMETER])
        self._refuse_twice(bindings)
        return bindings

    def _is_property(self, name: str, spec: Any) -> bool:
        pointer = f"/properties/{name}"
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no name for a parameter"
            self._say("contract-name", message, pointer, "letters, digits and _, beginning with a letter")
            return False
        if not isinstance(spec, dict) or not ("type" in spec or "enum" in spec or "const" in spec):
            message = f"parameter {name!r} accepts anything"
            self._say("contract-type", message, pointer, "give it a `type`, an `enum` or a `const`")
            return False
        unknown = sorted(key for key in spec if key not in KEYWORDS and not key.startswith("x-"))
        if unknown:
            message = f"parameter {name!r} uses {', '.join(map(repr, unknown))}, which contracts do not have"
            self._say("contract-keyword", message, pointer, f"use only {', '.join(sorted(KEYWORDS))}")
            return False
        if name == SEED_PARAMETER and not spec.get("x-seed"):
            message = f"parameter {name!r} must be marked x-seed"
            self._say("contract-seeds", message, pointer, "seeds are derived from the campaign's seed axes")
        return True

    def _property(self, name: str, spec: Mapping[str, Any], pointer: str) -> tuple[Binding, ...]:
        if spec.get("x-cost"):
            self._bounded(name, spec, pointer)
        try:
            validator = ParamsValidator({"properties": {name: spec}})
        except ValueError as exc:
            self._say("contract-schema", f"parameter {name!r} cannot be compiled: {exc}", pointer, "")
            return ()
        if "default" in spec:
            for _, sentence in validator.violations({name: spec["default"]}):
                self._say("contract-default", f"the default of {name!r} is not allowed: {sentence}", pointer, "")
        if spec.get("x-asset") and name not in self.schema.get("required", ()):
            self._say(
                "asset-optional", f"input file {name!r} must be required", pointer,
                f"add {name!r} to `required`: a job has no file but those it is given",
            )  # fmt: skip
        targets = spec.get("x-bind")
        if not isinstance(targets, list) or not targets:
            self._say(
                "contract-unbound",
                f"parameter {name!r} drives nothing",
                pointer,
                'add "x-bind": [{"node": …, "input": …}]',
            )
            return ()
        found = [self._target(name, target, pointer) for target in targets]
        return tuple(target for target in found if target)

    def _batch(self, spec: Any) -> tuple[Binding, ...]:
        """The input that says how many pictures a prompt makes, where every output then has that many files."""
        pointer = f"/{BATCH_PARAMETER}"
        unknown = sorted(set(spec) - _BATCH_KEYS) if isinstance(spec, dict) else ["no object"]
        most = spec.get("max") if isinstance(spec, dict) else None
        if unknown or not isinstance(most, int) or isinstance(most, bool) or most < 2:
            wrong = ", ".join(unknown) or f"max is {most!r}"
            self._say(
                "contract-batch", f"`x-batch` is not as it must be ({wrong})", pointer,
                '{"node": title of the latent node, "input": "batch_size", "max": 2 or more}',
            )  # fmt: skip
            return ()
        target = self._target(BATCH_PARAMETER, {key: value for key, value in spec.items() if key != "max"}, pointer)
        if target is None:
            return ()
        title, exported = title_of(self.graph, target.node), self.graph[target.node]["inputs"][target.input]
        if exported != 1 or isinstance(exported, bool):
            self._say(
                "batch-exported", f"{target.input!r} of {title!r} is {exported!r} in the graph", pointer,
                "export it with 1: campaigns without `batch` render one picture a prompt", node=title,
            )  # fmt: skip
        for output in self.outputs:
            self._batch_output(output, target, pointer)
        return (target,)

    def _batch_output(self, output: str, target: Binding, pointer: str) -> None:
        title, kind = title_of(self.graph, output), self.graph[output]["class_type"]
        wrong = (
            f"does not depend on {title_of(self.graph, target.node)!r}: it would have one picture for all items"
            if target.node not in ancestors(self.graph, (output,))
            else f"is a {kind}, which is not known to write a file for each picture"
            if kind not in FILE_EACH
            else ""
        )
        if wrong:
            self._say(
                "batch-output", f"output {title!r} {wrong}", pointer,
                f"batches need {' or '.join(sorted(FILE_EACH))} below that node; else remove x-batch", node=title,
            )  # fmt: skip

    def _refuse_twice(self, bindings: Mapping[str, tuple[Binding, ...]]) -> None:
        drivers: dict[tuple[str, str], str] = {}
        for name, targets in bindings.items():
            for target in targets:
                other = drivers.setdefault((target.node, target.input), name)
                if other != name or targets.count(target) > 1:
                    self._say(
                        "binding-twice", f"{other!r} and {name!r} both drive {target.input!r}: one does nothing",
                        pointer_of(name), "bind each input once", node=title_of(self.graph, target.node),
                    )  # fmt: skip

    def _outputs(self) -> tuple[str, ...]:
        named = self.schema.get("x-outputs")
        if not isinstance(named, list) or not named:
            self._say("contract-outputs", "`x-outputs` must name the output nodes by title", "/x-outputs", "")
            return ()
        return tuple(node for title in named if (node := self._node(str(title), "/x-outputs")))

    def _target(self, parameter: str, target: Any, pointer: str) -> Binding | None:
        if not self._is_target(parameter, target, pointer):
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
            near = nearest(name, node["inputs"])
            self._say(
                "binding-input",
                f"parameter {parameter!r} is bound to input {name!r}, which {node['class_type']} does not have",
                pointer, f"inputs of {title!r}: {', '.join(node['inputs'])}{near}{self._elsewhere(name)}", node=title,
            )  # fmt: skip
        elif is_link(node["inputs"][name]):
            self._say(
                "binding-link", f"parameter {parameter!r} is bound to {name!r}, which is fed by another node",
                pointer, "bind the feeding node's own input; the press does not rewire graphs", node=title,
            )  # fmt: skip
        elif node_id not in self.reaching:
            self._say(
                "binding-unused", f"parameter {parameter!r} drives a node that no output depends on", pointer,
                "connect the node or remove the parameter", node=title,
            )  # fmt: skip
        else:
            return Binding(node=node_id, input=name, transform=target.get("transform", "identity"))
        return None

    def _is_target(self, parameter: str, target: Any, pointer: str) -> bool:
        if not isinstance(target, dict) or not isinstance(target.get("input"), str):
            self._say(
                "contract-binding", f"x-bind of {parameter!r} must be objects with `node` and `input`", pointer, ""
            )
            return False
        if unknown := sorted(set(target) - _TARGET_KEYS):
            self._say("contract-binding", f"x-bind of {parameter!r} has unknown {', '.join(unknown)}", pointer, "")
            return False
        transform = target.get("transform", "identity")
        if transform not in TRANSFORMS:
            self._say(
                "binding-transform", f"x-bind of {parameter!r} names no known transform: {transform!r}", pointer,
                f"one of {', '.join(TRANSFORMS)}{nearest(str(transform), TRANSFORMS)}",
            )  # fmt: skip
            return False
        return True

    def _elsewhere(self, name: str) -> str:
        """The nodes that do have such an input: what the author most likely meant."""
        having = [
            repr(title_of(self.graph, node_id))
            for node_id, node in self.graph.items()
            if name in node["inputs"] and not is_link(node["inputs"][name])
        ]
        return f"; {name!r} is an input of {', '.join(having)}" if having else ""

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
                f"titles there: {', '.join(sorted(self.by_title))}{nearest(title, self.by_title)}", node=title,
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

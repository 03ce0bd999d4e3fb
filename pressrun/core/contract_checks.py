"""Checks of a contract against what ComfyUI declares: every binding can act, within bounds that the node accepts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pressrun.core.contract import Contract
from pressrun.core.contract_fit import pointer_of
from pressrun.core.findings import Finding, Place, Severity
from pressrun.core.graph import Graph, ancestors, is_link, title_of
from pressrun.core.graph_checks import Rules
from pressrun.core.graph_values import value_fault
from pressrun.core.models import BUILT_IN
from pressrun.core.node_info import DeclaredInput
from pressrun.core.render_key import MODEL_INPUTS
from pressrun.core.targets import Binding, transformed

_COST = frozenset({"steps", "batch_size", "amount", "length", "megapixels", "scale_by"})
_SEEDS = frozenset({"seed", "noise_seed"})
_WHOLE = frozenset({"round_to_8", "hex_colour_to_int"})


def check_contract(contract: Contract, graph: Graph, rules: Rules, *, file: str) -> list[Finding]:
    """Everything in a contract that fits the graph and still could not do what it says."""
    return _Check(contract, graph, rules, file).run()


@dataclass
class _Check:
    contract: Contract
    graph: Graph
    rules: Rules
    file: str
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> list[Finding]:
        for parameter, targets in self.contract.bindings.items():
            for target in targets:
                self._binding(parameter, target)
        bound = {(target.node, target.input) for targets in self.contract.bindings.values() for target in targets}
        for node_id in sorted(ancestors(self.graph, self.contract.outputs)):
            self._unbound(node_id, bound)
        self._cost()
        return self.findings

    def say(
        self, code: str, message: str, parameter: str, remedy: str, node_id: str | None = None,
        severity: Severity = "error",
    ) -> None:  # fmt: skip
        pointer = pointer_of(parameter) if parameter else None
        node = None if node_id is None else title_of(self.graph, node_id)
        place = Place(file=self.file, node=node, pointer=pointer)
        self.findings.append(Finding(code=code, message=message, place=place, remedy=remedy, severity=severity))

    def _binding(self, parameter: str, target: Binding) -> None:
        node = self.graph[target.node]
        known = self.rules.catalogue.get(node["class_type"])
        if known is None:
            return
        declared = known.declared(node["inputs"]).get(target.input)
        spec = self.contract.spec_of(parameter)
        if declared is None:
            having = [
                repr(title_of(self.graph, other))
                for other, found in self.graph.items()
                if (info := self.rules.catalogue.get(found["class_type"])) and target.input in info.inputs
            ]
            self.say(
                "binding-undeclared",
                f"parameter {parameter!r} is bound to {target.input!r}, which {known.name} does not declare: "
                "ComfyUI would ignore it", parameter,
                f"bind it to {', '.join(having)}" if having else f"{known.name} has {', '.join(known.inputs)}",
                target.node,
            )  # fmt: skip
        elif target.input == "filename_prefix":
            self.say(
                "binding-prefix", f"parameter {parameter!r} is bound to the output's name, which the press sets",
                parameter, "remove the parameter", target.node,
            )  # fmt: skip
        elif known.is_file(target.input) != bool(spec.get("x-asset")):
            right = "names a file: mark it x-asset" if not spec.get("x-asset") else "takes no file: remove x-asset"
            self.say(
                "binding-file", f"parameter {parameter!r} is not staged as {target.input!r} of {known.name} needs",
                parameter, f"{target.input!r} {right}", target.node,
            )  # fmt: skip
        elif not spec.get("x-asset"):
            self._values(parameter, target, declared, spec)

    def _values(self, parameter: str, target: Binding, declared: DeclaredInput, spec: Mapping[str, Any]) -> None:
        kinds = {spec["type"]} if isinstance(spec.get("type"), str) else set(spec.get("type", ()))
        listed = "enum" in spec or "const" in spec
        if not listed and kinds & {"integer", "number"} and not {"minimum", "maximum"} <= set(spec):
            self.say(
                "binding-unbounded", f"parameter {parameter!r} drives {declared.name!r} and has no bounds", parameter,
                f"ComfyUI takes {declared.minimum} to {declared.maximum}: choose a minimum and a maximum", target.node,
            )  # fmt: skip
            return
        if declared.kind == "INT" and "number" in kinds and not listed and target.transform not in _WHOLE:
            self.say(
                "binding-type", f"parameter {parameter!r} allows fractions, {declared.name!r} takes whole numbers",
                parameter, 'make its type "integer", or transform it', target.node,
            )  # fmt: skip
        free = (declared.options or declared.name in MODEL_INPUTS) and "string" in kinds and not listed
        if free:
            self.say(
                "binding-choice", f"parameter {parameter!r} is free text, {declared.name!r} has choices", parameter,
                f"give it an enum out of {', '.join(map(str, declared.options[:12])) or 'models.lock'}", target.node,
            )  # fmt: skip
            return
        for value in extremes(spec):
            if declared.name in MODEL_INPUTS:
                self._model(parameter, value, target)
                continue
            try:
                fault = value_fault(declared, transformed(value, target.transform))
                said = fault.message if fault else ""
            except ValueError as exc:
                said = str(exc)
            if said:
                self.say(
                    "binding-value", f"parameter {parameter!r} may be {value!r}: {said}", parameter,
                    "allow only what the node takes", target.node,
                )  # fmt: skip

    def _model(self, parameter: str, value: Any, target: Binding) -> None:
        known = {*BUILT_IN, *(self.rules.models or {})}
        if isinstance(value, str) and value in known:
            return
        self.say(
            "model-unlocked", f"parameter {parameter!r} may be {value!r}, which is not in models.lock", parameter,
            "add it before a final run: pressrun models add", target.node, "warning",
        )  # fmt: skip

    def _unbound(self, node_id: str, bound: set[tuple[str, str]]) -> None:
        node = self.graph[node_id]
        known = self.rules.catalogue.get(node["class_type"])
        for name, value in node["inputs"].items():
            if is_link(value) or (node_id, name) in bound or known is None:
                continue
            if known.is_file(name):
                self.say(
                    "file-unbound", f"{value!r} is named in the graph, but no item would be given that file", "",
                    f"add an x-asset parameter bound to {name!r} of {title_of(self.graph, node_id)!r}", node_id,
                )  # fmt: skip
            elif name in _SEEDS and node["inputs"].get("add_noise") != "disable":
                self.say(
                    "seed-unbound", f"{name!r} is fixed at {value!r}: every candidate would be the same", "",
                    "bind it in the x-seed parameter", node_id, severity="warning",
                )  # fmt: skip

    def _cost(self) -> None:
        for parameter, targets in self.contract.bindings.items():
            driving = [target for target in targets if self._costs(target)]
            if driving and not self.contract.spec_of(parameter).get("x-cost"):
                self.say(
                    "cost-unmarked", f"parameter {parameter!r} drives {driving[0].input!r}, which costs GPU time",
                    parameter, 'add "x-cost": true', driving[0].node, severity="warning",
                )  # fmt: skip
        pixels, steps = self._highest_cost()
        limits = self.rules.policy.limits
        if pixels > limits.pixels or pixels * max(steps, 1) > limits.pixel_steps:
            self.say(
                "cost-limit",
                f"at its highest one item has {pixels:,.0f} pixels × {max(steps, 1):,.0f} steps; policy allows "
                f"{limits.pixels:,} pixels and {limits.pixel_steps:,} pixel steps", "",
                "lower the maximum of size, steps or batch",
            )  # fmt: skip

    def _costs(self, target: Binding) -> bool:
        if target.input in _COST:
            return True
        return target.input in ("width", "height") and self._makes_latents(target.node)

    def _makes_latents(self, node_id: str) -> bool:
        known = self.rules.catalogue.get(self.graph[node_id]["class_type"])
        return known is not None and "LATENT" in known.outputs

    def _highest_cost(self) -> tuple[float, float]:
        """(pixels, steps) of one item with every knob at its highest."""
        pixels, steps, times = 0.0, 0.0, 1.0
        for node_id in ancestors(self.graph, self.contract.outputs):
            inputs = self.graph[node_id]["inputs"]
            if {"width", "height"} <= set(inputs):
                area = self._highest(node_id, "width") * self._highest(node_id, "height")
                pixels = max(pixels, area * max(self._highest(node_id, "batch_size"), 1.0))
            steps += self._highest(node_id, "steps")
            times *= max(self._highest(node_id, "amount"), 1.0) * max(self._highest(node_id, "length"), 1.0)
        return pixels * times, steps

    def _highest(self, node_id: str, name: str) -> float:
        value = self.graph[node_id]["inputs"].get(name)
        if is_link(value):
            node_id, name = value[0], "value"
            value = self.graph[node_id]["inputs"].get(name)
        for parameter, targets in self.contract.bindings.items():
            if any((target.node, target.input) == (node_id, name) for target in targets):
                highest = [v for v in extremes(self.contract.spec_of(parameter)) if isinstance(v, int | float)]
                return max(map(float, highest), default=math.inf)
        return float(value) if isinstance(value, int | float) else 0.0


def extremes(spec: Mapping[str, Any]) -> list[Any]:
    """The outermost values that a parameter's schema allows; texts are told by their type alone."""
    if "const" in spec:
        return [spec["const"]]
    if "enum" in spec:
        return list(spec["enum"])
    kinds = [spec["type"]] if isinstance(spec["type"], str) else list(spec["type"])
    values: list[Any] = [spec[bound] for bound in ("minimum", "maximum") if bound in spec]
    values += [value for kind, made in _EXAMPLES.items() if kind in kinds for value in made]
    if "string" in kinds:
        values.append(spec.get("default", "#ffffff" if str(spec.get("pattern", "")).startswith("^#") else "text"))
    return values


_EXAMPLES: dict[str, tuple[Any, ...]] = {"boolean": (True, False), "null": (None,), "array": ([],), "object": ({},)}

"""The mutation check: turning one knob changes the compiled graph at its targets, and nowhere else.

It trusts no declaration: it compiles the graph twice and compares. A knob that moves nothing is a bound on nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pressrun.core.binding import compile_graph
from pressrun.core.contract import Contract
from pressrun.core.contract_fit import SEED_PARAMETER, pointer_of
from pressrun.core.findings import Finding, Place
from pressrun.core.graph import Graph, title_of
from pressrun.core.params_validator import ParamsValidator
from pressrun.core.plan import WorkflowBundle

_TEXTS = ("a", "b", "text", "other text", "#000000", "#ffffff", "#a1b2c3", "0", "1", "en-US", "de-DE", "x.png", "y.png")
_ALIKE = 0.5


def check_mutations(bundle: WorkflowBundle, contract: Contract, *, file: str) -> list[Finding]:
    """Turn every knob through its allowed values, one at a time."""
    findings = []
    samples = {name: list(allowed_values(contract.spec_of(name), asset=name in contract.assets))
               for name in bundle.bindings}  # fmt: skip
    base = {name: values[0] for name, values in samples.items() if values}
    for name, values in samples.items():
        if len(values) < 2:
            findings.append(_too_few(name, values, file))
            continue
        findings += _turn(bundle, name, base, values, file)
    return findings


def allowed_values(spec: Mapping[str, Any], *, asset: bool = False) -> Iterator[Any]:
    """Boundary, default and inner values that the schema allows, without repetition."""
    validator = ParamsValidator({"properties": {"value": spec}})
    seen: list[Any] = []
    for value in ["a.png", "b.png"] if asset else _candidates(spec):
        told_apart = not any(type(value) is type(other) and value == other for other in seen)
        if told_apart and validator.is_valid({"value": value}):
            seen.append(value)
            yield value


def changes(before: Graph, after: Graph) -> set[tuple[str, str]]:
    """(node id, input) of everything that differs; a node that came, went or changed its class counts as input ""."""
    found = {(node_id, "") for node_id in set(before) ^ set(after)}
    for node_id in set(before) & set(after):
        one, two = before[node_id], after[node_id]
        if {**one, "inputs": None} != {**two, "inputs": None}:
            found.add((node_id, ""))
        found |= {
            (node_id, name)
            for name in set(one["inputs"]) | set(two["inputs"])
            if not _same(one["inputs"].get(name, _ALIKE), two["inputs"].get(name, _ALIKE))
        }
    return found


def _turn(
    bundle: WorkflowBundle, name: str, base: Mapping[str, Any], values: list[Any], file: str
) -> Iterator[Finding]:
    targets = {(target.node, target.input) for target in bundle.bindings[name]}
    before = _compiled(bundle, base)
    moved: set[tuple[str, str]] = set()
    for value in values:
        moved |= changes(before, _compiled(bundle, {**base, name: value}))
    place = Place(file=file, pointer=pointer_of(name))
    if not moved:
        yield Finding(
            code="knob-dead", message=f"parameter {name!r} changes nothing in the compiled graph", place=place,
            remedy="bind it to an input that the picture depends on, or remove it",
        )  # fmt: skip
        return
    for node, name_of_input in sorted(targets - moved):
        yield Finding(
            code="knob-dead", message=f"parameter {name!r} never changes {name_of_input!r} of its target",
            place=place.model_copy(update={"node": title_of(bundle.graph, node)}), remedy="remove that target",
        )  # fmt: skip
    for node, name_of_input in sorted(moved - targets):
        yield Finding(
            code="knob-leak", message=f"parameter {name!r} also changes {name_of_input!r}, which it is not bound to",
            place=place.model_copy(update={"node": title_of(bundle.graph, node)}), remedy="list it in x-bind",
        )  # fmt: skip


def _too_few(name: str, values: list[Any], file: str) -> Finding:
    place = Place(file=file, pointer=f"/properties/{name}")
    if values:
        return Finding(
            code="knob-fixed", message=f"parameter {name!r} can only be {values[0]!r}", place=place,
            remedy="write that value into the graph and remove the parameter",
        )  # fmt: skip
    return Finding(
        code="knob-untried", message=f"no value is known that parameter {name!r} allows", place=place,
        remedy="give its schema two `examples`",
    )  # fmt: skip


def _compiled(bundle: WorkflowBundle, values: Mapping[str, Any]) -> Graph:
    params = {name: value for name, value in values.items() if name != SEED_PARAMETER}
    seed = int(values.get(SEED_PARAMETER, 0))
    return compile_graph(bundle, params=params, seed=seed, inputs={}, filename_prefix="press")


def _candidates(spec: Mapping[str, Any]) -> Iterator[Any]:
    if "const" in spec:
        yield spec["const"]
    if "default" in spec:
        yield spec["default"]
    yield from spec.get("examples", ())
    yield from spec.get("enum", ())
    low, high = spec.get("minimum"), spec.get("maximum")
    if low is not None and high is not None:
        step = spec.get("multipleOf", 1 if spec.get("type") == "integer" else (high - low) / 8 or 1)
        middle = round((low + high) / 2 / step) * step
        for value in (low, high, low + step, high - step, middle, round(low / step + 0.5) * step, high // step * step):
            yield int(value) if spec.get("type") == "integer" else round(float(value), 9)
    yield from (True, False)
    shortest, longest = spec.get("minLength", 0), spec.get("maxLength", 4096)
    yield from _TEXTS
    yield from ("x" * shortest, "y" * shortest, "x" * min(longest, 4096), ("words of any kind " * 512)[:shortest])


def _same(one: Any, two: Any) -> bool:
    return type(one) is type(two) and bool(one == two)

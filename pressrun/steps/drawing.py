"""Workflows as pictures: of a version in the library, and of what a run's plan made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pressrun.core.contract import read_contract
from pressrun.core.contract_fit import SEED_PARAMETER
from pressrun.core.graph import Graph, read_graph, title_of
from pressrun.core.graph_svg import draw_svg
from pressrun.core.item import Item
from pressrun.core.node_info import NodeCatalogue
from pressrun.core.plan import RenderPlan, WorkflowBundle
from pressrun.steps.library import Library, WorkflowVersion

_WORDS = 60


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter of a workflow in one run: the inputs it drives ("Sampler · steps"), and what it was given."""

    name: str
    drives: tuple[str, ...]
    values: str


@dataclass(frozen=True, slots=True)
class DrawnWorkflow:
    """A workflow of a plan, drawn with the values of its run. `svg` brings no style of its own."""

    name: str
    graph_sha256: str
    contract_sha256: str
    items: int
    knobs: tuple[Knob, ...]
    svg: str


def draw_version(library: Library, version: WorkflowVersion) -> str:
    """The SVG of a version, complete in itself. FindingsError where its files do not fit each other."""
    graph = read_graph(version.graph.read_bytes(), file=version.graph.name)
    contract = read_contract(
        version.contract.read_bytes(), graph, file=version.contract.name, graph_file=version.graph.name
    )
    return draw_svg(
        _in_order(graph, library.catalogue),
        bindings=contract.bindings,
        outputs=contract.outputs,
        title=version.stem,
        type_of=library.catalogue.output_type,
    )


def draw_plan(plan: RenderPlan, catalogue: NodeCatalogue) -> tuple[DrawnWorkflow, ...]:
    """Every workflow of a plan, with the values its items have; input files by the names people gave them."""
    names = {asset.name: PurePath(asset.source).name or asset.name for asset in plan.inputs}
    return tuple(
        _drawn(bundle, [item for item in plan.items if item.workflow == name], names, catalogue)
        for name, bundle in sorted(plan.workflows.items())
    )


def _drawn(
    bundle: WorkflowBundle, items: list[Item], names: Mapping[str, str], catalogue: NodeCatalogue
) -> DrawnWorkflow:
    graph = _in_order(bundle.graph, catalogue)
    values = {name: _in_words(name, items, names) for name in bundle.bindings}
    svg = draw_svg(
        graph,
        bindings=bundle.bindings,
        outputs=bundle.outputs,
        title=bundle.name,
        values=values,
        type_of=catalogue.output_type,
        style=False,
    )
    knobs = tuple(
        Knob(name, tuple(f"{title_of(graph, target.node)} · {target.input}" for target in targets), values[name])
        for name, targets in sorted(bundle.bindings.items())
    )
    return DrawnWorkflow(bundle.name, bundle.graph_sha256, bundle.contract_sha256, len(items), knobs, svg)


def _in_order(graph: Graph, catalogue: NodeCatalogue) -> Graph:
    """The graph with every node's inputs as its class declares them: a stored plan has its keys by the alphabet."""
    ordered: Graph = {}
    for node_id, node in graph.items():
        found = catalogue.get(node["class_type"])
        place = {name: number for number, name in enumerate(found.inputs)} if found else {}
        names = sorted(node["inputs"], key=lambda name, place=place: place.get(name, len(place)))  # type: ignore[misc]
        ordered[node_id] = {**node, "inputs": {name: node["inputs"][name] for name in names}}
    return ordered


def _in_words(parameter: str, items: Iterable[Item], names: Mapping[str, str]) -> str:
    """What the items have for a parameter: the value, a range, or how many different ones."""
    found: dict[str, Any] = {}
    for item in items:
        given: Mapping[str, Any] = {
            **item.params,
            **{name: names.get(file, file) for name, file in item.inputs.items()},
            SEED_PARAMETER: item.seed,
        }
        if parameter in given:
            found[repr(given[parameter])] = given[parameter]
    if not found:
        return "as in the graph"
    values = list(found.values())
    if len(values) == 1:
        text = " ".join(str(values[0]).split())
        return text if len(text) <= _WORDS else text[: _WORDS - 1].rstrip() + "…"
    if parameter == SEED_PARAMETER:
        return f"{len(values)} seeds"
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return f"{min(values):g} to {max(values):g}"
    short = ", ".join(sorted(map(str, values)))
    return short if len(short) <= _WORDS else f"{len(values)} values"

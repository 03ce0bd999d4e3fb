"""Binding: the artist's graph with this item's parameters in it. Declared inputs are patched; nothing is rewired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressrun.core.contract import SEED_PARAMETER
from pressrun.core.graph import Graph
from pressrun.core.plan import WorkflowBundle


def compile_graph(
    bundle: WorkflowBundle,
    *,
    params: Mapping[str, Any],
    seed: int,
    inputs: Mapping[str, str],
    filename_prefix: str,
) -> Graph:
    """The graph to POST for one item. Only touched nodes are copied; the template is never changed.

    `params` are the item's parameters, `inputs` maps a parameter to the staged file's plain name. Every output node
    that declares `filename_prefix` gets the given one, so that no two items share a file.
    """
    graph: Graph = dict(bundle.graph)
    touched: set[str] = set()

    def patch(node_id: str, name: str, value: Any) -> None:
        if node_id not in touched:
            graph[node_id] = {**graph[node_id], "inputs": dict(graph[node_id]["inputs"])}
            touched.add(node_id)
        graph[node_id]["inputs"][name] = value

    values: dict[str, Any] = {**params, **inputs, SEED_PARAMETER: seed}
    for parameter, targets in bundle.bindings.items():
        if parameter in values:
            for target in targets:
                patch(target.node, target.input, values[parameter])
    for node_id in bundle.outputs:
        if "filename_prefix" in graph[node_id]["inputs"]:
            patch(node_id, "filename_prefix", filename_prefix)
    return graph

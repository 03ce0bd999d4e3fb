"""Binding: the artist's graph with this item's parameters in it. Declared inputs are patched; nothing is rewired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressrun.core.contract_fit import BATCH_PARAMETER, SEED_PARAMETER
from pressrun.core.graph import Graph
from pressrun.core.item import Item
from pressrun.core.plan import WorkflowBundle
from pressrun.core.targets import transformed


def graph_of(bundle: WorkflowBundle, item: Item, *, filename_prefix: str) -> Graph:
    """The graph to POST for an item, or for the batch that it is of."""
    return compile_graph(
        bundle,
        params=item.params,
        seed=item.seed,
        inputs=item.inputs,
        filename_prefix=filename_prefix,
        batch_size=item.batch.size if item.batch else None,
    )


def compile_graph(
    bundle: WorkflowBundle,
    *,
    params: Mapping[str, Any],
    seed: int,
    inputs: Mapping[str, str],
    filename_prefix: str,
    batch_size: int | None = None,
) -> Graph:
    """The graph to POST for one item. Only touched nodes are copied; the template is never changed.

    `params` are the item's parameters, `inputs` maps a parameter to the staged file's plain name. Every output node
    that declares `filename_prefix` gets the given one, so that no two items share a file. `batch_size` goes to the
    input that the contract's `x-batch` names; None leaves the graph as exported, which makes one picture.
    """
    graph: Graph = dict(bundle.graph)
    mine: dict[str, dict[str, Any]] = {}

    def inputs_of(node_id: str) -> dict[str, Any]:
        found = mine.get(node_id)
        if found is None:
            node = graph[node_id]
            found = mine[node_id] = dict(node["inputs"])
            graph[node_id] = {**node, "inputs": found}
        return found

    values: dict[str, Any] = {**params, **inputs, SEED_PARAMETER: seed}
    if batch_size is not None:
        values[BATCH_PARAMETER] = batch_size
    for parameter, targets in bundle.bindings.items():
        if parameter in values:
            for target in targets:
                value = values[parameter]
                if target.transform != "identity":
                    value = transformed(value, target.transform)
                inputs_of(target.node)[target.input] = value
    for node_id in bundle.outputs:
        if "filename_prefix" in graph[node_id]["inputs"]:
            inputs_of(node_id)["filename_prefix"] = filename_prefix
    return graph

"""Warm-ups: a cheap run of a graph before its first item, so that loading models is nobody's rendering time.

The same models and nodes, one step, a small picture. What an engine does once for a checkpoint (reading gigabytes,
compiling kernels: minutes on a fresh disk) then neither eats an item's deadline nor spoils its measured seconds.
"""

from __future__ import annotations

from typing import Any

from pressrun.core.graph import Graph

SIDE = 512
# Literal inputs of samplers, schedulers and empty latents that decide how long a run takes, and the most of each.
_BOUNDS = {"steps": 1, "batch_size": 1, "length": 1}


def warm_up_graph(graph: Graph) -> Graph | None:
    """A cheap copy of a compiled graph; None where nothing is sampled and so nothing is worth warming up.

    Malformed nodes stay as they are: what the engine makes of them is the item's own end, not ours.
    """
    if not any(_is_count(node.get("inputs", {}).get("steps")) for node in graph.values()):
        return None
    return {name: {**node, "inputs": _cheap(node)} if "inputs" in node else node for name, node in graph.items()}


def _cheap(node: dict[str, Any]) -> dict[str, Any]:
    bounds = dict(_BOUNDS)
    class_type = str(node.get("class_type"))
    if class_type.startswith("Empty") and "Latent" in class_type:
        bounds |= {"width": SIDE, "height": SIDE}
    return {
        name: min(value, bounds[name]) if name in bounds and _is_count(value) else value
        for name, value in node["inputs"].items()
    }


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

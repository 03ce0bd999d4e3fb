"""Render keys: a Merkle hash from the output nodes down, so that equal pictures have equal names.

What counts: class and inputs of every node that an output depends on, input files and models by content digest,
and the engine class (for ComfyUI its commit, custom-node lock and dtype; for proofs the drawing library and fonts).
What does not: node ids, titles and other `_meta`, the filename prefix, nodes that no output depends on.
Re-exporting a graph without changing it therefore re-buys nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressrun.core.codec import digest_of
from pressrun.core.graph import Graph, is_link

# Inputs that name a model file, by ComfyUI's own naming.
MODEL_INPUTS = frozenset(
    {"ckpt_name", "lora_name", "vae_name", "unet_name", "clip_name", "clip_name1", "clip_name2", "control_net_name",
     "model_name", "style_model_name", "gligen_name"}
)  # fmt: skip
IGNORED_INPUTS = frozenset({"filename_prefix"})


def render_key(
    graph: Graph,
    outputs: tuple[str, ...],
    *,
    files: Mapping[str, str],
    models: Mapping[str, str],
    engine_class: str,
) -> str:
    """40 hex digits. `files` maps staged file names to SHA-256, `models` maps model names to SHA-256.

    A model that is not in `models` enters by name: a later lock of that model is then another key, never a false hit.
    """
    memo: dict[str, str] = {}

    def key_of(node_id: str) -> str:
        # Depth-first without recursion: graphs can be long chains.
        stack = [node_id]
        while stack:
            current = stack[-1]
            if current in memo:
                stack.pop()
                continue
            waiting = [
                value[0] for value in graph[current]["inputs"].values() if is_link(value) and value[0] not in memo
            ]
            if waiting:
                stack += waiting
                continue
            memo[current] = _node_key(graph[current], memo, files, models)
            stack.pop()
        return memo[node_id]

    return digest_of([engine_class, sorted(key_of(output) for output in outputs)])[:40]


def image_key(batch_key: str, index: int) -> str:
    """The render key of one picture of a batch. `batch_key` is that of the graph with its batch size in it.

    Picture 0 of a batch is not the picture of a batch of one, and picture 1 cannot be had from the seed alone.
    """
    return digest_of([batch_key, index])[:40]


def _node_key(
    node: Mapping[str, Any], memo: Mapping[str, str], files: Mapping[str, str], models: Mapping[str, str]
) -> str:
    inputs: dict[str, Any] = {}
    for name, value in node["inputs"].items():
        if name in IGNORED_INPUTS:
            continue
        if is_link(value):
            inputs[name] = {"from": memo[value[0]], "slot": value[1]}
        else:
            inputs[name] = input_part(name, value, files, models)
    return digest_of([node["class_type"], inputs])


def input_part(name: str, value: Any, files: Mapping[str, str], models: Mapping[str, str]) -> dict[str, Any]:
    """What an input that is no link contributes to its node's key."""
    if isinstance(value, str) and value in files:
        return {"file": files[value]}
    if name in MODEL_INPUTS and isinstance(value, str):
        return {"model": models.get(value, f"name:{value}")}
    return {"value": value}

"""The order of items: what they share stays loaded. Workflow, then checkpoint, then LoRA, then prompt text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OrderKey = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_BASE_MODELS = ("ckpt_name", "unet_name", "model_name", "clip_name", "vae_name", "control_net_name", "style_model_name")


def order_key(workflow: str, graph: Mapping[str, Any]) -> OrderKey:
    """What to sort a compiled graph by.

    An engine of default settings drops every model that a graph does not use, so alternating between two checkpoints
    loads one of them for every image; sorted, each is loaded once.
    """
    models: list[str] = []
    loras: list[str] = []
    texts: list[str] = []
    for node in sorted(graph):
        for name, value in sorted((graph[node].get("inputs") or {}).items()):
            if not isinstance(value, str):
                continue
            if name.startswith("lora"):
                loras.append(value)
            elif name.startswith(_BASE_MODELS):
                models.append(value)
            elif "text" in name or "prompt" in name:
                texts.append(value)
    return workflow, tuple(models), tuple(loras), tuple(texts)

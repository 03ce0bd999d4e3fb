"""A graph that samples with a checkpoint, as a workflow has it, and what its parameters bind to."""

from __future__ import annotations

from typing import Any

from pressrun.core.targets import Binding

BINDINGS = {
    "model": (Binding(node="1", input="ckpt_name"),),
    "headline": (Binding(node="2", input="text"),),
    "width": (Binding(node="3", input="width"),),
    "height": (Binding(node="3", input="height"),),
    "seed": (Binding(node="5", input="seed"),),
}


def checkpoint_graph(width: int, height: int, *, steps: int) -> dict[str, Any]:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "x"}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": width, "height": height, "batch_size": 1}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0], "seed": 1,
                "steps": steps, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "x"}},
    }  # fmt: skip

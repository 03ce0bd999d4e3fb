"""Starts as ComfyUI does and loads whitelisted custom nodes as ComfyUI does; draws with the proof press.

So the runner's whole way with a ComfyUI is tested without one: its flags, its folders, our node, raw pixels.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pressrun.proof import nodeinfo
from pressrun.proof.__main__ import main
from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.pixels import to_image
from pressrun.proof.drawing.registry import node


class Tensor:
    """An image as torch holds it on the CPU, as far as a save node looks at it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.device = values, types.SimpleNamespace(type="cpu")

    def numpy(self) -> np.ndarray:
        return self.values


def load(folder: Path, output: Path) -> None:
    """Register the node classes of a custom node's folder."""
    paths = types.ModuleType("folder_paths")
    paths.get_output_directory = lambda: str(output)  # type: ignore[attr-defined]
    sys.modules["folder_paths"] = paths
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, kind in module.NODE_CLASS_MAPPINGS.items():
        nodeinfo.classes()[name] = {
            **nodeinfo.classes()["SaveImage"], "name": name, "input": kind.INPUT_TYPES(), "output_node": kind.OUTPUT_NODE
        }  # fmt: skip

        @node(name)
        def run(context: NodeContext, inputs: Mapping[str, Any], kind: Any = kind) -> tuple[Any, ...]:
            images = [Tensor(np.asarray(to_image(one).convert("RGB"), np.float32) / 255) for one in inputs["images"]]
            done = getattr(kind(), kind.FUNCTION)(**{**inputs, "images": images})
            context.ui = done["ui"]
            return (inputs["images"],)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--whitelist-custom-nodes", nargs="+", default=[])
    parser.add_argument("--extra-model-paths-config", type=Path)
    parser.add_argument("--output-directory", type=Path, required=True)
    known, _ = parser.parse_known_args()
    for section in yaml.safe_load(known.extra_model_paths_config.read_text()).values():
        for folder in Path(section.get("custom_nodes", "/nonexistent")).glob("*/"):
            if folder.name in known.whitelist_custom_nodes:
                load(folder, known.output_directory)
    raise SystemExit(main())

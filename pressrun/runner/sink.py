"""The fast sink: SaveImage hands raw pixels over, and the PNG is encoded here, off the thread that drives the GPU.

The one declared exception to "no rewiring": done after render keys are made, recorded in each result, and the file is
what SaveImage would have written, to the byte where both use the same Pillow and zlib.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from pressrun.comfy.nodes import SINK_CLASS
from pressrun.core.graph import Graph

RAW_SUFFIX = ".npy"
_SAVE_INPUTS = {"images", "filename_prefix"}
# What SaveImage has always used; lower ones are faster and larger, but then the files would differ from a person's own.
_COMPRESS_LEVEL = 4


def with_sink(graph: Graph, outputs: Sequence[str]) -> Graph | None:
    """The graph with each SaveImage among its outputs replaced; None where there is none to replace."""
    plain = [
        node
        for node in outputs
        if graph[node].get("class_type") == "SaveImage" and graph[node].get("inputs", {}).keys() == _SAVE_INPUTS
    ]
    if not plain:
        return None
    return {**graph, **{node: {**graph[node], "class_type": SINK_CLASS} for node in plain}}


def text_chunks(graph: Graph, extra: Mapping[str, Any]) -> dict[str, str]:
    """The texts SaveImage writes into a PNG: the graph, and one for each extra."""
    return {"prompt": json.dumps(graph), **{name: json.dumps(value) for name, value in extra.items()}}


def read_raw(path: Path) -> Image.Image:
    """The picture in a hand-over file. ValueError or OSError where it is cut or holds anything but 8-bit pixels."""
    pixels = np.load(path, allow_pickle=False)
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise ValueError(f"{pixels.dtype} of {pixels.ndim} dimensions are not the pixels of a picture")
    try:
        return Image.fromarray(pixels)
    except TypeError as exc:  # Pillow's word for a number of channels that no picture has
        raise ValueError(str(exc)) from exc


def write_png(image: Image.Image, path: Path, texts: Mapping[str, str]) -> None:
    """Encode as SaveImage does, with these text chunks."""
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    image.save(path, "PNG", pnginfo=info, compress_level=_COMPRESS_LEVEL)

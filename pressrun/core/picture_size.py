"""How large a picture is at a place in a graph, as far as the graph itself says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pressrun.core.graph import Graph, is_link

Size = tuple[int, int]
_LOADERS = frozenset({"LoadImage", "LoadImageMask"})
# Nodes that make a picture or a latent of the size that they are told.
_TOLD = frozenset({"EmptyImage", "EmptyLatentImage", "EmptySD3LatentImage", "ImageScale"})
# Nodes whose result is as large as the picture, or the latent, that comes in here.
_AS_LARGE_AS = {
    "AdjustBrightness": "image",
    "AdjustContrast": "image",
    "ImageAddNoise": "image",
    "ImageBlur": "image",
    "ImageCompositeMasked": "destination",
    "ImageInvert": "image",
    "ImageQuantize": "image",
    "ImageSharpen": "image",
    "KSampler": "latent_image",
    "KSamplerAdvanced": "latent_image",
    "RepeatImageBatch": "image",
    "SetLatentNoiseMask": "samples",
    "TextOverlay": "images",
    "VAEDecode": "samples",
    "VAEEncode": "pixels",
}


@dataclass(frozen=True)
class Misfit:
    """A file that is laid over a picture of another size at its top left corner. `node` does so."""

    node: str
    file: str
    size: Size
    under: Size


def size_of(graph: Graph, node_id: str, files: Mapping[str, Size]) -> Size | None:
    """(width, height) of a node's picture, in pixels; None where only running the graph would tell.

    `files` are the sizes of input files by name.
    """
    for _ in range(len(graph)):
        node = graph[node_id]
        kind, inputs = node["class_type"], node["inputs"]
        if kind in _LOADERS:
            return files.get(inputs.get("image", ""))
        if kind in _TOLD:
            width, height = inputs.get("width"), inputs.get("height")
            told = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0
            return (width, height) if told else None
        before = inputs.get(_AS_LARGE_AS.get(kind, ""))
        if not is_link(before) or before[0] not in graph:
            return None
        node_id = before[0]
    return None


def misfits(graph: Graph, files: Mapping[str, Size]) -> Iterator[Misfit]:
    """Files that are laid over a picture of another size without being placed or scaled on purpose."""
    for node_id, node in graph.items():
        inputs = node["inputs"]
        source, under = inputs.get("source"), inputs.get("destination")
        placed = inputs.get("x") or inputs.get("y") or inputs.get("resize_source")
        if node["class_type"] != "ImageCompositeMasked" or placed or not is_link(source) or not is_link(under):
            continue
        loader = graph.get(source[0], {})
        name = loader.get("inputs", {}).get("image", "") if loader.get("class_type") in _LOADERS else ""
        if name not in files or under[0] not in graph:
            continue
        size = size_of(graph, under[0], files)
        if size is not None and size != files[name]:
            yield Misfit(node_id, name, files[name], size)

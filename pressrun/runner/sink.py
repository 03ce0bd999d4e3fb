"""The fast sink: SaveImage hands raw pixels over, and the PNG is encoded here, off the thread that drives the GPU.

The one declared exception to "no rewiring": done after render keys are made, recorded in each result, and the file is
what SaveImage would have written, to the byte where both use the same Pillow and zlib.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, PngImagePlugin

from pressrun.comfy.nodes import SINK_CLASS
from pressrun.core.graph import Graph

RAW_SUFFIX = ".npy"
Pixels = np.ndarray[Any, np.dtype[Any]]
# Signature, then IHDR: length, name, 13 bytes, checksum.
_HEADER_END = 8 + 4 + 4 + 13 + 4
_SAVE_INPUTS = {"images", "filename_prefix"}
# SaveImageAdvanced's formats that hold what the sink hands over; its EXR is left to it.
_DEPTHS = {"8-bit": 8, "16-bit": 16}
_CHANNELS = {1: ("gray16le", "gray16be"), 3: ("rgb48le", "rgb48be"), 4: ("rgba64le", "rgba64be")}
# What SaveImage has always used; lower ones are faster and larger, but then the files would differ from a person's own.
_COMPRESS_LEVEL = 4


def with_sink(graph: Graph, outputs: Sequence[str]) -> Graph | None:
    """The graph with each SaveImage and each SaveImageAdvanced to PNG among its outputs replaced; None without any."""
    replaced = {node: sink for node in outputs if (sink := _sink_for(graph[node])) is not None}
    return {**graph, **replaced} if replaced else None


def _sink_for(node: dict[str, Any]) -> dict[str, Any] | None:
    """What takes this save node's place; None where it is none, or has an input that we do not know."""
    inputs = node.get("inputs", {})
    if node.get("class_type") == "SaveImage" and inputs.keys() == _SAVE_INPUTS:
        return {**node, "class_type": SINK_CLASS}
    kept = {name: value for name, value in inputs.items() if name in _SAVE_INPUTS}
    rest = {name: value for name, value in inputs.items() if name not in _SAVE_INPUTS}
    depth = _DEPTHS.get(str(rest.pop("format.bit_depth", "8-bit")))
    plain = rest.pop("format.input_color_space", "sRGB") == "sRGB" and rest == {"format": "png"}
    if node.get("class_type") != "SaveImageAdvanced" or kept.keys() != _SAVE_INPUTS or not plain or depth is None:
        return None
    return {**node, "class_type": SINK_CLASS, "inputs": {**kept, "bit_depth": depth}}


def text_chunks(graph: Graph, extra: Mapping[str, Any]) -> dict[str, str]:
    """The texts SaveImage writes into a PNG: the graph, and one for each extra."""
    return {"prompt": json.dumps(graph), **{name: json.dumps(value) for name, value in extra.items()}}


def read_raw(path: Path) -> Pixels:
    """The pixels of a hand-over file, height x width x channels. ValueError or OSError where it is cut or odd."""
    pixels: Pixels = np.load(path, allow_pickle=False)
    if pixels.ndim == 2:  # a mask shown as a picture
        pixels = pixels[..., None]
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS:
        raise ValueError(f"{pixels.dtype} of shape {pixels.shape} are not the pixels of a picture")
    return pixels


def picture_of(pixels: Pixels) -> Image.Image:
    """The picture to measure and to make a thumbnail of: of 16 bits the upper 8, as a decoder of PNG gives them."""
    eight = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    return Image.fromarray(eight[..., 0] if eight.shape[2] == 1 else eight)


def write_png(pixels: Pixels, path: Path, texts: Mapping[str, str]) -> None:
    """Encode as SaveImage does, 16 bits as SaveImageAdvanced does, with these text chunks."""
    if pixels.dtype == np.uint16:
        path.write_bytes(_with_texts(_png_of_words(pixels), texts))
        return
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    picture_of(pixels).save(path, "PNG", pnginfo=info, compress_level=_COMPRESS_LEVEL)


def _png_of_words(pixels: Pixels) -> bytes:
    # Pillow has no picture of three channels of 16 bits; the node that wrote such files has the same encoder.
    height, width, channels = pixels.shape
    ours, theirs = _CHANNELS[channels]
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width, height, theirs, Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.squeeze(pixels, 2) if channels == 1 else pixels, format=ours)
    frame = frame.reformat(format=theirs)
    frame.pts, frame.time_base = 0, codec.time_base
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


def _with_texts(png: bytes, texts: Mapping[str, str]) -> bytes:
    """The file with a tEXt chunk for each text, where ComfyUI puts them: right after the header chunk."""
    chunks = b""
    for name, text in texts.items():
        body = b"tEXt" + name.encode("latin-1") + b"\0" + text.encode("latin-1")
        chunks += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEADER_END] + chunks + png[_HEADER_END:]

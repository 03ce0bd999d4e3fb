"""Nodes that write files: marked as a proof, with the graph in the file, each written in one step."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image, PngImagePlugin

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.marks import marked
from pressrun.proof.drawing.pixels import to_image
from pressrun.proof.drawing.registry import first_size, node
from pressrun.proof.files import SavePlace, save_place, write_atomically

Inputs = Mapping[str, Any]


@node("SaveImage")
def save_image(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return _save_each(context, inputs["images"], inputs["filename_prefix"], "{stem}_{counter:05}_.png", "output")


@node("SaveImageAdvanced")
def save_image_advanced(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Always 8-bit PNG: a proof has no more to give than that, whatever format the final asks for."""
    return _save_each(context, inputs["images"], inputs["filename_prefix"], "{stem}_{counter:05}.png", "output")


@node("PreviewImage")
def preview_image(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return _save_each(context, inputs["images"], "ComfyUI_temp_proof", "{stem}_{counter:05}_.png", "temp")


def _save_each(context: NodeContext, images: Any, prefix: str, pattern: str, kind: str) -> tuple[Any, ...]:
    place = _place(context, images, prefix, kind)
    saved = []
    for index, picture in enumerate(images):
        name = pattern.format(stem=place.stem.replace("%batch_num%", str(index)), counter=place.counter + index)
        stream = io.BytesIO()
        # Level 1: the proof's paper grain does not compress, and the higher levels cost three times the painting.
        _marked(context, picture).save(stream, "PNG", pnginfo=metadata(context), compress_level=1)
        path = place.folder / name
        write_atomically(path, context.before_write(path, stream.getvalue()))
        saved.append({"filename": name, "subfolder": place.subfolder, "type": kind})
    context.ui = {"images": saved}
    return (images,)


@node("SaveAnimatedWEBP", "SaveAnimatedPNG")
def save_animated(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """All images of the batch as the frames of one file."""
    images = inputs["images"]
    webp = context.class_type == "SaveAnimatedWEBP"
    place = _place(context, images, inputs["filename_prefix"], "output")
    frames = [_marked(context, picture) for picture in images]
    stream = io.BytesIO()
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": round(1000 / inputs["fps"])}
    if webp:
        frames[0].save(stream, "WEBP", lossless=inputs["lossless"], quality=inputs["quality"], method=0, **options)
    else:
        frames[0].save(stream, "PNG", compress_level=1, pnginfo=metadata(context), **options)
    name = f"{place.stem}_{place.counter:05}_.{'webp' if webp else 'png'}"
    write_atomically(place.folder / name, context.before_write(place.folder / name, stream.getvalue()))
    shown = {"filename": name, "subfolder": place.subfolder, "type": "output"}
    context.ui = {"images": [shown], "animated": [True]}
    return (images,)


def _place(context: NodeContext, images: Any, prefix: str, kind: str) -> SavePlace:
    root = context.folders.of(kind)
    assert root is not None
    root.mkdir(parents=True, exist_ok=True)
    return save_place(root, prefix, *first_size(images))


def _marked(context: NodeContext, picture: Any) -> Image.Image:
    return marked(to_image(picture), context.facts)


def metadata(context: NodeContext) -> PngImagePlugin.PngInfo:
    """The text chunks ComfyUI writes (`prompt`, and one per extra_pnginfo key) and one that says what this is."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(context.graph))
    for key, value in (context.extra_data.get("extra_pnginfo") or {}).items():
        info.add_text(str(key), json.dumps(value))
    info.add_text("pressrun_proof", "1")
    return info

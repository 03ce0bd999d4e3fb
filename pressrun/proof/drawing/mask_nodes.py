"""Nodes that make and combine masks, and turn them into images and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import ImageFilter

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.image_nodes import open_image
from pressrun.proof.drawing.pixels import clip, level, mix, resize, to_image, to_pixels, with_channels
from pressrun.proof.drawing.registry import first_size, node
from pressrun.proof.drawing.values import Pixels

Inputs = Mapping[str, Any]
_CHANNELS = {"red": 0, "green": 1, "blue": 2, "alpha": 3}


@node("SolidMask")
def solid_mask(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    context.allow(inputs["width"], inputs["height"], 1)
    return ((np.full((inputs["height"], inputs["width"]), level(inputs["value"]), dtype=np.uint8),),)


@node("InvertMask")
def invert_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (tuple(255 - mask for mask in inputs["mask"]),)


@node("FeatherMask")
def feather_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Linear ramps at the four edges, multiplied where they meet."""
    out = []
    for mask in inputs["mask"]:
        height, width = mask.shape
        across = _ramp(width, inputs["left"]) * _ramp(width, inputs["right"])[::-1] // 255
        down = _ramp(height, inputs["top"]) * _ramp(height, inputs["bottom"])[::-1] // 255
        out.append((mask.astype(np.int32) * (across[None, :] * down[:, None] // 255) // 255).astype(np.uint8))
    return (tuple(out),)


def _ramp(length: int, feather: int) -> Any:
    feather = min(length, feather)
    ramp = np.full(length, 255, dtype=np.int32)
    if feather:
        ramp[:feather] = 255 * np.arange(1, feather + 1, dtype=np.int32) // feather
    return ramp


@node("GrowMask")
def grow_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    amount = inputs["expand"]
    size = 2 * min(abs(amount), 64) + 1
    if amount == 0:
        return (inputs["mask"],)
    kind = ImageFilter.MaxFilter(size) if amount > 0 else ImageFilter.MinFilter(size)
    return (tuple(to_pixels(to_image(mask).filter(kind)) for mask in inputs["mask"]),)


@node("ThresholdMask")
def threshold_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    limit = level(inputs["value"])
    return (tuple(np.where(mask > limit, 255, 0).astype(np.uint8) for mask in inputs["mask"]),)


@node("CropMask")
def crop_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    top, left = inputs["y"], inputs["x"]
    out = tuple(m[top : top + inputs["height"], left : left + inputs["width"]] for m in inputs["mask"])
    if not out[0].size:
        raise ValueError("the crop lies outside the mask")
    return (out,)


@node("MaskComposite")
def mask_composite(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    out = []
    for destination in inputs["destination"]:
        source = inputs["source"][0]
        x, y = inputs["x"], inputs["y"]
        result = destination.copy()
        height, width = (
            min(a, b) for a, b in zip(source.shape, (destination.shape[0] - y, destination.shape[1] - x), strict=True)
        )
        if height > 0 and width > 0:
            part = result[y : y + height, x : x + width]
            result[y : y + height, x : x + width] = _combine(part, source[:height, :width], inputs["operation"])
        out.append(result)
    return (tuple(out),)


def _combine(a: Pixels, b: Pixels, operation: str) -> Pixels:
    first, second = a.astype(np.int32), b.astype(np.int32)
    if operation == "multiply":
        result = first * second // 255
    elif operation == "add":
        result = first + second
    elif operation == "subtract":
        result = first - second
    else:
        on, other = first > 127, second > 127
        result = {"and": on & other, "or": on | other, "xor": on ^ other}[operation].astype(np.int32) * 255
    return clip(result)


@node("MaskToImage")
def mask_to_image(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (tuple(np.repeat(mask[..., None], 3, axis=2) for mask in inputs["mask"]),)


@node("ImageToMask")
def image_to_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    channel = _CHANNELS[inputs["channel"]]
    return (tuple(with_channels(picture, 4)[..., channel].copy() for picture in inputs["image"]),)


@node("ImageColorToMask")
def image_color_to_mask(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    colour = int(inputs["color"])
    wanted = np.array((colour >> 16 & 255, colour >> 8 & 255, colour & 255), dtype=np.uint8)
    return (tuple(np.where((p[..., :3] == wanted).all(axis=2), 255, 0).astype(np.uint8) for p in inputs["image"]),)


@node("LoadImageMask")
def load_image_mask(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """One channel of a file; alpha is turned round, as LoadImage does. A file without alpha gives an empty mask."""
    picture = open_image(context, inputs["image"])
    channel = inputs["channel"]
    if channel == "alpha" and "A" not in picture.getbands():
        return ((np.zeros((64, 64), dtype=np.uint8),),)
    plane = np.asarray(picture.convert("RGBA"), dtype=np.uint8)[..., _CHANNELS[channel]]
    return ((255 - plane if channel == "alpha" else plane.copy(),),)


@node("SplitImageWithAlpha")
def split_image_with_alpha(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    pictures = tuple(with_channels(p, 4) for p in inputs["image"])
    return tuple(p[..., :3] for p in pictures), tuple(255 - p[..., 3] for p in pictures)


@node("JoinImageWithAlpha")
def join_image_with_alpha(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    size = first_size(inputs["image"])
    alphas = [255 - resize(mask, *size, "bilinear") for mask in inputs["alpha"]]
    joined = (np.dstack([p[..., :3], alphas[index % len(alphas)]]) for index, p in enumerate(inputs["image"]))
    return (tuple(joined),)


@node("PorterDuffImageComposite")
def porter_duff(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The modes that campaigns use are done; the rest are laid source over destination."""
    source, destination = inputs["source"][0], inputs["destination"][0]
    size = first_size(inputs["destination"])
    source = resize(with_channels(source, destination.shape[2]), *size)
    # These alphas count as opaque where they are 255, unlike LoadImage's masks.
    above = resize(inputs["source_alpha"][0], *size, "bilinear")
    below = resize(inputs["destination_alpha"][0], *size, "bilinear")
    mode = inputs["mode"]
    if mode in {"SRC", "CLEAR"}:
        picture, alpha = (source, above) if mode == "SRC" else (np.zeros_like(source), np.zeros_like(above))
    elif mode == "DST":
        picture, alpha = destination, below
    elif mode in {"SRC_IN", "DST_IN"}:
        picture = source if mode == "SRC_IN" else destination
        alpha = _combine(above, below, "multiply")
    elif mode in {"SRC_OUT", "DST_OUT"}:
        picture, kept, cut = (source, above, below) if mode == "SRC_OUT" else (destination, below, above)
        alpha = _combine(kept, 255 - cut, "multiply")
    elif mode == "DST_OVER":
        picture, alpha = mix(source, destination, below), np.maximum(above, below)
    else:
        picture, alpha = mix(destination, source, above), np.maximum(above, below)
    return (picture,), (alpha,)

"""Nodes that change an image's look: blur, noise, contrast, edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.painting.chance import Chance
from pressrun.proof.drawing.pixels import clip, to_image, to_pixels, with_channels
from pressrun.proof.drawing.registry import node
from pressrun.proof.drawing.values import Images

Inputs = Mapping[str, Any]


@node("ImageBlur")
def image_blur(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    radius = min(inputs["blur_radius"], max(0.1, 2 * inputs["sigma"]))
    return (_filtered(inputs["image"], ImageFilter.GaussianBlur(radius)),)


@node("ImageSharpen")
def image_sharpen(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    percent = int(min(500, 100 * inputs["alpha"]))
    return (_filtered(inputs["image"], ImageFilter.UnsharpMask(inputs["sharpen_radius"], percent, 0)),)


def _filtered(images: Images, kind: Any) -> Images:
    return tuple(to_pixels(to_image(picture).filter(kind)) for picture in images)


@node("ImageAddNoise")
def image_add_noise(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Grain from the seed. A strength that is not a number gives a black picture, as in the real server."""
    strength = inputs["strength"]
    if math.isnan(strength):
        return (tuple(np.zeros_like(picture) for picture in inputs["image"]),)
    amount = int(strength * 256)
    out = []
    for index, picture in enumerate(inputs["image"]):
        noise = Chance("noise", inputs["seed"], index).grain(picture.shape)
        out.append(clip(picture.astype(np.int32) + noise * amount // 256))
    return (tuple(out),)


@node("AdjustBrightness")
def adjust_brightness(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    factor = int(inputs["factor"] * 256)
    return (tuple(clip(p.astype(np.int32) * factor // 256) for p in inputs["images"]),)


@node("AdjustContrast")
def adjust_contrast(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    factor = int(inputs["factor"] * 256)
    return (tuple(clip((p.astype(np.int32) - 128) * factor // 256 + 128) for p in inputs["images"]),)


@node("ImageQuantize")
def image_quantize(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    dither = Image.Dither.FLOYDSTEINBERG if inputs["dither"] == "floyd-steinberg" else Image.Dither.NONE
    out = []
    for picture in inputs["image"]:
        image = to_image(with_channels(picture, 3))
        palette = image.quantize(inputs["colors"], method=Image.Quantize.MEDIANCUT)
        out.append(to_pixels(image.quantize(palette=palette, dither=dither).convert("RGB")))
    return (tuple(out),)


@node("Canny")
def canny(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Edges, thinner or fewer with higher thresholds; enough to judge a ControlNet's guide by."""
    limit = int(255 * inputs["low_threshold"] * 0.5)
    out = []
    for picture in inputs["image"]:
        grey = to_image(with_channels(picture, 3)).convert("L").filter(ImageFilter.GaussianBlur(1))
        edges = np.where(to_pixels(grey.filter(ImageFilter.FIND_EDGES)) > limit, 255, 0).astype(np.uint8)
        out.append(np.repeat(edges[..., None], 3, axis=2))
    return (tuple(out),)


@node("Morphology")
def morphology(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    size = min(65, inputs["kernel_size"] | 1)
    grow, shrink = ImageFilter.MaxFilter(size), ImageFilter.MinFilter(size)
    operations: dict[str, Callable[[Image.Image], Image.Image]] = {
        "erode": lambda image: image.filter(shrink),
        "dilate": lambda image: image.filter(grow),
        "open": lambda image: image.filter(shrink).filter(grow),
        "close": lambda image: image.filter(grow).filter(shrink),
        "gradient": lambda image: ImageChops.subtract(image.filter(grow), image.filter(shrink)),
        "top_hat": lambda image: ImageChops.subtract(image, image.filter(shrink).filter(grow)),
        "bottom_hat": lambda image: ImageChops.subtract(image.filter(grow).filter(shrink), image),
    }
    operation = operations[inputs["operation"]]
    return (tuple(to_pixels(operation(to_image(picture))) for picture in inputs["image"]),)

"""Nodes that load, make, scale, cut and combine images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from pressrun.core.errors import EngineError
from pressrun.proof.drawing.context import PIXEL_LIMIT, NodeContext
from pressrun.proof.drawing.pixels import clip, level, mix, resize, resize_cropped, with_channels
from pressrun.proof.drawing.registry import first_size, node
from pressrun.proof.drawing.values import Images, Masks, Pixels
from pressrun.proof.files import find_input

Inputs = Mapping[str, Any]
# What campaigns deliver. Pillow knows dozens more, and each is code that reads a stranger's file.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")


@node("LoadImage", "LoadImageOutput")
def load_image(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The picture in RGB, and its transparency as a mask: 255 where the file is see-through, as ComfyUI has it."""
    picture = open_image(context, inputs["image"])
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.uint8)
    if "A" in picture.getbands() or "transparency" in picture.info:
        mask: Pixels = 255 - rgba[..., 3]
    else:
        mask = np.zeros((64, 64), dtype=np.uint8)
    return (rgba[..., :3],), (mask,)


def open_image(context: NodeContext, name: str) -> Image.Image:
    """Open a file of the input folder, turned upright. PIL.UnidentifiedImageError if it is no image."""
    path = find_input(context.folders, name)
    if path is None:
        raise FileNotFoundError(f"no such input image: {name}")
    with Image.open(path, formats=FORMATS) as opened:
        if opened.width * opened.height > PIXEL_LIMIT:
            raise EngineError("the image is too large for a proof", where=name, remedy="give one below 96 megapixels")
        opened.load()
        return ImageOps.exif_transpose(opened)


@node("EmptyImage")
def empty_image(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    width, height, batch = inputs["width"], inputs["height"], inputs["batch_size"]
    context.allow(width, height, batch)
    colour = int(inputs["color"])
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    return ((picture,) * batch,)


@node("ImageScale")
def image_scale(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    old_width, old_height = first_size(inputs["image"])
    width, height = inputs["width"], inputs["height"]
    if width == 0 and height == 0:
        return (inputs["image"],)
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    context.allow(width, height, len(inputs["image"]))
    method, crop = inputs["upscale_method"], inputs["crop"]
    return (tuple(resize_cropped(picture, width, height, method, crop) for picture in inputs["image"]),)


@node("ImageScaleBy")
def image_scale_by(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (_scaled(context, inputs["image"], inputs["scale_by"], inputs["upscale_method"]),)


@node("ImageScaleToTotalPixels")
def image_scale_to_total_pixels(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    width, height = first_size(inputs["image"])
    factor = (inputs["megapixels"] * 1024 * 1024 / (width * height)) ** 0.5
    step = max(1, int(inputs.get("resolution_steps") or 1))
    new_width, new_height = (max(step, round(side * factor / step) * step) for side in (width, height))
    context.allow(new_width, new_height, len(inputs["image"]))
    return (tuple(resize(p, new_width, new_height, inputs["upscale_method"]) for p in inputs["image"]),)


@node("ImageScaleToMaxDimension")
def image_scale_to_max_dimension(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    factor = inputs["largest_size"] / max(first_size(inputs["image"]))
    return (_scaled(context, inputs["image"], factor, inputs["upscale_method"]),)


@node("ImageUpscaleWithModel")
def image_upscale_with_model(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Enlarged as often as the model's name says ("4x-UltraSharp", "RealESRGAN_x2"), four times if it does not."""
    names = " ".join(inputs["upscale_model"].names).lower()
    factor = next((n for n in (8, 4, 3, 2, 1) if f"{n}x" in names or f"x{n}" in names), 4)
    return (_scaled(context, inputs["image"], factor, "lanczos"),)


def _scaled(context: NodeContext, images: Images, factor: float, method: str) -> Images:
    width, height = (max(1, round(side * factor)) for side in first_size(images))
    context.allow(width, height, len(images))
    return tuple(resize(picture, width, height, method) for picture in images)


@node("ImageInvert")
def image_invert(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (tuple(255 - picture for picture in inputs["image"]),)


@node("ImageCrop")
def image_crop(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    width, height = first_size(inputs["image"])
    left, top = min(inputs["x"], width - 1), min(inputs["y"], height - 1)
    return (tuple(p[top : top + inputs["height"], left : left + inputs["width"]] for p in inputs["image"]),)


@node("ImageRotate")
def image_rotate(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    turns = {"none": 0, "90 degrees": 1, "180 degrees": 2, "270 degrees": 3}[inputs["rotation"]]
    return (tuple(np.ascontiguousarray(np.rot90(p, -turns)) for p in inputs["image"]),)


@node("ImageFlip")
def image_flip(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    axis = 0 if inputs["flip_method"].startswith("x") else 1
    return (tuple(np.ascontiguousarray(np.flip(p, axis)) for p in inputs["image"]),)


@node("ImageBatch")
def image_batch(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The second batch is cut and scaled to the first one's size."""
    width, height = first_size(inputs["image1"])
    channels = inputs["image1"][0].shape[2]
    second = (resize_cropped(p, width, height, "bilinear", "center") for p in inputs["image2"])
    return ((*inputs["image1"], *(with_channels(p, channels) for p in second)),)


@node("ImageFromBatch")
def image_from_batch(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    start = min(len(inputs["image"]) - 1, inputs["batch_index"])
    return (inputs["image"][start : start + max(1, inputs["length"])],)


@node("RepeatImageBatch")
def repeat_image_batch(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    context.allow(*first_size(inputs["image"]), len(inputs["image"]) * inputs["amount"])
    return (inputs["image"] * inputs["amount"],)


@node("RebatchImages")
def rebatch_images(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Batches are lists here already; what is saved in the end is the same."""
    return (inputs["images"],)


@node("ImageCompositeMasked")
def image_composite_masked(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """`source` laid on `destination` at (x, y), through the mask if there is one."""
    destination: Images = inputs["destination"]
    source: Images = inputs["source"]
    masks: Masks | None = inputs.get("mask")
    size = first_size(destination) if inputs["resize_source"] else first_size(source)
    out = []
    for index, picture in enumerate(destination):
        over = resize(source[index % len(source)], *size, "bilinear")
        mask = resize(masks[index % len(masks)], *size, "bilinear") if masks else None
        out.append(lay_over(picture, over, mask, inputs["x"], inputs["y"]))
    return (tuple(out),)


def lay_over(under: Pixels, over: Pixels, mask: Pixels | None, x: int, y: int) -> Pixels:
    """`over` on a copy of `under` with its top left corner at (x, y), which may lie outside."""
    result = under.copy()
    height, width = over.shape[:2]
    top, left = max(0, y), max(0, x)
    bottom, right = min(under.shape[0], y + height), min(under.shape[1], x + width)
    if top >= bottom or left >= right:
        return result
    part = with_channels(over[top - y : bottom - y, left - x : right - x], under.shape[2])
    if mask is None:
        result[top:bottom, left:right] = part
    else:
        weight = mask[top - y : bottom - y, left - x : right - x]
        result[top:bottom, left:right] = mix(result[top:bottom, left:right], part, weight)
    return result


@node("ImageBlend")
def image_blend(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    first, second = inputs["image1"], inputs["image2"]
    width, height = first_size(first)
    out = []
    for index, picture in enumerate(first):
        other = resize_cropped(second[index % len(second)], width, height, "bicubic", "center")
        other = with_channels(other, picture.shape[2])
        blended = _blend(picture.astype(np.int32), other.astype(np.int32), inputs["blend_mode"])
        weight = np.full(picture.shape[:2], level(inputs["blend_factor"]), dtype=np.uint8)
        out.append(mix(picture, blended, weight))
    return (tuple(out),)


def _blend(a: Any, b: Any, mode: str) -> Pixels:
    if mode == "multiply":
        result = a * b // 255
    elif mode == "screen":
        result = 255 - (255 - a) * (255 - b) // 255
    elif mode == "overlay":
        result = np.where(a <= 127, 2 * a * b // 255, 255 - 2 * (255 - a) * (255 - b) // 255)
    elif mode == "soft_light":
        result = a + (2 * b - 255) * (a * (255 - a) // 255) // 255
    elif mode == "difference":
        result = abs(a - b)
    else:
        result = b
    return clip(result)


@node("ImagePadForOutpaint")
def image_pad_for_outpaint(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The picture on grey, and a mask of what is to be painted, feathered into the picture."""
    width, height = first_size(inputs["image"])
    left, top, right, bottom = (inputs[side] for side in ("left", "top", "right", "bottom"))
    new_width, new_height = width + left + right, height + top + bottom
    context.allow(new_width, new_height, len(inputs["image"]))
    out = []
    for picture in inputs["image"]:
        padded = np.full((new_height, new_width, picture.shape[2]), 127, dtype=np.uint8)
        padded[top : top + height, left : left + width] = picture
        out.append(padded)
    mask = np.full((new_height, new_width), 255, dtype=np.uint8)
    mask[top : top + height, left : left + width] = _feathered(
        width, height, inputs["feathering"], (left, top, right, bottom)
    )
    return tuple(out), (mask,)


def _feathered(width: int, height: int, feather: int, padding: tuple[int, int, int, int]) -> Pixels:
    left, top, right, bottom = padding
    if not feather or feather * 2 >= min(width, height):
        return np.zeros((height, width), dtype=np.uint8)
    far = np.int32(1 << 20)
    across = np.minimum(np.arange(width) if left else far, np.arange(width)[::-1] if right else far)
    down = np.minimum(np.arange(height) if top else far, np.arange(height)[::-1] if bottom else far)
    near = np.maximum(0, feather - np.minimum(across[None, :], down[:, None]))
    return clip(255 * near * near // (feather * feather))


@node("ImageStitch")
def image_stitch(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Two images side by side or one above the other, with a coloured gap."""
    first, second = inputs["image1"][0], (inputs.get("image2") or (None,))[0]
    if second is None:
        return (inputs["image1"],)
    sideways = inputs["direction"] in {"left", "right"}
    second = with_channels(second, first.shape[2])
    if inputs["match_image_size"]:
        height, width = second.shape[:2]
        target = first.shape[0] / height if sideways else first.shape[1] / width
        second = resize(second, max(1, round(width * target)), max(1, round(height * target)))
    colour = {
        "white": (255, 255, 255),
        "black": (0, 0, 0),
        "red": (255, 0, 0),
        "green": (0, 255, 0),
        "blue": (0, 0, 255),
    }
    parts = [first, second] if inputs["direction"] in {"right", "down"} else [second, first]
    gap = inputs["spacing_width"]
    across = max(p.shape[0 if sideways else 1] for p in parts)
    along = sum(p.shape[1 if sideways else 0] for p in parts) + gap
    canvas = np.zeros((across, along, first.shape[2]) if sideways else (along, across, first.shape[2]), dtype=np.uint8)
    canvas[..., :3] = colour[inputs["spacing_color"]]
    at = 0
    for part in parts:
        height, width = part.shape[:2]
        if sideways:
            canvas[:height, at : at + width] = part
        else:
            canvas[at : at + height, :width] = part
        at += (width if sideways else height) + gap
    return ((canvas,),)


@node("ImageGrid")
def image_grid(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """All images of the batch in a grid of equal cells, each fitted into its cell."""
    images: Images = inputs["images"]
    columns, padding = inputs["columns"], inputs["padding"]
    cell = (inputs["cell_width"], inputs["cell_height"])
    rows = -(-len(images) // columns)
    width, height = columns * (cell[0] + padding) - padding, rows * (cell[1] + padding) - padding
    context.allow(width, height, 1)
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    for index, picture in enumerate(images):
        fitted = resize_cropped(with_channels(picture, 3), *cell, "lanczos", "center")
        top, left = index // columns * (cell[1] + padding), index % columns * (cell[0] + padding)
        canvas[top : top + cell[1], left : left + cell[0]] = fitted
    return ((canvas,),)

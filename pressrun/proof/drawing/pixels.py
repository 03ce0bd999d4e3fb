"""Pixel arithmetic in whole numbers, so that a proof is the same on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pressrun.proof.drawing.values import Pixels

RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def to_image(pixels: Pixels) -> Image.Image:
    """A Pillow image (L, RGB or RGBA) of an array."""
    return Image.fromarray(np.ascontiguousarray(pixels))


def to_pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.uint8)


def mix(under: Pixels, over: Pixels, mask: Pixels | NDArray[np.int32]) -> Pixels:
    """`over` on `under` where `mask` (0 to 255, same height and width) says so; rounded, exact at 0 and 255."""
    weight = mask.astype(np.uint16)
    if weight.ndim < under.ndim:
        weight = weight[..., None]
    # At most 255 * 255 + 128, so 16 bits hold it; the shifts are an exact rounded division by 255.
    total = under * (255 - weight) + over * weight + 128
    mixed: Pixels = ((total + (total >> 8)) >> 8).astype(np.uint8)
    return mixed


def resize(pixels: Pixels, width: int, height: int, method: str = "lanczos") -> Pixels:
    """Scaled to width x height, which are at least 1."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return to_pixels(to_image(pixels).resize((max(1, width), max(1, height)), RESAMPLING[method]))


def resize_cropped(pixels: Pixels, width: int, height: int, method: str, crop: str) -> Pixels:
    """As ImageScale does: `crop` "center" cuts to the target's shape first."""
    if crop == "center":
        old_height, old_width = pixels.shape[:2]
        if old_width * height > old_height * width:
            keep = max(1, round(old_height * width / height))
            left = (old_width - keep) // 2
            pixels = pixels[:, left : left + keep]
        else:
            keep = max(1, round(old_width * height / width))
            top = (old_height - keep) // 2
            pixels = pixels[top : top + keep]
    return resize(pixels, width, height, method)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """RGB made RGBA (opaque), or RGBA cut to RGB."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return pixels[..., :3]
    alpha = np.full((*pixels.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([pixels, alpha], axis=2)


def clip(values: NDArray[np.int32]) -> Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)


def level(value: float) -> int:
    """0.0-1.0 to 0-255. A value that is not a number is 0: the real server makes a black picture of it too."""
    return 0 if math.isnan(value) else int(min(1.0, max(0.0, value)) * 255 + 0.5)

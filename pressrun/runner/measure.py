"""Measurements of pixels: numbers that `collect` judges. The runner only measures."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image

from pressrun.core.result import Measurements

THUMB_SIDE = 384
_SAMPLE_SIDE = 256
_HASH_SIDE = 32
_MOST_COLOURS = 8
_Array = np.ndarray[Any, np.dtype[Any]]


def measure(image: Image.Image) -> Measurements:
    """Mean and standard deviation of luma (0-255), colours of a sample, a perceptual hash, a digest of the pixels.

    `distinct` counts the RGB colours of every n-th pixel, at most 65,536 of them: enough to tell a flat image. `flat`
    takes colours that differ by less than 1/32 as one, `colours` by less than 1/8.
    """
    rgb = image.convert("RGB")
    luma = np.asarray(rgb.convert("L"), dtype=np.float32)
    step = max(1, -(-max(rgb.size) // _SAMPLE_SIDE))
    sample = np.asarray(rgb)[::step, ::step].reshape(-1, 3).astype(np.uint32)
    return Measurements(
        mean=round(float(luma.mean()), 2),
        contrast=round(float(luma.std()), 2),
        distinct=int(np.unique(_packed(sample, 8)).size),
        phash=perceptual_hash(rgb),
        flat=round(float(np.bincount(_packed(sample, 5)).max()) / len(sample), 4),
        colours=_colours(sample),
        pixels=_pixels(image),
    )


def _packed(sample: _Array, bits: int) -> _Array:
    """Each colour as one number, of its `bits` highest bits a channel."""
    high = sample >> (8 - bits)
    return np.asarray((high[:, 0] << 2 * bits) | (high[:, 1] << bits) | high[:, 2])


def _colours(sample: _Array) -> tuple[tuple[str, float], ...]:
    """The commonest colours: the means of the fullest of 512 boxes, and how much of the sample is in each."""
    boxes = _packed(sample, 3)
    counts = np.bincount(boxes, minlength=512)
    found = []
    for box in np.argsort(-counts, kind="stable")[:_MOST_COLOURS]:
        if counts[box]:
            red, green, blue = sample[boxes == box].mean(axis=0).round().astype(int)
            found.append((f"#{red:02x}{green:02x}{blue:02x}", round(float(counts[box]) / len(sample), 4)))
    return tuple(found)


def _pixels(image: Image.Image) -> str:
    """32 hex digits of size and pixels, with transparency where there is any."""
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    digest = hashlib.blake2b(f"{plain.mode} {plain.width} {plain.height} ".encode(), digest_size=16)
    digest.update(plain.tobytes())
    return digest.hexdigest()


def perceptual_hash(image: Image.Image) -> str:
    """16 hex digits: signs of the lowest 8 x 8 frequencies (DCT-II of a 32 x 32 grey copy) against their median."""
    grey = np.asarray(image.convert("L").resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    low = (_DCT @ grey @ _DCT.T)[:8, :8].ravel()
    bits = (low > np.median(low[1:])).astype(np.uint8)
    bits[0] = 0  # the mean brightness says nothing of the picture
    return bytes(np.packbits(bits)).hex()


def _dct_matrix(side: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows, columns = np.arange(side)[:, None], np.arange(side)[None, :]
    matrix = np.cos(np.pi * (2 * columns + 1) * rows / (2 * side))
    return np.asarray(matrix, dtype=np.float64).reshape(side, side)


_DCT = _dct_matrix(_HASH_SIDE)


def thumbnail(image: Image.Image) -> bytes:
    """A WebP of at most 384 pixels a side; transparency is kept."""
    small = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    small.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()

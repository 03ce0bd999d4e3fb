"""Measurements of pixels: numbers that `collect` judges. The runner only measures."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pressrun.core.result import Measurements

THUMB_SIDE = 384
_SAMPLE_SIDE = 256
_HASH_SIDE = 32


def measure(image: Image.Image) -> Measurements:
    """Mean and standard deviation of luma (0-255), distinct colours of a sample, and a 64-bit perceptual hash.

    `distinct` counts the RGB colours of every n-th pixel, at most 65,536 of them: enough to tell a flat image.
    """
    rgb = image.convert("RGB")
    luma = np.asarray(rgb.convert("L"), dtype=np.float32)
    step = max(1, -(-max(rgb.size) // _SAMPLE_SIDE))
    sample = np.asarray(rgb)[::step, ::step].astype(np.uint32)
    packed = (sample[..., 0] << 16) | (sample[..., 1] << 8) | sample[..., 2]
    return Measurements(
        mean=round(float(luma.mean()), 2),
        contrast=round(float(luma.std()), 2),
        distinct=int(np.unique(packed).size),
        phash=perceptual_hash(rgb),
    )


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

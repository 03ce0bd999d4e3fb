"""Measurements tell flat from rich, same from different."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance

from pressrun.runner.measure import THUMB_SIDE, measure, perceptual_hash, thumbnail


def picture(seed: int, size: tuple[int, int] = (320, 200)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (5, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_a_flat_picture_has_no_contrast_and_one_colour() -> None:
    found = measure(Image.new("RGB", (300, 100), (120, 120, 120)))
    assert (found.mean, found.contrast, found.distinct) == (120.0, 0.0, 1)


def test_known_pixels_give_known_numbers() -> None:
    found = measure(Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)))
    assert (found.mean, found.contrast, found.distinct) == (127.5, 127.5, 2)


def test_distinct_counts_a_sample_of_a_large_picture() -> None:
    found = measure(picture(1, (2000, 1000)))
    assert 1000 < found.distinct <= 256 * 256


def test_the_hash_is_of_the_picture_not_of_its_size_or_brightness() -> None:
    base = picture(1)
    assert len(perceptual_hash(base)) == 16
    assert distance(perceptual_hash(base), perceptual_hash(base.resize((700, 437)))) <= 4
    assert distance(perceptual_hash(base), perceptual_hash(ImageEnhance.Brightness(base).enhance(0.8))) <= 6
    assert distance(perceptual_hash(base), perceptual_hash(picture(2))) >= 16


def test_thumbnails_are_small_webp_and_keep_transparency() -> None:
    with Image.open(io.BytesIO(thumbnail(picture(1, (1000, 600))))) as small:
        assert (small.format, max(small.size)) == ("WEBP", THUMB_SIDE)
    with Image.open(io.BytesIO(thumbnail(Image.new("RGBA", (50, 20), (1, 2, 3, 0))))) as small:
        assert (small.size, small.mode) == ((50, 20), "RGBA")


def test_palette_and_grey_pictures_are_measured() -> None:
    assert measure(picture(1).convert("P")).contrast > 5
    assert measure(picture(1).convert("LA")).contrast > 5

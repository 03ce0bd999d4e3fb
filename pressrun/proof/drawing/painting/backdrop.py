"""The picture behind the motifs: a sky of soft colours, a light, one large form, paper-cut hills, a plinth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pressrun.proof.drawing.painting.chance import Chance
from pressrun.proof.drawing.painting.curves import ridge
from pressrun.proof.drawing.painting.palette import Colour, Theme, along, blend, shift


def sky(theme: Theme, chance: Chance, size: tuple[int, int]) -> Image.Image:
    """A mesh of a few colours, blended smoothly."""
    mesh = np.empty((6, 5, 3), dtype=np.uint8)
    lean = chance.between(-0.25, 0.25)
    for row in range(6):
        for column in range(5):
            part = row / 5 + lean * (column / 4 - 0.5) + chance.between(-0.16, 0.16)
            mesh[row, column] = shift(along(theme.sky, part), chance.whole(-9, 9))
    return Image.fromarray(mesh).resize(size, Image.Resampling.BICUBIC)


def glow(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength: float) -> None:
    """A soft round light; drawn small and enlarged, because nobody sees the difference."""
    small = 64
    y, x = np.mgrid[0:small, 0:small].astype(np.int32)
    distance = (2 * x - small + 1) ** 2 + (2 * y - small + 1) ** 2
    left = np.maximum(0, small * small - distance)
    # Squared falls off like light, in whole numbers.
    level = (left // 16) * (left // 16) // ((small * small // 16) * (small * small // 16) // 255)
    mask = Image.fromarray((np.minimum(255, level) * int(strength * 256) // 256).astype(np.uint8))
    side = max(2, int(2 * radius))
    mask = mask.resize((side, side), Image.Resampling.BICUBIC)
    image.paste(colour, (int(centre[0] - radius), int(centre[1] - radius)), mask)


def form(image: Image.Image, theme: Theme, chance: Chance, middle: float) -> None:
    """One large form behind the product: an arch, a disc, rings, or shafts of light."""
    width, height = image.size
    unit = min(width, height)
    kind = chance.pick(("arch", "disc", "rings", "arch", "disc", "shafts"))
    centre = (width * middle, height * chance.between(0.40, 0.48))
    if kind == "shafts":
        _shafts(image, theme, chance)
        return
    radius = unit * chance.between(0.29, 0.36)
    if kind == "rings":
        for step in range(4):
            _disc(
                image,
                centre,
                radius * (1.35 - 0.24 * step),
                blend(along(theme.sky, 0.3), theme.light, 0.25 + 0.2 * step),
                92,
            )
        return
    shape = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
    mask = _mask(image.size, lambda pen, scale: _arch(pen, scale, shape, height if kind == "arch" else None))
    _lift(image, mask, unit, 0.30)
    top, bottom = (
        (theme.light, theme.accent) if kind == "disc" else (blend(theme.hills[1], theme.sky[0], 0.25), theme.sky[0])
    )
    image.paste(vertical(image.size, (blend(top, theme.sky[0], 0.15), bottom)), (0, 0), mask)
    if kind == "arch":
        inner = tuple(v + unit * 0.03 * sign for v, sign in zip(shape, (1, 1, -1, -1), strict=True))
        inset = _mask(image.size, lambda pen, scale: _arch(pen, scale, inner, height))
        image.paste(vertical(image.size, (theme.sky[0], theme.sky[-1], theme.light)), (0, 0), inset)


def _arch(pen: Any, scale: int, box: tuple[float, ...], floor: int | None) -> None:
    x0, y0, x1, y1 = (v * scale for v in box)
    pen.ellipse((x0, y0, x1, y1), fill=255)
    if floor is not None:
        pen.rectangle((x0, (y0 + y1) / 2, x1, floor * scale), fill=255)


def _mask(size: tuple[int, int], drawing: Any) -> Image.Image:
    scale = 2
    mask = Image.new("L", (size[0] * scale, size[1] * scale), 0)
    drawing(ImageDraw.Draw(mask), scale)
    return mask.reduce(scale)


def _disc(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, alpha: int) -> None:
    side = int(2 * radius) + 2
    mask = Image.new("L", (side * 2, side * 2), 0)
    ImageDraw.Draw(mask).ellipse((2, 2, side * 2 - 3, side * 2 - 3), fill=alpha)
    image.paste(colour, (int(centre[0] - radius), int(centre[1] - radius)), mask.reduce(2))


def _lift(image: Image.Image, mask: Image.Image, unit: int, strength: float) -> None:
    """The shadow of a paper shape, blurred at a quarter of the size."""
    small = mask.reduce(4).filter(ImageFilter.GaussianBlur(max(1, unit // 110)))
    shade = small.point([int(v * strength) for v in range(256)]).resize(mask.size, Image.Resampling.BILINEAR)
    image.paste((30, 18, 34), (0, max(2, unit // 90)), shade)


def _shafts(image: Image.Image, theme: Theme, chance: Chance) -> None:
    """Window light falling across a wall."""
    width, height = image.size
    small = Image.new("L", (width // 2, height // 2), 0)
    pen = ImageDraw.Draw(small)
    slope, left = chance.between(0.35, 0.6) * height / 2, chance.between(0.02, 0.2) * width / 2
    for index in range(4):
        x = left + index * width * 0.11
        pen.polygon(
            [(x, 0), (x + width * 0.085, 0), (x + width * 0.085 + slope, height / 2), (x + slope, height / 2)], fill=105
        )
    small = small.filter(ImageFilter.GaussianBlur(max(1, min(width, height) // 220)))
    image.paste(theme.light, (0, 0), small.resize(image.size, Image.Resampling.BILINEAR))


def vertical(size: tuple[int, int], colours: tuple[Colour, ...]) -> Image.Image:
    """Colours from top to bottom."""
    column = Image.new("RGB", (1, len(colours)))
    for row, colour in enumerate(colours):
        column.putpixel((0, row), colour)
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size, Image.Resampling.NEAREST)


def hills(image: Image.Image, theme: Theme, chance: Chance) -> None:
    """Paper-cut layers, each with a lit edge and a shadow on the one behind."""
    width, height = image.size
    count = chance.whole(3, 4)
    fall = max(1, height // 16)
    for index in range(count):
        base = height * (0.66 + 0.26 * index / (count - 1) + chance.between(-0.03, 0.03))
        line = ridge(chance, width, base, height * 0.055)
        colour = along(theme.hills, index / max(1, count - 1) * 0.9)
        # Only the rows that a layer touches: its shadow begins `fall` pixels above its highest point.
        top = min(height - 1, max(0, int(line.min()) // 256 - fall - 1))
        _layer(image, top, line, fall, (colour, theme.light))


def _layer(image: Image.Image, top: int, line: NDArray[np.int32], fall: int, colours: tuple[Colour, Colour]) -> None:
    """One paper layer below `line` (256ths of a pixel from the picture's top): shadow behind, fill, lit edge."""
    width, height = image.size
    size = (width, height - top)
    above = line[None, :] - (np.arange(top, height, dtype=np.int32) * 256)[:, None]
    # The shadow is strongest at the edge and drawn at a quarter of the size.
    near = np.clip(fall * 256 - above[::4, ::4], 0, fall * 256) // fall
    shadow = Image.fromarray((near * near // 256 * 62 // 256).astype(np.uint8))
    image.paste((34, 20, 40), (0, top), shadow.resize(size, Image.Resampling.BILINEAR))
    colour, light = colours
    fill = vertical((1, height), (colour, shift(colour, 20), shift(colour, -26))).crop((0, top, 1, height))
    mask = Image.fromarray(np.clip(-above, 0, 255).astype(np.uint8))
    image.paste(fill.resize(size, Image.Resampling.NEAREST), (0, top), mask)
    lowest = min(size[1], int(line.max()) // 256 - top + 8)
    if lowest > 0:
        edge = np.clip(256 * max(2, height // 320) - np.abs(above[:lowest]), 0, 255) * 90 // 255
        image.paste(light, (0, top), Image.fromarray(edge.astype(np.uint8)))


def plinth(image: Image.Image, theme: Theme, middle: float) -> None:
    """A low round stand for the product, its top at four fifths of the height."""
    width, height = image.size
    unit = min(width, height)
    cx, top, half, flat = width * middle, height * 0.80, unit * 0.27, unit * 0.055
    side = blend(theme.hills[0], theme.light, 0.45)
    body = _mask(image.size, lambda pen, scale: _drum(pen, scale, (cx, top, half, flat), height))
    _lift(image, body, unit, 0.5)
    shades = np.empty((1, 7, 3), dtype=np.uint8)
    for index, change in enumerate((-52, -18, 10, 22, 8, -24, -60)):
        shades[0, index] = shift(side, change)
    drum = Image.fromarray(shades).resize((int(2 * half) + 2, 1), Image.Resampling.BICUBIC)
    wide = Image.new("RGB", image.size, shift(side, -40))
    wide.paste(drum.resize((drum.width, height), Image.Resampling.NEAREST), (int(cx - half), 0))
    image.paste(wide, (0, 0), body)
    face = _mask(
        image.size,
        lambda pen, s: pen.ellipse(((cx - half) * s, (top - flat) * s, (cx + half) * s, (top + flat) * s), fill=255),
    )
    image.paste(vertical(image.size, (shift(side, 34), shift(side, 34), theme.light)), (0, 0), face)


def _drum(pen: Any, scale: int, shape: tuple[float, float, float, float], floor: int) -> None:
    cx, top, half, flat = (v * scale for v in shape)
    pen.ellipse((cx - half, top - flat, cx + half, top + flat), fill=255)
    pen.rectangle((cx - half, top, cx + half, floor * scale), fill=255)

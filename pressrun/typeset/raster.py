"""Glyphs to pixels: FreeType draws each glyph without hinting, Pillow composes; the same pixels every time."""

from __future__ import annotations

import ctypes
import functools
import threading

import freetype
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pressrun.typeset.fonts import load
from pressrun.typeset.layout import Layout, Line

Colour = tuple[int, int, int]
Mask = NDArray[np.uint8]
_FLAGS = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP | freetype.FT_LOAD_DEFAULT
# FreeType faces carry their size as state: one glyph at a time.
_LOCK = threading.Lock()


def text_mask(layout: Layout, width: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """The text as an "L" image, and where its top left corner lies relative to the text's box.

    `width` is the width in pixels to align in; the text's own width by default. The image has room on all sides for
    what hangs over (accents, tails, italics).
    """
    margin = layout.size
    span = max(width if width is not None else layout.width, layout.width)
    canvas = np.zeros((layout.height + 2 * margin, span + 2 * margin), dtype=np.uint8)
    baseline = margin + layout.ascent
    for line in layout.lines:
        _set_line(canvas, line, layout.size, margin + _start_of(layout, line, span), baseline)
        baseline += layout.line_height
    return Image.fromarray(canvas), (-margin, -margin)


def draw(
    layout: Layout,
    image: Image.Image,
    xy: tuple[int, int],
    *,
    width: int | None = None,
    fill: Colour = (255, 255, 255),
    opacity: float = 1.0,
    outline: tuple[int, Colour] | None = None,
    shadow: tuple[int, Colour, float] | None = None,
) -> None:
    """Set a layout into an RGB(A) image with the text box's top left corner at `xy`, aligned in `width` pixels.

    `outline` is (pixels, colour); `shadow` is (blur radius in pixels, colour, strength 0 to 1). Order: shadow, outline,
    text.
    """
    mask, (left, top) = text_mask(layout, width)
    at = (xy[0] + left, xy[1] + top)
    if shadow is not None:
        radius, colour, strength = shadow
        soft = mask.filter(ImageFilter.GaussianBlur(radius))
        _paste(image, colour, soft.point([min(255, int(v * strength * 2)) for v in range(256)]), at, radius // 3)
    if outline is not None:
        _paste(image, outline[1], Image.fromarray(_grown(np.asarray(mask), outline[0])), at, 0)
    if opacity < 1.0:
        mask = mask.point([int(v * opacity) for v in range(256)])
    _paste(image, fill, mask, at, 0)


def _start_of(layout: Layout, line: Line, span: int) -> int:
    free = span - int(line.width * layout.size)
    align = layout.align
    if align in {"start", "end"}:
        align = "left" if (align == "start") == (layout.direction == "ltr") else "right"
    return {"left": 0, "center": free // 2, "right": free}[align]


def _set_line(canvas: Mask, line: Line, size: int, x: int, baseline: int) -> None:
    pen = x * 64
    for run in line.runs:
        units = run.font.units_per_em
        for glyph in run.glyphs:
            left = pen + glyph.x_offset * size * 64 // units
            raised = glyph.y_offset * size * 64 // units
            # A quarter of a pixel is as fine as an eye can tell, and keeps the cache of drawn glyphs small.
            phase = (left % 64) // 16
            bitmap, dx, dy = _glyph(run.font.family, run.font.weight, glyph.gid, size, phase)
            _stamp(canvas, bitmap, left // 64 + dx, baseline - dy - (raised + 32) // 64)
            pen += glyph.advance * size * 64 // units


@functools.lru_cache(maxsize=4096)
def _glyph(family: str, weight: int, gid: int, size: int, phase: int) -> tuple[Mask, int, int]:
    """Coverage of one glyph, and its left and top bearing in pixels."""
    with _LOCK:
        face = load(family, weight).face
        face.set_pixel_sizes(0, size)
        face.load_glyph(gid, _FLAGS)
        outline = face.glyph.outline
        freetype.FT_Outline_Translate(ctypes.byref(outline._FT_Outline), phase * 16, 0)
        face.glyph.render(freetype.FT_RENDER_MODE_NORMAL)
        bitmap = face.glyph.bitmap
        rows, columns = bitmap.rows, bitmap.width
        if rows == 0 or columns == 0:
            return np.zeros((0, 0), dtype=np.uint8), 0, 0
        pixels = np.array(bitmap.buffer, dtype=np.uint8).reshape(rows, bitmap.pitch)[:, :columns].copy()
        return pixels, int(face.glyph.bitmap_left), int(face.glyph.bitmap_top)


def _stamp(canvas: Mask, glyph: Mask, x: int, y: int) -> None:
    rows, columns = glyph.shape
    top, left = max(0, y), max(0, x)
    bottom, right = min(canvas.shape[0], y + rows), min(canvas.shape[1], x + columns)
    if top >= bottom or left >= right:
        return
    part = canvas[top:bottom, left:right]
    np.maximum(part, glyph[top - y : bottom - y, left - x : right - x], out=part)


def _grown(mask: Mask, pixels: int) -> Mask:
    """The mask thickened by a disc: the largest value among all shifts within `pixels`."""
    out = mask.copy()
    height, width = mask.shape
    for dy in range(-pixels, pixels + 1):
        reach = int((pixels * pixels - dy * dy) ** 0.5)
        for dx in {-reach, 0, reach}:
            source = mask[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            target = out[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
            np.maximum(target, source, out=target)
    return out


def _paste(image: Image.Image, colour: Colour, mask: Image.Image, at: tuple[int, int], drop: int) -> None:
    fill = colour if image.mode == "RGB" else (*colour, 255)
    image.paste(fill, (at[0], at[1] + drop), mask)

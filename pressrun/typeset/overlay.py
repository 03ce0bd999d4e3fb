"""Overlays to pixels: texts with straight alpha on a transparent ground, and what did not go well."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from pressrun.core.brand import Brand
from pressrun.core.overlay import Block, Box, Overlay, OverlayFault, Panel
from pressrun.typeset.layout import Layout, layout
from pressrun.typeset.raster import text_mask


def set_overlay(overlay: Overlay, brand: Brand, locale: str) -> tuple[bytes, tuple[OverlayFault, ...]]:
    """The overlay as an RGBA PNG, and its faults: letters without a glyph, text that does not fit its box.

    Outside the boxes alpha is 0 everywhere. Colour is not multiplied by alpha, as ComfyUI's compositing wants it.
    InputError for a colour or font role that the brand does not have.
    """
    canvas = Image.new("RGBA", (overlay.width, overlay.height), (0, 0, 0, 0))
    faults: list[OverlayFault] = []
    for ground in overlay.grounds:
        _panel(canvas, ground, ground.box, brand)
    for number, block in enumerate(overlay.blocks):
        if block.panel is not None:
            _panel(canvas, block.panel, block.box, brand)
        if block.text.strip():
            faults += _text(canvas, block, number, brand, locale)
    stream = io.BytesIO()
    # A veil takes level 9 seven times as long, for a file 4 % smaller.
    canvas.save(stream, "PNG", compress_level=6)
    return stream.getvalue(), tuple(faults)


def _panel(canvas: Image.Image, panel: Panel, box: Box, brand: Brand) -> None:
    left, top, width, height = box
    ground = Image.new("RGBA", (width, height), (*brand.colour(panel.colour), 0))
    ground.putalpha(_levels(panel, height).resize((width, height)))
    canvas.alpha_composite(ground, (left, top))


def _levels(panel: Panel, height: int) -> Image.Image:
    """The panel's alpha from top to bottom, one pixel wide. Smooth at both ends (3t² - 2t³): no edge shows."""
    share = [(row + 0.5) / height for row in range(height)]
    if panel.fade == "none":
        share = [1.0] * height
    elif panel.fade == "bottom":
        share.reverse()
    column = Image.new("L", (1, height))
    column.putdata([round(255 * panel.opacity * t * t * (3 - 2 * t)) for t in share])
    return column


def _text(canvas: Image.Image, block: Block, number: int, brand: Brand, locale: str) -> Iterator[OverlayFault]:
    left, top, width, height = block.box
    role = brand.font(block.font)
    # Tails and matras reach a little beyond the widths that layout counts with.
    pad = max(1, block.size // 12)
    across, down = max(1, width - 2 * pad), max(1, height - 2 * pad)
    placed = layout(
        block.text, locale=locale, box=(across, down), size=block.size, smallest=block.least,
        weight=role.weight, family=role.family, align=block.align, balance=True,
    )  # fmt: skip
    if placed.missing:
        yield OverlayFault(
            "glyph-missing", number, f"no font here has {', '.join(map(_named, placed.missing))}",
            "write it without that character, or add a pinned font that has it",
        )  # fmt: skip
    mask, (dx, dy) = text_mask(placed, across)
    free = down - placed.height
    above = pad + {"top": 0, "middle": free // 2, "bottom": free}[block.vertical]
    box = (-dx - pad, -dy - above, -dx - pad + width, -dy - above + height)
    inside = mask.crop(box)
    if placed.overflow or _ink(mask) != _ink(inside):
        yield _overflow(block, number, placed)
    # One flat colour under the whole mask: a colour that fades with alpha would leave dark edges around every letter.
    letters = Image.new("RGBA", (width, height), (*brand.colour(block.colour), 0))
    letters.putalpha(inside)
    canvas.alpha_composite(letters, (left, top))


def _ink(mask: Image.Image) -> int:
    """How many pixels the mask covers at all."""
    return mask.width * mask.height - mask.histogram()[0]


def _overflow(block: Block, number: int, placed: Layout) -> OverlayFault:
    shown = block.text if len(block.text) <= 40 else block.text[:39] + "…"
    return OverlayFault(
        "text-overflow", number,
        f"{shown!r} does not fit {block.box[2]}×{block.box[3]} pixels at size {placed.size}: "
        f"it takes {placed.width}×{placed.height}",
        "shorten the text, enlarge the box, or lower `smallest`",
    )  # fmt: skip


def _named(character: str) -> str:
    return f"{character!r} (U+{ord(character):04X})"

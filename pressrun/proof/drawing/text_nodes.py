"""Text: overlays, properly typeset in every script, and the primitives that carry words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from pressrun.core.proof_marks import strip_height
from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.pixels import to_image, to_pixels
from pressrun.proof.drawing.registry import node
from pressrun.proof.drawing.values import Pixels
from pressrun.typeset import draw, layout
from pressrun.typeset.scripts import guess_locale, script_of_locale

Inputs = Mapping[str, Any]
# Fonts with tall marks ask for tall lines; a headline of two lines wants them closer.
_LEADING = {"Arab": 0.74, "Deva": 0.96, "Thai": 0.82}


@node("TextOverlay")
def text_overlay(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """The text at the top or bottom, `font_size` per cent of the height, wrapped and shrunk to stay in the picture."""
    if not inputs["text"].strip():
        return (inputs["images"],)
    return (tuple(overlaid(picture, inputs) for picture in inputs["images"]),)


def overlaid(pixels: Pixels, inputs: Inputs) -> Pixels:
    """One picture with the text on it. The locale is guessed from the letters: the node has no input for it."""
    image = to_image(pixels)
    width, height = image.size
    text = inputs["text"].strip()
    locale = guess_locale(text)
    size = max(8, round(height * inputs["font_size"] / 100))
    margin = max(4, round(min(width, height) * 0.07))
    span = width - 2 * margin
    # A display serif makes a headline of Latin, Greek and Cyrillic; other scripts keep their own bold face.
    headline = inputs["font_size"] >= 4
    set_text = layout(
        text,
        locale=locale,
        box=(span, max(round(size * 1.5), round(height * 0.17))),
        size=size,
        weight=700,
        align=inputs["align"],
        family="display" if headline else "sans",
        balance=True,
        leading=_LEADING.get(script_of_locale(locale), 0.92) if headline else 1.0,
    )
    top = (
        margin if inputs["position"] == "top" else height - margin // 2 - strip_height(width, height) - set_text.height
    )
    fill = _colour(inputs["color"])
    bright = sum(fill) > 382
    edge = (14, 14, 22) if bright else (255, 255, 255)
    if inputs["outline"]:
        tone = _shade(image, (max(0, top), set_text.height), bright)
        edge = tone if bright else edge
    draw(
        set_text,
        image,
        (margin, max(0, top)),
        width=span,
        fill=fill,
        shadow=(max(2, set_text.size // 9), edge, 0.62 if inputs["outline"] else 0.3),
    )
    return to_pixels(image)


def _shade(image: Image.Image, rows: tuple[int, int], bright: bool) -> tuple[int, int, int]:
    """A soft veil behind the text, as strong as the picture there is close to the text's own lightness.

    `outline` in the node means "readable anywhere"; a hard outline would spoil the thin strokes of a headline. The veil
    is a deep (or pale) tone of the picture's own colour, so that it looks like light, not like a box. Returns the tone.
    """
    top, tall = rows
    width, height = image.size
    behind = image.convert("RGB").crop((0, top, width, min(height, top + tall))).resize((1, 1), Image.Resampling.BOX)
    means = [int(channel) for channel in np.asarray(behind)[0, 0]]
    lightness = (means[0] * 2 + means[1] * 5 + means[2]) // 8
    closeness = max(0, lightness - 60) if bright else max(0, 195 - lightness)
    red, green, blue = (_deep(channel) if bright else 255 - _deep(255 - channel) for channel in means)
    near_top = top + tall // 2 < height // 2
    reach = min(height, (top + 2 * tall + height // 20) if near_top else height - top + tall + height // 20)
    # Smooth at both ends: 3t² - 2t³.
    steps = [t * t * (3 * 32 - 2 * t) for t in range(33)]
    ramp = [min(235, closeness * 300 // 195) * step // (32 * 32 * 32) for step in steps]
    column = Image.fromarray(np.array(ramp[::-1] if near_top else ramp, dtype=np.uint8)[:, None])
    mask = column.resize((1, reach), Image.Resampling.BICUBIC).resize((width, reach), Image.Resampling.NEAREST)
    fill = (red, green, blue) if image.mode == "RGB" else (red, green, blue, 255)
    image.paste(fill, (0, 0 if near_top else height - reach), mask)
    return red // 3, green // 3, blue // 3


def _deep(channel: int) -> int:
    """Darker and more saturated: the sixth power of the channel, times 0.5."""
    square = channel * channel // 255
    return square * square // 255 * square // 255 // 2 + 8


def _colour(text: str) -> tuple[int, int, int]:
    """ "#rrggbb" or "#rgb"; white for anything else, as a broken colour must not cost a proof."""
    digits = text.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    try:
        number = int(digits[:6], 16)
    except ValueError:
        return 255, 255, 255
    return number >> 16 & 255, number >> 8 & 255, number & 255


@node("PrimitiveString", "PrimitiveStringMultiline", "PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean")
def primitive(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (inputs["value"],)


@node("StringConcatenate")
def concatenate(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return (inputs["delimiter"].join((inputs["string_a"], inputs["string_b"])),)


@node("PreviewAny")
def preview_any(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    text = str(inputs["source"])[:1000]
    context.ui = {"text": [text]}
    return (text,)

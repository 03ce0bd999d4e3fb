"""Text: overlays, properly typeset in every script, and the primitives that carry words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.marks import strip_height
from pressrun.proof.drawing.pixels import to_image, to_pixels
from pressrun.proof.drawing.registry import node
from pressrun.proof.drawing.values import Pixels
from pressrun.typeset import draw, layout
from pressrun.typeset.scripts import guess_locale

Inputs = Mapping[str, Any]


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
    size = max(8, round(height * inputs["font_size"] / 100))
    margin = max(4, round(min(width, height) * 0.07))
    span = width - 2 * margin
    # A display serif makes a headline of Latin, Greek and Cyrillic; other scripts keep their own bold face.
    headline = inputs["font_size"] >= 4
    set_text = layout(
        text,
        locale=guess_locale(text),
        box=(span, max(size, round(height * 0.42))),
        size=size,
        weight=700,
        align=inputs["align"],
        family="display" if headline else "sans",
        balance=True,
        leading=0.92 if headline else 1.0,
    )
    top = (
        margin if inputs["position"] == "top" else height - margin // 2 - strip_height(width, height) - set_text.height
    )
    fill = _colour(inputs["color"])
    edge = (12, 14, 20) if sum(fill) > 300 else (255, 255, 255)
    draw(
        set_text,
        image,
        (margin, max(0, top)),
        width=span,
        fill=fill,
        shadow=(max(2, set_text.size // 7), edge, 0.62 if inputs["outline"] else 0.3),
    )
    return to_pixels(image)


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

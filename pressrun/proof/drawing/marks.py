"""What makes a proof a proof in its pixels: the corner band, and a caption with the facts of the picture."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw

from pressrun.core.proof_marks import band_side, strip_height
from pressrun.proof.drawing.values import Facts
from pressrun.typeset import draw, layout
from pressrun.typeset.scripts import guess_locale

INK = (18, 16, 24)
PAPER = (255, 252, 246)
RED = (196, 44, 62)


def marked(image: Image.Image, facts: Facts | None) -> Image.Image:
    """A copy with the caption strip at the bottom and the PROOF band over the top right corner."""
    image = image.convert("RGB") if image.mode not in {"RGB", "RGBA"} else image.copy()
    _strip(image, facts or Facts())
    _band(image)
    return image


def _strip(image: Image.Image, facts: Facts) -> None:
    width, height = image.size
    tall = strip_height(width, height)
    top = height - tall
    image.paste(INK if image.mode == "RGB" else (*INK, 255), (0, top), Image.new("L", (width, tall), 176))
    size = max(8, round(tall * 0.5))
    pad = round(tall * 0.45)
    right = " · ".join(_details(image.size, facts))
    details = layout(right, locale="en", box=(max(40, width * 6 // 10), tall), size=size, smallest=6)
    left_room = width - details.width - 4 * pad
    draw(details, image, (width - pad - details.width, top + (tall - details.height) // 2), fill=PAPER, opacity=0.86)
    words = _first_words(facts.prompt, left_room, size)
    if words:
        prompt = layout(words, locale=guess_locale(words), size=size, weight=700)
        draw(prompt, image, (pad, top + (tall - prompt.height) // 2), fill=PAPER)


def _details(size: tuple[int, int], facts: Facts) -> list[str]:
    details = [f"{size[0]}×{size[1]}"]
    if facts.seed is not None:
        details.append(f"seed {facts.seed}")
    if facts.model:
        details.append(facts.model[:28])
    if facts.steps is not None:
        details.append(f"{facts.steps} steps" + (f" · cfg {facts.cfg:g}" if facts.cfg is not None else ""))
    return details


def _first_words(prompt: str, room: int, size: int) -> str:
    """As many of the first words as fit, with an ellipsis when there are more."""
    words = prompt.replace("\n", " ").split()
    if not words:
        return "no prompt" if room > 8 * size else ""
    for count in range(min(len(words), 12), 0, -1):
        text = " ".join(words[:count]).rstrip(",;.") + ("…" if count < len(words) else "")
        if layout(text, locale=guess_locale(text), size=size, weight=700).width <= room:
            return text
    return ""


def _band(image: Image.Image) -> None:
    band, mask = _corner(band_side(*image.size))
    image.paste(band, (image.width - band.width, 0), mask)


@functools.lru_cache(maxsize=16)
def _corner(side: int) -> tuple[Image.Image, Image.Image]:
    """The band as a square picture and its mask: drawn level through the middle of a square, then turned by 45°."""
    long, leg, tall = side * 2, round(side * 0.72), max(10, round(side * 0.2))
    level = Image.new("RGBA", (long, long), (*RED, 0))
    pen = ImageDraw.Draw(level)
    pen.rectangle((0, long // 2 - tall // 2, long, long // 2 + tall // 2), fill=(*RED, 236))
    inset = tall // 2 - max(1, tall // 9)
    for edge in (long // 2 - inset, long // 2 + inset):
        pen.line((0, edge, long, edge), fill=(*PAPER, 255), width=max(1, side // 120))
    text = layout("P R O O F", locale="en", box=(round(leg * 1.05), tall), size=max(6, round(tall * 0.6)), weight=700)
    draw(text, level, ((long - text.width) // 2, (long - text.height) // 2), fill=PAPER)
    turned = level.rotate(-45, Image.Resampling.BICUBIC)
    # The band runs from (side - leg, 0) to (side, leg); its middle is the middle of the turned square.
    left, top = long // 2 - (side - leg // 2), long // 2 - leg // 2
    square = turned.crop((left, top, left + side, top + side))
    return square.convert("RGB"), square.getchannel("A")

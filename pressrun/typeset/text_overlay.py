"""What ComfyUI's TextOverlay node cannot write: it draws with Pillow's own font, which has little beyond ASCII."""

from __future__ import annotations

import functools

from PIL import ImageFont

_SIZE = 40
_NO_CHARACTER = "\uffff"


def missing_in_text_overlay(text: str) -> tuple[str, ...]:
    """The characters that would come out as boxes, each once, in the order of the text."""
    return tuple(character for character in dict.fromkeys(text) if not character.isspace() and _is_box(character))


@functools.cache
def _is_box(character: str) -> bool:
    return _drawn(character) == _drawn(_NO_CHARACTER)


@functools.cache
def _drawn(character: str) -> bytes:
    return bytes(_font().getmask(character))


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=_SIZE)

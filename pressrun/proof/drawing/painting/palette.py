"""Colours and motifs for the words of a prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """A mood: the sky from top to bottom, hills from far to near, an accent, a light, the motif strewn over it."""

    name: str
    sky: tuple[Colour, ...]
    hills: tuple[Colour, ...]
    accent: Colour
    light: Colour
    motif: str
    words: frozenset[str]


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple((int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in text.split())


def _theme(name: str, sky: str, hills: str, pair: str, motif: str, words: str) -> Theme:
    accent, light = _colours(pair)
    return Theme(name, _colours(sky), _colours(hills), accent, light, motif, frozenset(words.split()))


THEMES: tuple[Theme, ...] = (
    _theme(
        "spring",
        "fdf1ee fbdfe4 f6c3d1 e9d7ee",
        "f4b6c8 e694b1 c96f96 8d4a74",
        "f7d774 fff9f2",
        "blossom",
        "spring blossom blossoms cherry sakura tulip tulips pastel bloom blooming petals easter rose roses peony pink",
    ),
    _theme(
        "summer",
        "ffe9b8 ffc98a ff9f7a 7fd3d8",
        "ffb26b ff8563 ef5d60 b8325b",
        "fff07a fffbe0",
        "palm",
        "summer sun sunny beach tropical holiday palm sand sunset vacation",
    ),
    _theme(
        "citrus",
        "fffbd6 fff08a ffd24d c9e265",
        "ffc233 ff9d1e f47a1f 6f9b2f",
        "ff7a1a fffdf0",
        "citrus",
        "citrus lemon lemons orange oranges lime grapefruit yuzu mandarin juice fresh",
    ),
    _theme(
        "autumn",
        "fbe7cf f3c79a e39a5f b8663f",
        "d98545 b85f33 8c3f2a 54261f",
        "f2b33d fff3dc",
        "leaf",
        "autumn fall harvest october november maple pumpkin foliage amber copper rust",
    ),
    _theme(
        "winter",
        "f3f8fd dbe9f6 b9d1ea 9db7dc",
        "cfe0f1 a3bedd 6f93c0 3c5a8c",
        "f4f7ff ffffff",
        "snow",
        "winter snow snowy frost frosty ice icy cold december christmas noel polar crisp",
    ),
    _theme(
        "night",
        "0b1030 1c1f56 40307c 7d4a92",
        "3a2f74 2a2560 1b1a48 0d0e2b",
        "f6d58a fff4d0",
        "star",
        "night midnight moon stars starry dark galaxy evening noir cosmic",
    ),
    _theme(
        "gold",
        "2a1d12 5b3d1c a97a35 e8c27a",
        "c9973f 9a6c2a 654318 33200d",
        "ffe2a0 fff6df",
        "bokeh",
        "gold golden luxury luxurious champagne glitter glamour festive oud elegant anniversary jewel",
    ),
    _theme(
        "sea",
        "e6f7f8 b8e6ea 74c6d4 4a9dc2",
        "6fc6cf 3a9fba 1f7399 0f3f66",
        "fff3d1 ffffff",
        "bubble",
        "sea ocean water wave waves marine aqua coast coastal blue lagoon surf mineral",
    ),
    _theme(
        "forest",
        "eef4e3 cfe0bd 9fc195 6b9a7c",
        "84ad7c 5c8c62 386848 1d3f30",
        "f2d98b fbfbe8",
        "leaf",
        "forest green leaf leaves wood woods moss fern nature botanical garden herbal eucalyptus tea jungle organic",
    ),
    _theme(
        "lavender",
        "f6f0fb e2d3f3 c3a9e2 f3c9d8",
        "b79adb 9474c2 6c4f9e 402d6b",
        "f8d7a8 fdf8ff",
        "sprig",
        "lavender purple violet lilac calm provence dream dreamy silk velvet plum",
    ),
    _theme(
        "party",
        "fff0f5 ffd0de ffb199 ffe08a",
        "ff8fab f76c8b 7b5ea7 35407a",
        "ffd447 ffffff",
        "confetti",
        "party celebration sale confetti birthday festival carnival joy colourful colorful neon pop vivid",
    ),
    _theme(
        "studio",
        "f5f2ee e6dfd6 d3c7ba bda998",
        "d9cbbb bfa893 937863 5a4639",
        "e07a5f fffaf4",
        "bokeh",
        "studio minimal minimalist neutral beige cream clean packshot stone marble linen clay earth",
    ),
)
_WORD = re.compile(r"[^\W\d_]+")


def words_of(prompt: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(prompt)]


def themes_of(prompt: str, fallback: int) -> tuple[Theme, Theme]:
    """The theme whose word comes first gives the colours, the next one the motif. `fallback` chooses when none does."""
    found: list[Theme] = []
    for word in words_of(prompt):
        for theme in THEMES:
            if word in theme.words and theme not in found:
                found.append(theme)
    if not found:
        found = [THEMES[fallback % len(THEMES)]]
    return found[0], found[1 if len(found) > 1 and fallback % 3 == 0 else 0]


def blend(first: Colour, second: Colour, part: float) -> Colour:
    """`part` 0 gives the first colour, 1 the second."""
    share = int(part * 256)
    a, b, c = ((x * (256 - share) + y * share) // 256 for x, y in zip(first, second, strict=True))
    return a, b, c


def along(colours: tuple[Colour, ...], part: float) -> Colour:
    """A colour at `part` (0 to 1) of the way along a row of colours."""
    place = min(0.999999, max(0.0, part)) * (len(colours) - 1)
    index = int(place)
    return blend(colours[index], colours[index + 1], place - index)


def shift(colour: Colour, amount: int) -> Colour:
    """Lighter (positive) or darker, by up to 255."""
    r, g, b = (min(255, max(0, channel + amount)) for channel in colour)
    return r, g, b

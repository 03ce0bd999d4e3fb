"""Runs of one direction, script and font, shaped by HarfBuzz into glyph ids; results in font units, so size-free."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

import uharfbuzz

from pressrun.typeset.fonts import Family, Font, Weight, candidates, load
from pressrun.typeset.scripts import script_of

_HARFBUZZ_SCRIPT = {"Jpan": "Hani", "Zyyy": "Latn"}
# Joiners, variation selectors and marks belong to the character before them and never change the font.
_INVISIBLE = frozenset({0x00AD, 0x034F, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF})


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph: id in its font, index of its first character in the run, advance and offsets in font units."""

    gid: int
    cluster: int
    advance: int
    x_offset: int
    y_offset: int


@dataclass(frozen=True, slots=True)
class GlyphRun:
    """Consecutive characters of one direction, script and font. `glyphs` are in visual order, left to right."""

    text: str
    font: Font
    script: str
    level: int
    glyphs: tuple[Glyph, ...]

    @property
    def rtl(self) -> bool:
        return self.level % 2 == 1

    @property
    def advance(self) -> float:
        """Width in ems."""
        return sum(glyph.advance for glyph in self.glyphs) / self.font.units_per_em

    @property
    def missing(self) -> tuple[str, ...]:
        """The characters that came out as .notdef, in the order they appear."""
        return tuple(dict.fromkeys(self.text[glyph.cluster] for glyph in self.glyphs if glyph.gid == 0))


def scripts_of(text: str, default: str) -> list[str]:
    """A script per character: common characters take the script before them, else the next one, else `default`."""
    scripts = [script_of(character) for character in text]
    last: str | None = None
    for index, script in enumerate(scripts):
        if script == "Zyyy":
            scripts[index] = last or "Zyyy"
        else:
            last = script
    following: str | None = None
    for index in range(len(scripts) - 1, -1, -1):
        if scripts[index] == "Zyyy":
            scripts[index] = following or default
        else:
            following = scripts[index]
    return scripts


def fonts_of(text: str, scripts: list[str], family: Family, weight: Weight) -> list[Font]:
    """A font per character: the script's own where it has the glyph, else the first that does."""
    fonts: list[Font] = []
    for index, character in enumerate(text):
        attached = ord(character) in _INVISIBLE or unicodedata.category(character) in {"Mn", "Me", "Mc"}
        if attached and fonts and (ord(character) in _INVISIBLE or fonts[-1].covers(character)):
            fonts.append(fonts[-1])
            continue
        choices = candidates(scripts[index], family, weight)
        fonts.append(next((font for font in choices if font.covers(character)), choices[0]))
    return fonts


def shape_runs(
    text: str, levels: list[int], *, language: str, default_script: str, family: Family, weight: Weight
) -> tuple[GlyphRun, ...]:
    """Shape a stretch of one line; the runs come back in logical order."""
    scripts = scripts_of(text, default_script)
    fonts = fonts_of(text, scripts, family, weight)
    runs: list[GlyphRun] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index < len(text) and (levels[index], scripts[index], fonts[index].file) == (
            levels[start],
            scripts[start],
            fonts[start].file,
        ):
            continue
        runs.append(_shape(text[start:index], (fonts[start].family, weight), scripts[start], levels[start], language))
        start = index
    return tuple(runs)


@functools.lru_cache(maxsize=4096)
def _shape(text: str, fontname: tuple[str, Weight], script: str, level: int, language: str) -> GlyphRun:
    font = load(*fontname)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if level % 2 else "ltr"
    buffer.script = _HARFBUZZ_SCRIPT.get(script, script)
    buffer.language = language
    uharfbuzz.shape(font.shaper, buffer)
    glyphs = tuple(
        Glyph(info.codepoint, info.cluster, place.x_advance, place.x_offset, place.y_offset)
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    )
    return GlyphRun(text=text, font=font, script=script, level=level, glyphs=glyphs)

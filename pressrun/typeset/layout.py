"""Text in a box: lines, sizes, and what could not be set. Pure: no pixels yet."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

from pressrun.core.errors import InputError
from pressrun.typeset import bidi
from pressrun.typeset.breaking import NOT_AT_END, NOT_AT_START, clusters, segments
from pressrun.typeset.fonts import Family, Weight
from pressrun.typeset.scripts import Direction, direction_of_locale, script_of_locale
from pressrun.typeset.shaping import Glyph, GlyphRun, shape_runs

Align = Literal["start", "left", "center", "right", "end"]
__all__ = ["Align", "Glyph", "GlyphRun", "Layout", "Line", "layout", "measure", "missing_glyphs"]

SMALLEST_SIZE = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its text in reading order, its runs in visual order (left to right), its width in ems."""

    text: str
    runs: tuple[GlyphRun, ...]
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A text set into a box. `size` is pixels per em after fitting; `width` and `height` are the pixels it takes up.

    `overflow` is true when even the smallest size did not fit; `missing` names each character without a glyph, once.
    """

    lines: tuple[Line, ...]
    size: int
    width: int
    height: int
    line_height: int
    ascent: int
    direction: Direction
    align: Align
    overflow: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Style:
    locale: str
    family: Family
    weight: Weight

    def shape(self, text: str, levels: list[int]) -> tuple[GlyphRun, ...]:
        language = self.locale.replace("_", "-").split("-")[0].lower() or "und"
        script = script_of_locale(self.locale)
        return shape_runs(
            text, levels, language=language, default_script=script, family=self.family, weight=self.weight
        )


def layout(
    text: str,
    *,
    locale: str,
    box: tuple[int, int] | None = None,
    size: int = 32,
    weight: Weight = 400,
    align: Align = "start",
    family: Family = "sans",
    smallest: int = SMALLEST_SIZE,
    balance: bool = False,
    leading: float = 1.0,
) -> Layout:
    """Set `text` at `size` pixels per em; wrap it to the box's width and shrink it until it fits the box.

    `box` is (width, height) in pixels, None for one unwrapped line per paragraph. `align` start and end follow the
    locale's direction. `balance` makes the lines about equally long, as a headline wants. `leading` scales the
    fonts' own line height. InputError for a size below 1.
    """
    if size < 1:
        raise InputError(f"a text size must be at least 1 pixel, not {size}", remedy="give a positive size")
    style = _Style(locale, family, weight)
    paragraphs = tuple(bidi.strip_controls(text).replace("\r\n", "\n").replace("\t", " ").split("\n"))
    trial = size
    while True:
        lines = _wrap(paragraphs, style, box[0] / trial if box else None, balance)
        result = _measured(lines, trial, style, align, leading)
        fits = box is None or (result.width <= box[0] and result.height <= box[1])
        if fits or trial <= smallest:
            return result if fits else replace(result, overflow=True)
        trial = max(smallest, min(trial - 1, trial * 15 // 16))


def measure(text: str, *, locale: str, size: int, weight: Weight = 400, family: Family = "sans") -> tuple[int, int]:
    """Width and height in pixels of the text, unwrapped."""
    result = layout(text, locale=locale, size=size, weight=weight, family=family)
    return result.width, result.height


def missing_glyphs(text: str, locale: str) -> tuple[str, ...]:
    """Every character of the text that no pinned font can draw in this locale, once each, in order."""
    return layout(text, locale=locale, size=16).missing


def _measured(lines: tuple[Line, ...], size: int, style: _Style, align: Align, leading: float) -> Layout:
    fonts = {run.font.file: run.font for line in lines for run in line.runs}.values()
    ascent = max((font.ascent / font.units_per_em for font in fonts), default=1.0)
    descent = max((font.descent / font.units_per_em for font in fonts), default=0.3)
    line_height = max(1, round((ascent + descent) * leading * size))
    first = max(1, round((ascent + descent) * size))
    return Layout(
        lines=lines,
        size=size,
        width=max((int(line.width * size) + 1 for line in lines), default=0),
        height=first + line_height * (len(lines) - 1),
        line_height=line_height,
        ascent=round(ascent * size),
        direction=direction_of_locale(style.locale),
        align=align,
        overflow=False,
        missing=tuple(dict.fromkeys(c for line in lines for run in line.runs for c in run.missing)),
    )


def _wrap(paragraphs: tuple[str, ...], style: _Style, width: float | None, balance: bool) -> tuple[Line, ...]:
    lines: list[Line] = []
    for paragraph in paragraphs:
        broken = _break(paragraph, style, width)
        if balance and width is not None and len(broken) > 1:
            broken = _balanced(paragraph, style, width, broken)
        levels = bidi.levels(paragraph, direction_of_locale(style.locale))
        start = 0
        for piece in broken:
            lines.append(_line(piece, levels[start : start + len(piece)], style))
            start += len(piece)
    return tuple(lines)


def _balanced(paragraph: str, style: _Style, width: float, broken: list[str]) -> list[str]:
    """The narrowest width that needs no more lines than `width` does, found by halving."""
    low, high, best = width / len(broken), width, broken
    for _ in range(8):
        middle = (low + high) / 2
        trial = _break(paragraph, style, middle)
        if len(trial) <= len(broken) and all(_width_of(piece.rstrip(), style) <= width for piece in trial):
            best, high = trial, middle
        else:
            low = middle
    return best


def _break(paragraph: str, style: _Style, width: float | None) -> list[str]:
    """Greedy: as many segments on a line as fit. A segment wider than the line is cut between clusters."""
    if width is None:
        return [paragraph]
    lines: list[str] = []
    current, used = "", 0.0
    for segment in _cut_to_width(segments(paragraph), style, width):
        visible = _width_of(segment.rstrip(), style)
        if current and used + visible > width:
            lines.append(current)
            current, used = "", 0.0
        current += segment
        used += _width_of(segment, style)
    return [*lines, current]


def _cut_to_width(pieces: list[str], style: _Style, width: float) -> list[str]:
    out: list[str] = []
    for piece in pieces:
        if _width_of(piece.rstrip(), style) <= width:
            out.append(piece)
            continue
        part: list[str] = []
        for cluster in clusters(piece):
            if part and _width_of("".join([*part, cluster]).rstrip(), style) > width:
                # Even here no line begins with 。 or 」, nor ends with 「: such a sign takes its neighbour along.
                carried: list[str] = []
                while len(part) > 1 and ((carried or [cluster])[0][0] in NOT_AT_START or part[-1][-1] in NOT_AT_END):
                    carried.insert(0, part.pop())
                out.append("".join(part))
                part = carried
            part.append(cluster)
        out.append("".join(part))
    return out


@functools.lru_cache(maxsize=8192)
def _width_of(text: str, style: _Style) -> float:
    levels = bidi.levels(text, direction_of_locale(style.locale))
    return sum(run.advance for run in style.shape(text, levels))


def _line(piece: str, levels: list[int], style: _Style) -> Line:
    # Rule L1 gives white space at the end of a line the base level; a line that is not justified simply leaves it out.
    text = piece.rstrip()
    runs = style.shape(text, levels[: len(text)]) if text else ()
    visual = tuple(runs[index] for index in bidi.visual_order([run.level for run in runs]))
    return Line(text=text, runs=visual, width=sum(run.advance for run in runs))

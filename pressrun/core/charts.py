"""Charts as inline SVG: bars, a timeline and a curve. Numbers in, markup out; nothing is loaded from anywhere."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from html import escape

WIDTH, ROW, LABEL = 640, 22, 130


def bars(rows: Sequence[tuple[str, float, float, str]]) -> str:
    """Horizontal bars of two parts: (label, first part, second part, text behind)."""
    most = max((first + second for _, first, second, _ in rows), default=0) or 1
    room = WIDTH - LABEL - 120
    parts = []
    for at, (label, first, second, text) in enumerate(rows):
        y, one, two = at * ROW, first / most * room, second / most * room
        parts.append(
            f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(_short(label))}</text>'
            f'<rect class="a" x="{LABEL}" y="{y + 4}" width="{one:.1f}" height="14"/>'
            f'<rect class="b" x="{LABEL + one:.1f}" y="{y + 4}" width="{two:.1f}" height="14"/>'
            f'<text class="n" x="{LABEL + one + two + 6:.1f}" y="{y + 15}">{escape(text)}</text>'
        )
    return _svg("".join(parts), max(1, len(rows)) * ROW)


def timeline(rows: Sequence[tuple[str, float, bool]], *, parallel: int) -> str:
    """Jobs over time, `parallel` at once: (label, seconds, whether it runs first and alone)."""
    slots, after, spans = [0.0] * max(1, parallel), 0.0, list[tuple[str, float, float]]()
    for label, seconds, alone in rows:
        start = after if alone else max(after, heapq.heappop(slots))
        spans.append((label, start, start + seconds))
        if alone:
            after = start + seconds
        else:
            heapq.heappush(slots, start + seconds)
    end = max((stop for *_, stop in spans), default=0) or 1
    room = WIDTH - LABEL - 70
    parts = [
        f'<text x="{LABEL - 8}" y="{at * ROW + 15}" text-anchor="end">{escape(_short(label))}</text>'
        f'<rect class="a" x="{LABEL + start / end * room:.1f}" y="{at * ROW + 4}" '
        f'width="{max(1.0, (stop - start) / end * room):.1f}" height="14"/>'
        f'<text class="n" x="{LABEL + stop / end * room + 6:.1f}" y="{at * ROW + 15}">{stop / 60:,.1f} min</text>'
        for at, (label, start, stop) in enumerate(spans)
    ]
    return _svg("".join(parts), max(1, len(spans)) * ROW)


def curve(points: Sequence[tuple[int, float, float | None]], *, chosen: int) -> str:
    """Time (line) and money (numbers below) over instance counts: (instances, seconds, USD)."""
    if not points:
        return ""
    height, most = 190, max(seconds for _, seconds, _ in points) or 1
    step = (WIDTH - 80) / max(1, len(points) - 1)
    spots = [(40 + at * step, 20 + (1 - seconds / most) * 110) for at, (_, seconds, _) in enumerate(points)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    parts = [f'<polyline class="l" points="{line}"/>']
    for (x, y), (instances, seconds, usd) in zip(spots, points, strict=True):
        mark = "a" if instances == chosen else "b"
        money = "" if usd is None else f"${usd:,.2f}"
        parts.append(
            f'<circle class="{mark}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            f'<text class="n" x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{_minutes(seconds)}</text>'
            f'<text x="{x:.1f}" y="158" text-anchor="middle">{instances}</text>'
            f'<text class="n" x="{x:.1f}" y="178" text-anchor="middle">{money}</text>'
        )
    return _svg("".join(parts), height)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.0f}" if seconds >= 600 else f"{seconds / 60:,.1f}"


def _svg(content: str, height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{content}</svg>'


def _short(label: str) -> str:
    return label if len(label) <= 20 else label[:19] + "…"

"""A workflow as an SVG: nodes from left to right; inputs that a parameter drives are marked with its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from pressrun.core.graph import Graph, is_link, links_of, title_of
from pressrun.core.targets import Binding

WIDTH, GAP_X, GAP_Y, LINE, HEAD, MARGIN = 250, 90, 26, 17, 42, 24
_LETTERS = 34


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    height: float
    lines: tuple[tuple[str, str, str], ...]  # (input, value, parameter or "")


def draw_svg(graph: Graph, *, bindings: Mapping[str, tuple[Binding, ...]], outputs: tuple[str, ...], title: str) -> str:
    """The picture. Colours are set for light and dark pages; no script, no font, no link leaves the file."""
    knobs = {(target.node, target.input): name for name, targets in bindings.items() for target in targets}
    boxes = _place(graph, knobs)
    width = max(box.x for box in boxes.values()) + WIDTH + MARGIN
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title, quote=True)}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="h" x="{MARGIN}" y="{MARGIN + 8}">{escape(title)}</text>',
        f'<g transform="translate({MARGIN},{MARGIN + 20})">'
        '<rect class="knob" width="14" height="12" rx="3"/>'
        '<text class="c" x="20" y="10">driven by a parameter</text></g>',
    ]
    for node_id, node in graph.items():
        for name, source in links_of(node):
            parts.append(_edge(boxes[source], boxes[node_id], escape(name, quote=True)))
    parts += [_node(graph, node_id, box, node_id in outputs) for node_id, box in boxes.items()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(graph: Graph, knobs: Mapping[tuple[str, str], str]) -> dict[str, _Box]:
    columns: dict[int, list[str]] = {}
    for node_id, depth in _depths(graph).items():
        columns.setdefault(depth, []).append(node_id)
    boxes: dict[str, _Box] = {}
    for depth in sorted(columns):
        # Beside what feeds them: few crossings without an optimiser.
        order = sorted(columns[depth], key=lambda one: (_middle(graph, one, boxes), list(graph).index(one)))
        y = float(MARGIN + 60)
        for node_id in order:
            lines = _lines(graph[node_id], node_id, knobs)
            height = HEAD + LINE * len(lines) + (8 if lines else 0)
            boxes[node_id] = _Box(MARGIN + depth * (WIDTH + GAP_X), y, height, lines)
            y += height + GAP_Y
    return boxes


def _depths(graph: Graph) -> dict[str, int]:
    """Column of each node: one right of the farthest node that feeds it."""
    depths: dict[str, int] = {}
    stack = list(graph)
    while stack:
        node_id = stack[-1]
        waiting = [source for _, source in links_of(graph[node_id]) if source not in depths]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        depths[node_id] = max((depths[source] + 1 for _, source in links_of(graph[node_id])), default=0)
    feeds: dict[str, list[str]] = {}
    for node_id, node in graph.items():
        for _, source in links_of(node):
            feeds.setdefault(source, []).append(node_id)
    # Every node stands right before its first use: lines stay short, and side branches do not fill the left.
    for node_id in sorted(depths, key=lambda one: -depths[one]):
        if node_id in feeds:
            depths[node_id] = min(depths[user] for user in feeds[node_id]) - 1
    return depths


def _middle(graph: Graph, node_id: str, boxes: Mapping[str, _Box]) -> float:
    above = [boxes[source].y for _, source in links_of(graph[node_id]) if source in boxes]
    return sum(above) / len(above) if above else 0.0


def _lines(
    node: Mapping[str, Any], node_id: str, knobs: Mapping[tuple[str, str], str]
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, " ".join(str(value).split()), knobs.get((node_id, name), ""))
        for name, value in node["inputs"].items()
        if not is_link(value)
    )


def _node(graph: Graph, node_id: str, box: _Box, output: bool) -> str:
    kind = "node out" if output else "node"
    title, class_name = title_of(graph, node_id), graph[node_id]["class_type"]
    parts = [
        f'<g transform="translate({box.x:.0f},{box.y:.0f})">'
        f'<rect class="{kind}" width="{WIDTH}" height="{box.height:.0f}" rx="8"/>'
        f'<text class="t" x="12" y="19">{escape(_cut(title, 30))}</text>'
        f'<text class="c" x="12" y="34">{escape(_cut(class_name, 36))}</text>'
    ]
    for number, (name, value, parameter) in enumerate(box.lines):
        y = HEAD + LINE * number
        if parameter:
            parts.append(f'<rect class="knob" x="6" y="{y}" width="{WIDTH - 12}" height="{LINE - 2}" rx="4"/>')
            text = f"{name} ← {parameter}"
        else:
            text = f"{name}: {value}"
        kind = "k" if parameter else "v"
        parts.append(f'<text class="{kind}" x="12" y="{y + 12}">{escape(_cut(text, _LETTERS))}</text>')
    return "".join([*parts, "</g>"])


def _edge(source: _Box, target: _Box, name: str) -> str:
    x1, y1, x2, y2 = source.x + WIDTH, source.y + 16, target.x, target.y + 16
    bend = max((x2 - x1) / 2, 40)
    path = f"M{x1:.0f},{y1:.0f} C{x1 + bend:.0f},{y1:.0f} {x2 - bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return f'<path class="e" d="{path}"><title>{name}</title></path>'


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1d2733}.h{font-size:16px;font-weight:600}.t{font-weight:600}"
    ".c{font-size:10.5px;fill:#66758a}.v{font-size:11px;fill:#45525f}.k{font-size:11px;font-weight:600;fill:#7a3d00}"
    ".page{fill:#f7f8fa}.node{fill:#fff;stroke:#c3ccd6}.out{stroke:#1f7a4d;stroke-width:2}"
    ".knob{fill:#ffe2bd}.e{fill:none;stroke:#8b9aab;stroke-width:1.5;opacity:.7}"
    "@media(prefers-color-scheme:dark){text{fill:#e7ecf2}.c{fill:#93a1b3}.v{fill:#b9c4d0}.k{fill:#ffc98a}"
    ".page{fill:#14181d}.node{fill:#1e242c;stroke:#3b4653}.out{stroke:#45b880}.knob{fill:#4d3413}.e{stroke:#6b7a8c}}"
)

"""A workflow as an SVG: nodes from left to right, links coloured by what flows in them, knobs marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from pressrun.core.graph import Graph, is_link, links_of, title_of
from pressrun.core.graph_layout import Layout, Link, lay_out
from pressrun.core.targets import Binding

WIDTH, GAP_X, GAP_Y, LANE, LINE, HEAD, MARGIN, TOP = 250, 74, 24, 12, 18, 44, 24, 66
_ROW = 36  # letters that fit into a row
_WIDE = 2000
"""Drawings above this many units are not made to fit a page: nobody could read them."""
TypeOf = Callable[[str, int], str]
"""What a slot of a node class gives ("MODEL"); an empty string where nobody knows."""

# Near the colours of ComfyUI's own editor, so that an artist knows the links again; the second is for dark pages.
_COLOURS = {
    "model": ("#7a5bd0", "#b39ddb"),
    "clip": ("#b98a00", "#ffd54f"),
    "vae": ("#c8423f", "#ff7a70"),
    "conditioning": ("#d07a1f", "#ffb061"),
    "latent": ("#c2417f", "#ff9cf9"),
    "image": ("#2a72c8", "#64b5f6"),
    "mask": ("#3c8a4e", "#81c784"),
    "audio": ("#2a8f8a", "#6fd6d0"),
    "other": ("#7b8794", "#9aa7b5"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a box: a link's port on the left, or a value; `knob` is the parameter that drives it."""

    name: str
    text: str
    knob: str = ""
    port: bool = False


@dataclass(frozen=True, slots=True)
class _Drawing:
    graph: Graph
    rows: Mapping[str, tuple[_Row, ...]]
    slots: Mapping[str, tuple[int, ...]]  # the output slots of each node that something uses
    layout: Layout
    outputs: tuple[str, ...]
    kind: Callable[[str, int], str]

    def x(self, node: str) -> float:
        return MARGIN + self.layout.layer[node] * (WIDTH + GAP_X)

    def y(self, node: str) -> float:
        return TOP + self.layout.y[node]


def draw_svg(
    graph: Graph,
    *,
    bindings: Mapping[str, tuple[Binding, ...]],
    outputs: tuple[str, ...],
    title: str,
    values: Mapping[str, str] | None = None,
    type_of: TypeOf | None = None,
    style: bool = True,
) -> str:
    """The picture. Colours are set for light and dark pages; no script, no font, no link leaves the file.

    `values` are what a run gives each parameter, in words. `type_of` says what flows in a link. Without `style` the
    page that the picture is part of brings SVG_STYLE (a page's content policy may forbid styles within it).
    """
    drawing = _laid_out(graph, bindings, outputs, values or {}, type_of or (lambda _name, _slot: ""))
    width = max((drawing.x(node) for node in graph), default=0) + WIDTH + MARGIN
    height = TOP + drawing.layout.height + MARGIN
    parts = [
        f'<svg class="workflow{" wide" * (width > _WIDE)}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title, quote=True)}">',
        f"<title>{escape(title)}</title>",
        *([f"<style>{SVG_STYLE}</style>"] if style else []),
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="h" x="{MARGIN}" y="{MARGIN + 6}">{escape(title)}</text>',
        _legend(drawing),
        *(_link(drawing, source, target) for target in graph for source in _sources(graph, target)),
        *(_node(drawing, node) for node in graph),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _laid_out(
    graph: Graph,
    bindings: Mapping[str, tuple[Binding, ...]],
    outputs: tuple[str, ...],
    values: Mapping[str, str],
    type_of: TypeOf,
) -> _Drawing:
    knobs = {(target.node, target.input): name for name, targets in bindings.items() for target in targets}
    rows = {node: _rows(graph, node, knobs, values) for node in graph}
    used: dict[str, set[int]] = {node: set() for node in graph}
    links: list[Link] = []
    for target, node in graph.items():
        for _, source in links_of(node):
            links.append((source, target))
        for value in node["inputs"].values():
            if is_link(value):
                used[value[0]].add(int(value[1]))
    slots = {node: tuple(sorted(found)) for node, found in used.items()}

    def tall(node: str) -> float:
        return HEAD + LINE * max(len(rows[node]), len(slots[node])) + 8

    def kind(node: str, slot: int) -> str:
        found = type_of(graph[node]["class_type"], slot).lower()
        return found if found in _COLOURS else "other"

    layout = lay_out(list(graph), links, height_of=tall, gap=GAP_Y, lane=LANE)
    return _Drawing(graph, rows, slots, layout, outputs, kind)


def _rows(
    graph: Graph, node_id: str, knobs: Mapping[tuple[str, str], str], values: Mapping[str, str]
) -> tuple[_Row, ...]:
    linked, plain = [], []
    for name, value in graph[node_id]["inputs"].items():
        knob = knobs.get((node_id, name), "")
        if is_link(value):
            linked.append(_Row(name, name, port=True))
        elif knob:
            told = values.get(knob, "")
            plain.append(_Row(name, f"{name} ← {knob}" + (f": {told}" if told else ""), knob))
        else:
            plain.append(_Row(name, f"{name}: {' '.join(str(value).split())}"))
    return (*linked, *plain)


def _sources(graph: Graph, target: str) -> list[tuple[str, int, int]]:
    """(node, slot, row) of each link into a node; links are its first rows."""
    found = [value for value in graph[target]["inputs"].values() if is_link(value)]
    return [(value[0], int(value[1]), row) for row, value in enumerate(found)]


def _port(row: int) -> float:
    return HEAD + LINE * row + LINE / 2 - 1


def _link(drawing: _Drawing, source: tuple[str, int, int], target: str) -> str:
    node, slot, row = source
    x, y = drawing.x(node) + float(WIDTH), drawing.y(node) + _port(drawing.slots[node].index(slot))
    path = [f"M{x:.0f},{y:.0f}"]
    stops: list[tuple[float, float, float]] = []  # where it comes in, at which height, where it goes on
    for number, lane in enumerate(drawing.layout.lanes[node, target], drawing.layout.layer[node] + 1):
        left = float(MARGIN + number * (WIDTH + GAP_X))
        stops.append((left, TOP + lane, left + WIDTH))
    stops.append((drawing.x(target), drawing.y(target) + _port(row), 0.0))
    for left, high, right in stops:
        bend = (left - x) / 2
        path.append(f"C{x + bend:.0f},{y:.0f} {left - bend:.0f},{high:.0f} {left:.0f},{high:.0f}")
        if right:
            path.append(f"H{right:.0f}")
        x, y = right, high
    return f'<path class="e {drawing.kind(node, slot)}" d="{" ".join(path)}"/>'


def _node(drawing: _Drawing, node: str) -> str:
    graph, rows, slots = drawing.graph, drawing.rows[node], drawing.slots[node]
    tall = HEAD + LINE * max(len(rows), len(slots)) + 8
    kind = "node out" if node in drawing.outputs else "node"
    parts = [
        f'<g transform="translate({drawing.x(node):.0f},{drawing.y(node):.0f})">'
        f'<rect class="{kind}" width="{WIDTH}" height="{tall:.0f}" rx="8"/>'
        f'<text class="t" x="12" y="20">{escape(_cut(title_of(graph, node), 31))}</text>'
        f'<text class="c" x="12" y="35">{escape(_cut(graph[node]["class_type"], 38))}</text>'
    ]
    sources = _sources(graph, node)
    for number, row in enumerate(rows):
        y = HEAD + LINE * number
        if row.port:
            source, slot, _ = sources[number]
            parts.append(f'<circle class="p {drawing.kind(source, slot)}" cx="0" cy="{_port(number):.0f}" r="4.5"/>')
        if row.knob:
            parts.append(f'<rect class="knob" x="6" y="{y}" width="{WIDTH - 12}" height="{LINE - 2}" rx="4"/>')
        css = "k" if row.knob else "v"
        more = f"<title>{escape(row.text)}</title>" if len(row.text) > _ROW else ""
        parts.append(f'<text class="{css}" x="12" y="{y + 12}">{escape(_cut(row.text, _ROW))}{more}</text>')
    for number, slot in enumerate(slots):
        parts.append(f'<circle class="p {drawing.kind(node, slot)}" cx="{WIDTH}" cy="{_port(number):.0f}" r="4.5"/>')
    return "".join([*parts, "</g>"])


def _legend(drawing: _Drawing) -> str:
    """What the marks mean: the knob's, and the colour of every kind of link that is there."""
    kinds = sorted({drawing.kind(node, slot) for node, slots in drawing.slots.items() for slot in slots} - {"other"})
    parts = [
        f'<g transform="translate({MARGIN},{MARGIN + 16})"><rect class="knob" width="14" height="12" rx="3"/>'
        '<text class="c" x="20" y="10">driven by a parameter</text>'
        '<rect class="node out" x="152" y="0" width="14" height="12" rx="3"/>'
        '<text class="c" x="172" y="10">saves</text>'
    ]
    x = 222
    for kind in kinds:
        parts.append(
            f'<circle class="p {kind}" cx="{x}" cy="6" r="4.5"/><text class="c" x="{x + 9}" y="10">{kind}</text>'
        )
        x += 32 + 6 * len(kind)
    return "".join([*parts, "</g>"])


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"


def _style(dark: bool) -> str:
    shade = {
        "text": ("#1d2733", "#e7ecf2"), "c": ("#66758a", "#93a1b3"), "v": ("#45525f", "#b9c4d0"),
        "k": ("#7a3d00", "#ffc98a"), "page": ("#f7f8fa", "#1a1d21"), "node": ("#ffffff", "#262b31"),
        "edge": ("#c3ccd6", "#434c57"), "out": ("#1f7a4d", "#45b880"), "knob": ("#ffe2bd", "#4d3413"),
    }  # fmt: skip
    at = {name: pair[dark] for name, pair in shade.items()}
    rules = [
        f".workflow text{{fill:{at['text']}}}.workflow .c{{fill:{at['c']}}}.workflow .v{{fill:{at['v']}}}",
        f".workflow .k{{fill:{at['k']}}}.workflow .page{{fill:{at['page']}}}.workflow .knob{{fill:{at['knob']}}}",
        f".workflow .node{{fill:{at['node']};stroke:{at['edge']}}}.workflow .out{{stroke:{at['out']}}}",
        f".workflow .p{{stroke:{at['node']}}}",
    ]
    rules += [
        f".workflow .e.{kind}{{stroke:{pair[dark]}}}.workflow .p.{kind}{{fill:{pair[dark]}}}"
        for kind, pair in _COLOURS.items()
    ]
    return "".join(rules)


_SHAPE = (
    ".workflow text{font:12px system-ui,sans-serif}.workflow .h{font-size:16px;font-weight:600}"
    ".workflow .t{font-size:12.5px;font-weight:600}.workflow .c{font-size:10.5px}.workflow .v{font-size:11px}"
    ".workflow .k{font-size:11px;font-weight:600}.workflow .out{stroke-width:2}"
    ".workflow .e{fill:none;stroke-width:2;opacity:.75}.workflow .p{stroke-width:1.5}"
)
DARK_STYLE = _SHAPE + _style(dark=True)
"""For pages that are always dark."""
SVG_STYLE = f"{_SHAPE}{_style(dark=False)}@media(prefers-color-scheme:dark){{{_style(dark=True)}}}"
"""For pages that follow the reader's choice."""

"""Drawn workflows: boxes that never overlap, links from left to right, knobs by name, nothing a page could run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core.graph_layout import lay_out
from pressrun.core.graph_svg import DARK_STYLE, SVG_STYLE, draw_svg
from pressrun.core.targets import Binding
from pressrun.steps.drawing import draw_version
from pressrun.steps.library import Library

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.name.removesuffix(".api.json") for path in (ROOT / "include/workflows").glob("*.api.json"))
SVG = "{http://www.w3.org/2000/svg}"
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64}, "_meta": {"title": 'Card <script>"x"</script>'}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "p"}},
}


@pytest.mark.parametrize("name", NAMES)
def test_every_workflow_of_the_library_is_drawn_whole(name: str) -> None:
    library = Library(ROOT / "include")
    version = library.find(name)
    text = draw_version(library, version)
    root = ET.fromstring(text)
    assert text == draw_version(library, version)
    bundle = library.load(name).bundle
    assert bundle is not None
    knobs = {target for targets in bundle.bindings.values() for target in targets}
    assert len(root.findall(f".//{SVG}text[@class='k']")) == len(knobs)
    boxes = [node for node in root.findall(f"./{SVG}g") if node.find(f"{SVG}text[@class='t']") is not None]
    assert len(boxes) == len(bundle.graph)
    assert len(root.findall(f".//{SVG}g/{SVG}rect[@class='node out']")) == len(bundle.outputs) + 1  # and the legend's
    assert {path.get("class") for path in root.findall(f"./{SVG}path")} - {"e other"}, "links have their types' colours"


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]], list[int]]:
    count = draw(st.integers(1, 14))
    nodes = [f"n{number}" for number in range(count)]
    pairs = [(nodes[a], nodes[b]) for a in range(count) for b in range(a + 1, count)]
    links = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    return nodes, links, draw(st.lists(st.integers(20, 200), min_size=count, max_size=count))


@settings(max_examples=150, deadline=None)
@given(acyclic())
def test_no_box_lies_over_another_and_every_link_goes_right(
    case: tuple[list[str], list[tuple[str, str]], list[int]],
) -> None:
    nodes, links, heights = case
    tall = dict(zip(nodes, heights, strict=True))
    layout = lay_out(nodes, links, height_of=tall.__getitem__, gap=10, lane=8)
    assert all(layout.layer[source] < layout.layer[target] for source, target in links)
    for source, target in links:
        assert len(layout.lanes[source, target]) == layout.layer[target] - layout.layer[source] - 1
    for one in nodes:
        assert layout.y[one] >= -1e-6
        assert layout.y[one] + tall[one] <= layout.height + 1e-6
        for other in nodes:
            if one < other and layout.layer[one] == layout.layer[other]:
                first, second = sorted((one, other), key=layout.y.__getitem__)
                assert layout.y[first] + tall[first] + 10 <= layout.y[second] + 1e-6
    for (source, target), lanes in layout.lanes.items():
        for layer, middle in enumerate(lanes, layout.layer[source] + 1):
            for node in nodes:
                if layout.layer[node] == layer:
                    inside = layout.y[node] < middle < layout.y[node] + tall[node]
                    assert not inside, f"the link {source} → {target} runs behind {node}"


def test_texts_stay_texts_and_a_page_may_bring_the_style() -> None:
    made = draw_svg(
        GRAPH, bindings={"w": (Binding(node="1", input="width"),)}, outputs=("2",), title="<b>", style=False,
        values={"w": "64 to <128>"},
    )  # fmt: skip
    assert "<script" not in made
    assert "<style" not in made
    assert "style=" not in made
    assert re.search(r" on\w+=", made) is None
    texts = ["".join(element.itertext()) for element in ET.fromstring(made).iter(f"{SVG}text")]
    assert "width ← w: 64 to <128>" in texts
    assert 'Card <script>"x"</script>' in texts


def test_the_dark_style_is_dark_whatever_the_reader_chose() -> None:
    assert "prefers-color-scheme" in SVG_STYLE
    assert "prefers-color-scheme" not in DARK_STYLE
    assert SVG_STYLE.count(".workflow .page{fill:") == 2

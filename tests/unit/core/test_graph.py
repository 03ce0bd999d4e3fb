from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.errors import InputError
from pressrun.core.graph import ancestors, read_graph, title_of

GOOD: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64}, "_meta": {"title": "Card"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


def read(graph: Any) -> Any:
    return read_graph(json.dumps(graph).encode(), file="g.api.json")


def test_good_graph_is_read_and_titles_fall_back_to_the_class() -> None:
    graph = read(GOOD)
    assert (title_of(graph, "1"), title_of(graph, "3")) == ("Card", "SaveImage")
    assert ancestors(graph, ("3",)) == {"1", "2", "3"}


def test_ui_format_is_told_which_menu_to_use() -> None:
    with pytest.raises(InputError, match=r"UI format.*Export \(API\)"):
        read({"nodes": [], "links": [], "version": 0.4})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe{}", "not UTF-8"),
        (b"{", "not JSON"),
        (b'{"1": {"class_type": "A", "inputs": {}}, "1": {"class_type": "B", "inputs": {}}}', "duplicate key '1'"),
        (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "NaN is not a finite"),
        (b'{"1": {"class_type": "A", "inputs": {"x": 1e999}}}', "not a finite number"),
        (b'{"1": {"class_type": "A"}}', "needs an `inputs` object"),
        (b'{"1": {"inputs": {}}}', "string `class_type`"),
        (b'{"1": {"class_type": "A", "inputs": {"x": ["7", 0]}}}', "links to node '7'"),
        (b'{"prompt": {"1": {}}}', "POST /prompt body"),
        (b"[]", "object of nodes"),
        (b"{}", "object of nodes"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_graphs_are_refused_with_the_rule_they_break(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_graph(data, file="g.api.json")


def test_cycles_are_named() -> None:
    with pytest.raises(InputError, match="cycle through node"):
        read({"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}, "2": {"class_type": "A", "inputs": {"x": ["1", 0]}}})


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    chain = {str(n): {"class_type": "A", "inputs": {"x": [str(n - 1), 0]} if n else {}} for n in range(499)}
    assert len(ancestors(read(chain), ("498",))) == 499


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda c: st.lists(c) | st.dictionaries(st.text(max_size=5), c),
        max_leaves=12,
    )
)
def test_no_json_whatever_crashes_the_reader(value: Any) -> None:
    try:
        graph = read(value)
    except InputError:
        return
    assert all(isinstance(node["inputs"], dict) for node in graph.values())

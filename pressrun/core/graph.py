"""Workflow graphs in ComfyUI's API format: reading, refusing what is not one, walking the links."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

from pressrun.core.errors import InputError

Graph: TypeAlias = dict[str, dict[str, Any]]

MAX_NODES = 500
MAX_BYTES = 2_000_000

_UI_FORMAT = (
    "this is ComfyUI's UI format (it has `nodes` and `links` lists); the press runs the API format",
    "in ComfyUI choose Workflow ▸ Export (API) — with older versions switch on Dev mode, then Save (API Format) — "
    "and commit that file instead",
)


def read_graph(data: bytes, *, file: str) -> Graph:
    """Parse a graph; InputError says which rule of the API format is broken and at which node.

    Refused: UI format, duplicate keys, non-finite numbers, nodes without a string class_type and an inputs object
    (a node without `inputs` kills ComfyUI's worker thread), links to nodes that are not there, cycles.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{len(data)} bytes is too large for a graph (limit {MAX_BYTES})", where=file)
    try:
        raw = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except UnicodeDecodeError as exc:
        raise InputError(f"not UTF-8 (byte {exc.start})", where=file) from exc
    except RecursionError as exc:
        raise InputError("nested too deeply for a graph", where=file) from exc
    except ValueError as exc:
        raise InputError(f"not JSON: {exc}", where=file, remedy="export it again from ComfyUI") from exc
    if isinstance(raw, dict) and isinstance(raw.get("nodes"), list):
        raise InputError(_UI_FORMAT[0], where=file, remedy=_UI_FORMAT[1])
    if isinstance(raw, dict) and isinstance(raw.get("prompt"), dict):
        raise InputError("this is a POST /prompt body", where=file, remedy="keep only what is under `prompt`")
    if not isinstance(raw, dict) or not raw:
        raise InputError("a graph is an object of nodes and must not be empty", where=file, remedy=_UI_FORMAT[1])
    if len(raw) > MAX_NODES:
        raise InputError(f"{len(raw)} nodes (limit {MAX_NODES})", where=file)
    for node_id, node in raw.items():
        _check_node(node_id, node, raw, file)
    _refuse_cycles(raw, file)
    return raw


def title_of(graph: Graph, node_id: str) -> str:
    """The node's title as the artist sees it, or its class where it has none."""
    node = graph[node_id]
    return str(node.get("_meta", {}).get("title") or node["class_type"])


def is_link(value: Any) -> bool:
    """True for `["node id", output index]`."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def links_of(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(input name, source node id) of every link into a node."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value[0]


def ancestors(graph: Graph, outputs: tuple[str, ...]) -> set[str]:
    """Every node that some output depends on, the outputs included."""
    seen: set[str] = set()
    todo = list(outputs)
    while todo:
        node_id = todo.pop()
        if node_id not in seen:
            seen.add(node_id)
            todo += [source for _, source in links_of(graph[node_id])]
    return seen


def _check_node(node_id: str, node: Any, graph: dict[str, Any], file: str) -> None:
    where = f"{file}, node {node_id!r}"
    if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
        raise InputError("a node needs a string `class_type`", where=where, remedy=_UI_FORMAT[1])
    if not isinstance(node.get("inputs"), dict):
        raise InputError(
            "a node needs an `inputs` object", where=where, remedy='write `"inputs": {}` where it has none'
        )
    for name, value in node["inputs"].items():
        if is_link(value) and value[0] not in graph:
            raise InputError(f"input {name!r} links to node {value[0]!r}, which is not in the graph", where=where)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"input {name!r} is not a finite number", where=where)


def _refuse_cycles(graph: Graph, file: str) -> None:
    done: set[str] = set()
    for start in graph:
        path: dict[str, None] = {}
        stack = [(start, iter([source for _, source in links_of(graph[start])]))]
        path[start] = None
        while stack:
            node_id, sources = stack[-1]
            source = next(sources, None)
            if source is None:
                stack.pop()
                path.pop(node_id)
                done.add(node_id)
            elif source in path:
                raise InputError(f"the graph has a cycle through node {source!r}", where=f"{file}, node {node_id!r}")
            elif source not in done:
                path[source] = None
                stack.append((source, iter([link for _, link in links_of(graph[source])])))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")

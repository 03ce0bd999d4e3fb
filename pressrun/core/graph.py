"""Workflow graphs in ComfyUI's API format: reading, refusing what is not one, walking the links."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from pressrun.core.codec import digest_of
from pressrun.core.findings import Finding, FindingsError, Place

Graph: TypeAlias = dict[str, dict[str, Any]]

MAX_NODES = 500
MAX_BYTES = 2_000_000
MAX_DEPTH = 12

Say: TypeAlias = Callable[..., None]

_UI_FORMAT = (
    "this is ComfyUI's UI format (it has `nodes` and `links` lists); the press runs the API format",
    "in ComfyUI choose Workflow ▸ Export (API) — with older versions switch on Dev mode, then Save (API Format) — "
    "and commit that file instead",
)


def read_graph(data: bytes, *, file: str) -> Graph:
    """Parse a graph; FindingsError (an InputError) lists which rules of the API format are broken and at which nodes.

    Refused: UI format, duplicate keys, non-finite numbers, nodes without a string class_type and an inputs object
    (a node without `inputs` kills ComfyUI's worker thread), links to nodes that are not there, cycles.
    """
    graph, findings = scan_graph(data, file=file)
    if graph is None:
        raise FindingsError.of(findings, subject=file)
    return graph


def scan_graph(data: bytes, *, file: str) -> tuple[Graph | None, list[Finding]]:
    """The graph, or None and everything that keeps it from being one."""
    found: list[Finding] = []

    def say(code: str, message: str, remedy: str = "", node: str | None = None, pointer: str | None = None) -> None:
        found.append(
            Finding(
                code=code, message=message, place=Place(file=file, node=node, pointer=pointer), remedy=remedy
            )
        )  # fmt: skip

    raw = _parsed(data, say)
    if found:
        return None, found
    if isinstance(raw, dict) and isinstance(raw.get("nodes"), list):
        say("graph-ui-format", _UI_FORMAT[0], _UI_FORMAT[1])
    elif isinstance(raw, dict) and isinstance(raw.get("prompt"), dict):
        say("graph-format", "this is a POST /prompt body", "keep only what is under `prompt`")
    elif not isinstance(raw, dict) or not raw:
        say("graph-format", "a graph is an object of nodes and must not be empty", _UI_FORMAT[1])
    elif len(raw) > MAX_NODES:
        say("graph-size", f"{len(raw)} nodes (limit {MAX_NODES})")
    else:
        whole = [_check_node(node_id, node, raw, say) for node_id, node in raw.items()]
        if all(whole):
            _refuse_cycles(raw, say)
    if not found:
        try:
            digest_of(raw)
        except TypeError as exc:
            say("graph-format", f"holds what cannot be written again: {exc}", "export it again from ComfyUI")
    return (None if found else raw), found


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads(object_pairs_hook=…): of two equal keys one would silently win. ValueError names the key."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return found


def refuse_constants(name: str) -> Any:
    """For json.loads(parse_constant=…): NaN and Infinity are not JSON."""
    raise ValueError(f"{name} is not a finite number")


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


def _parsed(data: bytes, say: Say) -> Any:
    if len(data) > MAX_BYTES:
        say("graph-size", f"{len(data)} bytes is too large for a graph (limit {MAX_BYTES})")
        return None
    try:
        raw = json.loads(data.decode("utf-8-sig"), object_pairs_hook=refuse_duplicates, parse_constant=refuse_constants)
    except UnicodeDecodeError as exc:
        return say("graph-format", f"not UTF-8 (byte {exc.start})")
    except RecursionError:
        return say("graph-depth", "nested too deeply for a graph")
    except ValueError as exc:
        return say("graph-format", f"not JSON: {exc}", "export it again from ComfyUI")
    if _deeper_than(raw, MAX_DEPTH):
        return say("graph-depth", f"nested too deeply for a graph (limit {MAX_DEPTH})")
    return raw


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _check_node(node_id: str, node: Any, graph: dict[str, Any], say: Say) -> bool:
    """Whether the node is whole enough to be walked; everything wrong with it is said."""
    if not isinstance(node, dict) or not isinstance(node.get("class_type"), str) or not node["class_type"]:
        say("graph-node", f"node {node_id!r} needs a string `class_type`", _UI_FORMAT[1], node_id, f"/{node_id}")
        return False
    if not isinstance(node.get("inputs"), dict):
        say(
            "graph-node", f"node {node_id!r} needs an `inputs` object", 'write `"inputs": {}` where it has none',
            node["class_type"], f"/{node_id}",
        )  # fmt: skip
        return False
    meta = node.get("_meta", {})
    if not isinstance(meta, dict) or not isinstance(meta.get("title", ""), str):
        say(
            "graph-node", f"`_meta` of node {node_id!r} must be an object with a text `title`",
            "export it again from ComfyUI", node["class_type"], f"/{node_id}/_meta",
        )  # fmt: skip
        return False
    whole, title = True, title_of(graph, node_id)
    for name, value in node["inputs"].items():
        pointer = f"/{node_id}/inputs/{name}"
        if is_link(value) and value[0] not in graph:
            whole = False
            message = f"input {name!r} links to node {value[0]!r}, which is not in the graph"
            say("graph-link", message, "connect it again in ComfyUI and export", title, pointer)
        if isinstance(value, float) and not math.isfinite(value):
            say("graph-number", f"input {name!r} is not a finite number", "", title, pointer)
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            say("graph-number", f"input {name!r} does not fit into 64 bits", "", title, pointer)
    return whole


def _refuse_cycles(graph: Graph, say: Say) -> None:
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
                ring = [*list(path)[list(path).index(source) :], source]
                way = " ← ".join(repr(title_of(graph, one)) for one in ring[:8])
                say(
                    "graph-cycle", f"the graph has a cycle through node {source!r}: {way}", "remove one of these links",
                    title_of(graph, node_id), f"/{node_id}",
                )  # fmt: skip
            elif source not in done:
                path[source] = None
                stack.append((source, iter([link for _, link in links_of(graph[source])])))

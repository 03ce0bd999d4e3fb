"""Results of nodes, kept by what they depend on: class, inputs and everything above, never by node id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pressrun.core.codec import sha256_hex
from pressrun.proof.drawing.values import Facts

Graph = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a node gave: a value per output slot, what it shows, and the facts of the picture for the caption."""

    values: tuple[Any, ...]
    ui: dict[str, Any] | None
    facts: Facts | None


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def node_keys(graph: Graph, fingerprint: Callable[[str, Mapping[str, Any]], str]) -> dict[str, str]:
    """Node id -> key. `fingerprint` adds what a node reads besides its inputs (the bytes of a loaded file).

    A node without the member "inputs" raises KeyError even if nothing needs it: that is what ends the recorded
    server's worker thread, and a client must be able to meet it here.
    """
    keys: dict[str, str] = {}
    open_nodes: set[str] = set()

    def key_of(node_id: str) -> str:
        if node_id in keys:
            return keys[node_id]
        if node_id in open_nodes or node_id not in graph:
            return f"nowhere:{node_id}"
        open_nodes.add(node_id)
        node = graph[node_id]
        parts = [node["class_type"], fingerprint(node["class_type"], node["inputs"])]
        for name in sorted(node["inputs"]):
            value = node["inputs"][name]
            parts.append(f"{name}<-{key_of(value[0])}#{value[1]}" if is_link(value) else f"{name}={value!r}")
        open_nodes.discard(node_id)
        keys[node_id] = sha256_hex("\n".join(parts).encode())
        return keys[node_id]

    for node_id in graph:
        key_of(node_id)
    return keys


class ResultCache:
    """The most recent results, as many as fit the byte limit."""

    def __init__(self, limit_bytes: int = 384 * 1024 * 1024) -> None:
        self.limit = limit_bytes
        self._kept: OrderedDict[str, tuple[NodeResult, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> NodeResult | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        self._kept.move_to_end(key)
        return entry[0]

    def put(self, key: str, result: NodeResult) -> None:
        size = 256 + sum(map(_size_of, result.values))
        self._bytes += size - (self._kept.pop(key)[1] if key in self._kept else 0)
        self._kept[key] = (result, size)
        while self._bytes > self.limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


def _size_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, tuple):
        return sum(map(_size_of, value))
    return 64

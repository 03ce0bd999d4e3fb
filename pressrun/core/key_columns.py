"""Render keys in columns: the Merkle hash of core.render_key, each node hashed once for what it really depends on.

A node below which nothing reads the locale is hashed once for all locales; only the nodes between the last parameter
that differs and the output are hashed for each item. The result is that of render_key, bit for bit.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import repeat
from typing import Any

import orjson

from pressrun.core.binding import compile_graph
from pressrun.core.chunk import Chunk, Column, Grain, remembered
from pressrun.core.codec import canonical_json
from pressrun.core.contract_fit import BATCH_PARAMETER, SEED_PARAMETER
from pressrun.core.graph import is_link
from pressrun.core.item import InputAsset
from pressrun.core.plan import WorkflowBundle
from pressrun.core.render_key import IGNORED_INPUTS, input_part, render_key
from pressrun.core.targets import Binding, transformed

# Part of a node's JSON: the same for all, or for each combination of a column.
_Piece = bytes | Column


class _ByTheBookError(Exception):
    """These values bind a link, or a file by chance: too rare for columns, so render_key itself is asked."""


class KeyColumns:
    """The render keys of one workflow's items."""

    def __init__(self, bundle: WorkflowBundle, *, models: Mapping[str, str], engine_class: str) -> None:
        self._bundle, self._models, self._engine_class = bundle, models, engine_class
        self._bound: dict[str, dict[str, tuple[str, Binding]]] = {}
        for parameter, targets in bundle.bindings.items():
            for target in targets:
                self._bound.setdefault(target.node, {})[target.input] = (parameter, target)
        self._literals = frozenset(
            value
            for node in bundle.graph.values()
            for value in node["inputs"].values()
            if isinstance(value, str)
        )  # fmt: skip
        self._memos: dict[str, dict[int, bytes]] = {}

    def column(self, chunk: Chunk, values: Mapping[str, Column]) -> Column:
        """Keys of 40 hex digits. `values` has a column for each parameter, input file, `seed` and `x-batch`.

        None in a column: the graph's own value stays. All values must be what the contract allows.
        """
        names = {asset.name for column in values.values() for asset in column.values if isinstance(asset, InputAsset)}
        try:
            if names & self._literals:
                raise _ByTheBookError
            return _Keys(self, chunk, values, names).column()
        except _ByTheBookError:
            return chunk.own(list(self._by_the_book(values)))

    def _by_the_book(self, values: Mapping[str, Column]) -> Iterator[str]:
        names, columns = list(values), [column.rows() for column in values.values()]
        for row in zip(*columns, strict=True):
            given = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            assets = {name: value for name, value in given.items() if isinstance(value, InputAsset)}
            graph = compile_graph(
                self._bundle,
                params={name: value for name, value in given.items() if name not in assets},
                seed=given[SEED_PARAMETER],
                inputs={name: asset.name for name, asset in assets.items()},
                filename_prefix="",
                batch_size=given.get(BATCH_PARAMETER),
            )
            yield render_key(
                graph, self._bundle.outputs, files={asset.name: asset.sha256 for asset in assets.values()},
                models=self._models, engine_class=self._engine_class,
            )  # fmt: skip


class _Keys:
    """One chunk's keys. `values` are by parameter, `files` the names of all input files of the chunk."""

    def __init__(self, plan: KeyColumns, chunk: Chunk, values: Mapping[str, Column], files: set[str]) -> None:
        self._plan, self._chunk, self._values, self._files = plan, chunk, values, files
        self._graph = plan._bundle.graph
        self._pieces: dict[str, dict[str, Column]] = {}
        self._done: dict[str, Column] = {}

    def column(self) -> Column:
        for node_id in self._order():
            self._done[node_id] = self._node(node_id)
        outputs = [self._done[node_id] for node_id in self._plan._bundle.outputs]
        head = b"[" + canonical_json(self._plan._engine_class) + b',["'
        joined = outputs[0] if len(outputs) == 1 else self._together(outputs)
        made = self._hashed([head, joined, b'"]]'], {})
        return Column(made.axes, made.grain, [key[:40].decode() for key in made.values], made.stable)

    def _together(self, outputs: list[Column]) -> Column:
        axes = frozenset[str]().union(*(column.axes for column in outputs))
        grain = self._chunk.grain(axes)
        joined = [b'","'.join(sorted(keys)) for keys in zip(*(column.at(grain) for column in outputs), strict=True)]
        return Column(axes, grain, joined, all(column.stable for column in outputs))

    def _order(self) -> Iterable[str]:
        """The nodes that the outputs depend on, sources first. What is bound to a value is no link any more."""
        ordered: dict[str, None] = {}
        stack = list(self._plan._bundle.outputs)
        while stack:
            node_id = stack[-1]
            if node_id in ordered:
                stack.pop()
                continue
            waiting = [source for source in self._sources(node_id) if source not in ordered]
            if not waiting:
                ordered[node_id] = None
                stack.pop()
            stack += waiting
        return ordered

    def _sources(self, node_id: str) -> Iterator[str]:
        bound = self._bound(node_id)
        for name, value in self._graph[node_id]["inputs"].items():
            if is_link(value) and name not in IGNORED_INPUTS and (name not in bound or None in bound[name].values):
                yield value[0]

    def _bound(self, node_id: str) -> dict[str, Column]:
        """Input → JSON of the value that a parameter gives it, None where it gives none."""
        found = self._pieces.get(node_id)
        if found is None:
            found = self._pieces[node_id] = {
                name: self._bound_piece(name, target, self._values[parameter])
                for name, (parameter, target) in self._plan._bound.get(node_id, {}).items()
                if parameter in self._values and name not in IGNORED_INPUTS
            }
        return found

    def _bound_piece(self, name: str, target: Binding, column: Column) -> Column:
        return Column(
            column.axes, column.grain, [self._json_of(name, target, value) for value in column.values], column.stable
        )

    def _json_of(self, name: str, target: Binding, value: Any) -> bytes | None:
        if value is None:
            return None
        files: dict[str, str] = {}
        if isinstance(value, InputAsset):
            files, value = {value.name: value.sha256}, value.name
        if target.transform != "identity":
            value = transformed(value, target.transform)
        if is_link(value) or (isinstance(value, str) and value in self._files and value not in files):
            raise _ByTheBookError
        return canonical_json(input_part(name, value, files, self._plan._models))

    def _node(self, node_id: str) -> Column:
        node, bound = self._graph[node_id], self._bound(node_id)
        pieces: list[_Piece] = [b"[" + orjson.dumps(node["class_type"]) + b",{"]
        first = True
        for name in sorted({*node["inputs"], *bound} - IGNORED_INPUTS):
            head = (b"" if first else b",") + orjson.dumps(name) + b":"
            if name not in bound:
                pieces += [head, *self._own(name, node["inputs"][name])]
            elif None not in bound[name].values:
                pieces += [head, bound[name]]
            elif name in node["inputs"]:
                pieces += [head, self._either(bound[name], list(self._own(name, node["inputs"][name])))]
            else:  # the input is there for some items only
                raise _ByTheBookError
            first = False
        return self._hashed([*pieces, b"}]"], self._plan._memos.setdefault(node_id, {}))

    def _own(self, name: str, value: Any) -> Iterator[_Piece]:
        """What the graph itself has at an input."""
        if is_link(value):
            yield from (b'{"from":"', self._done[value[0]], b'","slot":' + orjson.dumps(value[1]) + b"}")
        else:
            yield canonical_json(input_part(name, value, {}, self._plan._models))

    def _either(self, bound: Column, own: list[_Piece]) -> Column:
        """The parameter's value where it has one, else the graph's own."""
        columns = [bound, *(piece for piece in own if isinstance(piece, Column))]
        axes = frozenset[str]().union(*(column.axes for column in columns))
        grain = self._chunk.grain(axes)
        theirs = [b"".join(parts) for parts in zip(*_spread(own, grain), strict=True)]
        values = [value if value is not None else other for value, other in zip(bound.at(grain), theirs, strict=True)]
        return Column(axes, grain, values, all(column.stable for column in columns))

    def _hashed(self, pieces: list[_Piece], memo: dict[int, bytes]) -> Column:
        """SHA-256 in hex of the joined pieces, for each combination of what they depend on."""
        columns = [piece for piece in pieces if isinstance(piece, Column)]
        axes = frozenset[str]().union(*(column.axes for column in columns))
        grain = self._chunk.grain(axes)
        stable = all(column.stable for column in columns)
        parts = zip(*_spread(_merged(pieces), grain), strict=True)
        join = b"".join
        if grain.names is None or not stable:
            return Column(axes, grain, [hexlify(sha256(join(one)).digest()) for one in parts], stable)
        made = remembered(memo, grain.names, parts, lambda one: hexlify(sha256(join(one)).digest()))
        return Column(axes, grain, made, stable)


def _spread(pieces: Iterable[_Piece], grain: Grain) -> list[Iterable[bytes]]:
    """Each piece as one value for each combination of the grain."""
    return [
        piece.at(grain) if isinstance(piece, Column) else repeat(piece, len(grain)) for piece in pieces
    ]  # fmt: skip


def _merged(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """The same with constant neighbours joined."""
    waiting = b""
    for piece in pieces:
        if isinstance(piece, Column):
            if waiting:
                yield waiting
            waiting = b""
            yield piece
        else:
            waiting += piece
    if waiting:
        yield waiting

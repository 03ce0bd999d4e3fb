"""Combinations: which values of the axes meet, in which order.

    expression = group { "*" group }
    group      = AXIS | "(" expression { "," expression } ")"

`a * b` is the product: every value of `a` with every value of `b`, the left side varying slowest. `(a, b)` is the zip:
first with first, second with second; both sides must be equally long. A group may hold products: `(a * b, c)`.

The order is part of the contract, because plans list their items in it:

>>> values = {"product": ["mug", "cap"], "locale": ["de", "ja", "hi"]}
>>> values |= {"mood": ["calm", "bold"], "light": ["dawn", "noon"]}
>>> def show(text):
...     for row in parse_combination(text).expand(values):
...         print(" ".join(row.values()))

1. A product. The last axis varies fastest.

>>> show("product * locale")
mug de
mug ja
mug hi
cap de
cap ja
cap hi

2. A zip. Its axes move together and count as one.

>>> show("(mood, light)")
calm dawn
bold noon

3. A zip inside a product.

>>> show("product * (mood, light)")
mug calm dawn
mug bold noon
cap calm dawn
cap bold noon
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pressrun.core.errors import InputError

_TOKEN = re.compile(r"\s*(?:(?P<axis>[A-Za-z_][A-Za-z0-9_-]*)|(?P<mark>[*(),])|(?P<other>\S))")
_DEPTH_LIMIT = 20
_EXAMPLE = "for example `product * locale * (variant, mood)`"


@dataclass(frozen=True, slots=True)
class _Axis:
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class _Product:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Zip:
    parts: tuple[_Node, ...]
    position: int


_Node = _Axis | _Product | _Zip


@dataclass(frozen=True, slots=True)
class Combination:
    """A parsed expression. `axes` are its axes in written order, each once."""

    text: str
    axes: tuple[str, ...]
    _root: _Node

    @property
    def free_axes(self) -> tuple[str, ...]:
        """The axes that meet every combination of the others: those that are in no zip."""
        return tuple(node.name for node in _free(self._root))

    def check(self, known: Collection[str]) -> None:
        """InputError where the expression names an axis that is not in `known`, or leaves one of them out."""
        for node in _leaves(self._root):
            if node.name not in known:
                near = difflib.get_close_matches(node.name, list(known), n=1)
                hint = f"did you mean {near[0]!r}?" if near else "declare it under `axes`"
                raise self._error(f"unknown axis {node.name!r}; known: {_listed(known)}", node.position, hint)
        unused = [axis for axis in known if axis not in self.axes]
        if unused:
            missing = " * ".join([self.text.strip(), *unused])
            raise InputError(
                f"combine {self.text!r} leaves out {_listed(unused)}",
                remedy=f"write `{missing}`, zip it with another axis, or remove it from `axes`",
            )

    def count(self, sizes: Mapping[str, int]) -> int:
        """How many combinations there are when each axis has so many values; nothing is expanded."""
        return self._count(self._root, sizes)

    def strides(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """How to find a combination by its number n, from 0 in the documented order: axis → stride.

        The value of an axis is number (n // stride) % size of its own values.
        """
        self.count(sizes)
        return dict(self._strides(self._root, 1, sizes))

    def expand(self, values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
        """Every combination, in the documented order, as axis -> value. Distinct where each axis' values are."""
        self.count({axis: len(chosen) for axis, chosen in values.items()})
        return (dict(pairs) for pairs in _expand(self._root, values))

    def _count(self, node: _Node, sizes: Mapping[str, int]) -> int:
        if isinstance(node, _Axis):
            if node.name not in sizes:
                raise self._error(f"unknown axis {node.name!r}; known: {_listed(sizes)}", node.position, "")
            return sizes[node.name]
        lengths = [self._count(part, sizes) for part in node.parts]
        if isinstance(node, _Product):
            return math.prod(lengths)
        if len(set(lengths)) != 1:
            told = ", ".join(f"{_written(part)} has {n}" for part, n in zip(node.parts, lengths, strict=True))
            raise self._error(
                f"a zip needs equally many values: {told}", node.position, "even them out, or use * for the product"
            )
        return lengths[0]

    def _strides(self, node: _Node, stride: int, sizes: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        if isinstance(node, _Axis):
            yield node.name, stride
            return
        for part in reversed(node.parts):
            yield from self._strides(part, stride, sizes)
            # The parts of a zip move together; of a product the last one varies fastest.
            stride *= self._count(part, sizes) if isinstance(node, _Product) else 1

    def _error(self, message: str, position: int, remedy: str) -> InputError:
        return _error_at(self.text, message, position, remedy)


def parse_combination(text: str) -> Combination:
    """Read an expression; InputError names the position (1-based) and what was expected there."""
    parser = _Parser(text)
    root = parser.expression(depth=0)
    parser.finish()
    axes: dict[str, int] = {}
    for leaf in _leaves(root):
        if leaf.name in axes:
            first = axes[leaf.name] + 1
            raise _error_at(text, f"axis {leaf.name!r} is used twice (first at {first})", leaf.position, "name it once")
        axes[leaf.name] = leaf.position
    return Combination(text=text, axes=tuple(axes), _root=root)


class _Parser:
    """Recursive descent over three marks and names."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            (str(match.lastgroup), match.group(str(match.lastgroup)), match.start(str(match.lastgroup)))
            for match in _TOKEN.finditer(text)
        ]
        self._at = 0

    def expression(self, *, depth: int) -> _Node:
        parts = [self._group(depth=depth)]
        while self._peek() == "*":
            self._at += 1
            parts.append(self._group(depth=depth))
        return parts[0] if len(parts) == 1 else _Product(tuple(parts))

    def finish(self) -> None:
        if self._at < len(self._tokens):
            self._fail("`*` or the end")

    def _group(self, *, depth: int) -> _Node:
        if self._at >= len(self._tokens):
            self._fail("an axis or `(`")
        kind, value, position = self._tokens[self._at]
        if kind == "axis":
            self._at += 1
            return _Axis(value, position)
        if value != "(":
            self._fail("an axis or `(`")
        if depth >= _DEPTH_LIMIT:
            raise _error_at(self._text, f"more than {_DEPTH_LIMIT} nested parentheses", position, _EXAMPLE)
        self._at += 1
        parts = [self.expression(depth=depth + 1)]
        while self._peek() == ",":
            self._at += 1
            parts.append(self.expression(depth=depth + 1))
        if self._peek() != ")":
            self._fail("`*`, `,` or `)`")
        self._at += 1
        return parts[0] if len(parts) == 1 else _Zip(tuple(parts), position)

    def _peek(self) -> str | None:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _fail(self, expected: str) -> NoReturn:
        if self._at < len(self._tokens):
            _, value, position = self._tokens[self._at]
            raise _error_at(self._text, f"expected {expected}, found {value!r}", position, _EXAMPLE)
        raise _error_at(self._text, f"expected {expected}, found the end", len(self._text), _EXAMPLE)


def _expand(node: _Node, values: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    if isinstance(node, _Axis):
        for value in values[node.name]:
            yield ((node.name, value),)
    elif isinstance(node, _Zip):
        for together in zip(*(_expand(part, values) for part in node.parts), strict=True):
            yield tuple(itertools.chain.from_iterable(together))
    else:
        yield from _multiply(node.parts, values)


def _multiply(parts: tuple[_Node, ...], values: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    # Not itertools.product, which would hold every part in memory before it yields the first combination.
    if not parts:
        yield ()
        return
    for head in _expand(parts[0], values):
        for tail in _multiply(parts[1:], values):
            yield head + tail


def _leaves(node: _Node) -> Iterator[_Axis]:
    if isinstance(node, _Axis):
        yield node
    else:
        for part in node.parts:
            yield from _leaves(part)


def _free(node: _Node) -> Iterator[_Axis]:
    if isinstance(node, _Axis):
        yield node
    elif isinstance(node, _Product):
        for part in node.parts:
            yield from _free(part)


def _written(node: _Node) -> str:
    if isinstance(node, _Axis):
        return node.name
    mark = " * " if isinstance(node, _Product) else ", "
    inner = mark.join(_written(part) for part in node.parts)
    return f"({inner})" if isinstance(node, _Zip) else inner


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) or "none"


def _error_at(text: str, message: str, position: int, remedy: str) -> InputError:
    return InputError(f"combine {text!r}, position {position + 1}: {message}", remedy=remedy or None)

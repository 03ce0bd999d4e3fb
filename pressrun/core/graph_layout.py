"""Where the nodes of a drawn graph stand: layers from left to right, few crossings, no box over another.

Sugiyama's way in small: a node stands one layer left of its first use; a link over several layers gets a narrow lane in
each of them, so that it never runs behind a box; layers are ordered by where their neighbours are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Link = tuple[str, str]
"""From a node to a node."""
Slot = str | tuple[str, str, int]
"""A node, or the lane of a link in a layer."""
_SWEEPS = 8
_PULLS = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Upper edges by node, lanes' middles by link and layer (from the left, without the ends), layers by node."""

    layer: Mapping[str, int]
    y: Mapping[str, float]
    lanes: Mapping[Link, tuple[float, ...]]
    height: float


def lay_out(
    nodes: Sequence[str], links: Sequence[Link], *, height_of: Callable[[str], float], gap: float, lane: float
) -> Layout:
    """Place the nodes of an acyclic graph; heights, gaps and lanes are in the drawing's units."""
    layer = _layers(nodes, links)
    edges = sorted(set(links))
    columns: list[list[Slot]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        columns[layer[node]].append(node)
    chains: list[list[Slot]] = []
    for source, target in edges:
        chain: list[Slot] = [source]
        for number in range(layer[source] + 1, layer[target]):
            columns[number].append((source, target, number))
            chain.append((source, target, number))
        chains.append([*chain, target])
    near: dict[Slot, list[Slot]] = {slot: [] for column in columns for slot in column}
    for chain in chains:
        for left, right in pairwise(chain):
            near[left].append(right)
            near[right].append(left)
    _order(columns, near)

    def tall(slot: Slot) -> float:
        return height_of(slot) if isinstance(slot, str) else lane

    y = _stack(columns, near, tall, gap)
    return Layout(
        layer=layer,
        y={node: y[node] for node in nodes},
        lanes={(chain[0], chain[-1]): tuple(y[slot] + lane / 2 for slot in chain[1:-1]) for chain in chains},  # type: ignore[misc]
        height=max((y[slot] + tall(slot) for slot in y), default=0.0),
    )


def _layers(nodes: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    feeders: dict[str, list[str]] = {node: [] for node in nodes}
    users: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in links:
        feeders[target].append(source)
        users[source].append(target)
    layer: dict[str, int] = {}
    stack = list(nodes)
    while stack:
        node = stack[-1]
        waiting = [one for one in feeders[node] if one not in layer]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        layer[node] = max((layer[one] + 1 for one in feeders[node]), default=0)
    # Right before its first use: side branches do not fill the left.
    for node in sorted(layer, key=lambda one: -layer[one]):
        if users[node]:
            layer[node] = min(layer[one] for one in users[node]) - 1
    return layer


def _order(columns: list[list[Slot]], near: Mapping[Slot, list[Slot]]) -> None:
    """Sweep to and fro: every slot moves to the mean place of its neighbours in the column that was just ordered."""
    for sweep in range(_SWEEPS):
        rightward = sweep % 2 == 0
        numbers = range(1, len(columns)) if rightward else range(len(columns) - 2, -1, -1)
        for number in numbers:
            fixed = columns[number - 1 if rightward else number + 1]
            place = {slot: index for index, slot in enumerate(fixed)}

            def mean(slot: Slot, place: Mapping[Slot, int] = place, own: Sequence[Slot] = columns[number]) -> float:
                there = [place[other] for other in near[slot] if other in place]
                return sum(there) / len(there) if there else own.index(slot) / max(1, len(own)) * len(place)

            columns[number] = sorted(columns[number], key=mean)


def _stack(
    columns: Sequence[Sequence[Slot]], near: Mapping[Slot, list[Slot]], tall: Callable[[Slot], float], gap: float
) -> dict[Slot, float]:
    """Upper edges: stacked, then pulled towards their neighbours as far as those above and below leave room."""
    y: dict[Slot, float] = {}
    for column in columns:
        at = 0.0
        for slot in column:
            y[slot] = at
            at += tall(slot) + gap
    for _ in range(_PULLS):
        for column in columns:
            wish = {slot: _wish(slot, near, y, tall) for slot in column}
            for index, slot in enumerate(column):
                least = y[column[index - 1]] + tall(column[index - 1]) + gap if index else None
                y[slot] = wish[slot] if least is None else max(least, wish[slot])
            # What pushing down cost the lower ones, all share.
            off = sum(y[slot] - wish[slot] for slot in column) / max(1, len(column))
            for slot in column:
                y[slot] -= off
    top = min(y.values(), default=0.0)
    return {slot: at - top for slot, at in y.items()}


def _wish(slot: Slot, near: Mapping[Slot, list[Slot]], y: Mapping[Slot, float], tall: Callable[[Slot], float]) -> float:
    """The upper edge that puts a slot's middle at the mean middle of its neighbours."""
    middles = [y[other] + tall(other) / 2 for other in near[slot]]
    return sum(middles) / len(middles) - tall(slot) / 2 if middles else y[slot]

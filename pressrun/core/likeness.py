"""Likeness: pictures that should differ and do not. Which pairs may be alike is known from the plan, not guessed.

Compared are candidates of one cell that have different seeds or are of one batch (a reviewer is to choose between
them), and pictures of different products. One product's pictures in several locales, sizes or moods share their ground
on purpose and are never compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pressrun.core.item import Item
from pressrun.core.result import Measurements

_BITS = 64
Alike = Literal["identical", "near-duplicate"]


@dataclass(frozen=True, slots=True)
class Look:
    """A picture as others are compared with it. `pixels` is its digest, `hash` its perceptual hash as a number."""

    item_id: str
    label: str
    cell: str
    product: str
    seed: int
    render_key: str
    pixels: str
    hash: int
    batch: str = ""

    @staticmethod
    def of(item: Item, found: Measurements) -> Look:
        return Look(
            item.item_id, item.label, item.cell_id, item.axes.get("product", ""), item.seed, item.render_key,
            found.pixels, int(found.phash, 16), item.batch.key if item.batch else "",
        )  # fmt: skip

    def must_differ_from(self, other: Look) -> bool:
        if self.render_key == other.render_key:
            return False  # bought once, for both
        if self.cell == other.cell:
            return self.seed != other.seed or bool(self.batch and self.batch == other.batch)
        return self.product != other.product


def alike(looks: Sequence[Look], *, distance: int) -> Iterator[tuple[str, Alike, str]]:
    """(item id, code, reason) of each picture that is like an earlier one it must differ from; the first one stays.

    `distance` is in bits of the perceptual hash.
    """
    same = _firsts(looks, lambda look: look.pixels, lambda one, other: one.pixels == other.pixels, None)
    for look, first in same.items():
        changed = "product" if look.cell != first.cell else "seed" if look.seed != first.seed else "place in the batch"
        why = f"the {changed} changes nothing"
        yield look.item_id, "identical", f"is the very same picture as {first.label}: {why}"
    rest = [look for look in looks if look not in same]
    near = _firsts(
        rest, lambda look: look.hash, lambda one, other: (one.hash ^ other.hash).bit_count() <= distance,
        _neighbours({look.hash for look in rest}, distance),
    )  # fmt: skip
    for look, first in near.items():
        yield look.item_id, "near-duplicate", f"looks like {first.label}"


def _firsts(
    looks: Sequence[Look],
    value_of: Callable[[Look], Hashable],
    like: Callable[[Look, Look], bool],
    neighbours: Mapping[Hashable, set[Hashable]] | None,
) -> dict[Look, Look]:
    """For each look the first earlier one that it is like and must not be like."""
    by_cell: dict[str, list[Look]] = defaultdict(list)
    # Of each value the first look and the first of another product: one of the two is not of the product that asks.
    seen: dict[Hashable, list[Look]] = defaultdict(list)
    order: dict[Look, int] = {}
    found: dict[Look, Look] = {}
    for place, look in enumerate(looks):
        value = value_of(look)
        order[look] = place
        others = [one for near in (neighbours or {}).get(value, {value}) for one in seen.get(near, ())]
        earlier = [one for one in (*by_cell[look.cell], *others) if look.must_differ_from(one) and like(look, one)]
        if earlier:
            found[look] = min(earlier, key=order.__getitem__)
        by_cell[look.cell].append(look)
        known = seen[value]
        if not known or (len(known) == 1 and known[0].product != look.product):
            known.append(look)
    return found


def _neighbours(hashes: Iterable[int], distance: int) -> Mapping[Hashable, set[Hashable]]:
    """Hashes that differ in at most `distance` bits, each with itself.

    Two that do agree in one of distance + 1 parts of them, so only those that share a part are compared.
    """
    parts = distance + 1
    bounds = [round(_BITS * part / parts) for part in range(parts + 1)]
    shared: dict[tuple[int, int], list[int]] = defaultdict(list)
    near: dict[Hashable, set[Hashable]] = {}
    for one in hashes:
        mine: set[Hashable] = {one}
        for part, (low, high) in enumerate(pairwise(bounds)):
            box = shared[part, one >> low & ((1 << high - low) - 1)]
            mine |= {other for other in box if (one ^ other).bit_count() <= distance}
            box.append(one)
        near[one] = mine
        for other in mine - {one}:
            near[other].add(one)
    return near

"""The canary's choice: a stratified handful, so that every kind of picture is seen before many of it are bought."""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.core.item import Item

# Above this many units the handful is chosen from some of each kind; looking at all would take longer than the quote.
LOOKED_AT = 2000
OF_A_KIND = 4

Unit = tuple[Item, ...]
"""What is rendered together: one item, or the items of a batch (core.batch.prompts_of)."""


def handful(units: Sequence[Unit], *, size: int) -> tuple[list[Unit], list[Unit]]:
    """At most `size` items, and the rest in plan order.

    Every workflow × locale × size comes once before any comes twice; then one pair of candidates of a cell with
    different seeds, so that a seed that changes nothing is seen; then what is newest otherwise, other products first of
    all. Where every batch is larger than `size` it is one batch: what is never looked at first is looked at too late.
    """
    seen: set[tuple[str, str]] = set()
    seeds: dict[str, set[int]] = {}
    pool, chosen = _pool(units), list[int]()
    left, paired = size, False

    def pairs(at: int) -> bool:
        item = units[at][0]
        return not paired and item.cell_id in seeds and item.seed not in seeds[item.cell_id]

    def rank(at: int) -> tuple[bool, bool, int]:
        kinds = _kinds(units[at])
        return kinds[0] not in seen, pairs(at), sum(kind not in seen for kind in kinds)

    while left > 0:
        fitting = [at for at in pool if len(units[at]) <= left] or ([] if chosen else _smallest(pool, units))
        if not fitting:
            break
        best = max(fitting, key=rank)
        paired = paired or pairs(best) or len({item.seed for item in units[best]}) > 1
        pool.remove(best)
        chosen.append(best)
        left -= len(units[best])
        seen.update(_kinds(units[best]))
        seeds.setdefault(units[best][0].cell_id, set()).add(units[best][0].seed)
    taken = set(chosen)
    return [units[at] for at in chosen], [unit for at, unit in enumerate(units) if at not in taken]


def _smallest(pool: Sequence[int], units: Sequence[Unit]) -> list[int]:
    least = min((len(units[at]) for at in pool), default=0)
    return [at for at in pool if len(units[at]) == least]


def _kinds(unit: Unit) -> list[tuple[str, str]]:
    """What a unit shows, its workflow × locale × size first."""
    item = unit[0]
    dots = f"{item.params.get('width')}x{item.params.get('height')}"
    stratum = f"{item.workflow} {item.axes.get('locale')} {dots}"
    return [("(stratum)", stratum), *item.axes.items(), ("(workflow)", item.workflow), ("(dots)", dots)]


def _pool(units: Sequence[Unit]) -> list[int]:
    """The places that are looked at: all, or of a long list the first few of each kind but for the product."""
    if len(units) <= LOOKED_AT:
        return list(range(len(units)))
    kinds: dict[tuple[str, ...], list[int]] = {}
    for at, unit in enumerate(units):
        item = unit[0]
        kind = (item.workflow, *(value for axis, value in item.axes.items() if axis != "product"))
        places = kinds.setdefault(kind, [])
        if len(places) < OF_A_KIND:
            places.append(at)
    return sorted(at for places in kinds.values() for at in places)

"""Ids and seeds in columns: those of core.ids and core.seeds, each once for the axes it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import orjson

from pressrun.core.batch import seed_axes
from pressrun.core.campaign import CampaignSpec
from pressrun.core.chunk import Chunk, Column, PerAxes
from pressrun.core.codec import canonical_json
from pressrun.core.seeds import derive_seed


class IdColumn:
    """`ids.item_id` or `ids.cell_id`: the digest of a kind, the campaign and some axes of the item."""

    def __init__(self, kind: str, campaign: str, values: Mapping[str, Sequence[str]], *, digits: int) -> None:
        self._head = canonical_json([kind, campaign])[:-1] + b",{"
        self._values, self._digits = values, digits

    def column(self, chunk: Chunk) -> Column:
        axes = frozenset(self._values)
        grain = chunk.grain(axes)
        parts, lead = [], self._head
        for axis in sorted(axes):
            own = chunk.grain(frozenset({axis}))
            named = lead + orjson.dumps(axis) + b":"
            ids = self._values[axis]
            written = [named + orjson.dumps(ids[number]) for number in chunk.codes[axis][own.first].tolist()]
            parts.append(Column(frozenset({axis}), own, written).at(grain))
            lead = b","
        tail = b"}]" if parts else lead + b"}]"
        digits, join = self._digits, b"".join
        made = zip(*parts, strict=True) if parts else iter([()])
        return Column(axes, grain, [sha256(join(one) + tail).hexdigest()[:digits] for one in made])


class SeedColumn:
    """`seeds.derive_seed`. Items that go another round are few: theirs is derived one by one."""

    def __init__(
        self, spec: CampaignSpec, values: Mapping[str, Sequence[str]], *, drop: str, within: tuple[int, int]
    ) -> None:
        self._spec, self._values, self._drop, self._within = spec, values, drop, within
        self._batched = spec.batch_size > 1 and spec.batch in values
        used = [axis for axis in values if axis in seed_axes(spec, batched=self._batched)]
        self._first_round = PerAxes(used, lambda numbers: self._seed(dict(zip(used, numbers, strict=True)), 0))

    def column(self, chunk: Chunk, rounds: Sequence[int] | None) -> Column:
        """`rounds` of the items; None where all are in round 0."""
        if rounds is None:
            return self._first_round.column(chunk)
        everything = chunk.spots(tuple(self._values), chunk.grain(frozenset(self._values)))
        return chunk.own(
            [
                self._seed(dict(zip(self._values, spot, strict=True)), number)
                for spot, number in zip(everything, rounds, strict=True)
            ]
        )

    def _seed(self, spot: Mapping[str, int], round_number: int) -> int:
        low, high = self._within
        return derive_seed(
            campaign=self._spec.campaign,
            base=self._spec.seed,
            seed_axes=seed_axes(self._spec, batched=self._batched and round_number == 0),
            axes={axis: self._values[axis][number] for axis, number in spot.items()},
            drop=self._drop,
            round_number=round_number,
            minimum=low,
            maximum=high,
        )

"""Some items of a plan in columns: complete, valid and keyed. Item documents are made of them where somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pressrun.core.chunk import Chunk, Column, Numbers
from pressrun.core.item import Batch, Item
from pressrun.core.manifest import ManifestRow


@dataclass(frozen=True)
class PlanChunk:
    """`params` and `inputs` are by contract parameter: values (None: not given) and InputAssets.

    `rounds` is None where all items are in round 0, `batch_keys` where each item is a prompt of its own; its value is
    None for an item that left its batch. `values` are the ids of each axis, in the order of the plan.
    """

    chunk: Chunk
    values: Mapping[str, Sequence[str]]
    manifest_rows: Sequence[ManifestRow]
    workflow: str
    params: Mapping[str, Column]
    inputs: Mapping[str, Column]
    item_ids: Column
    cell_ids: Column
    seeds: Column
    render_keys: Column
    rounds: Sequence[int] | None = None
    batch_keys: Column | None = None
    batch: tuple[str, int] | None = None

    def __len__(self) -> int:
        return len(self.chunk)

    def axis(self, name: str) -> list[str]:
        """The value of an axis, for each item."""
        ids = self.values[name]
        return [ids[number] for number in self.chunk.codes[name].tolist()]

    def take(self, rows: Numbers) -> PlanChunk:
        """The items of these rows only."""
        part, keys = self.chunk.take(rows), self.batch_keys

        def narrowed(columns: Mapping[str, Column]) -> dict[str, Column]:
            return {name: self.chunk.narrowed(column, rows, part) for name, column in columns.items()}

        own = narrowed(
            {"item": self.item_ids, "cell": self.cell_ids, "seed": self.seeds, "key": self.render_keys}
            | ({} if keys is None else {"batch": keys})
        )
        return replace(
            self,
            chunk=part,
            params=narrowed(self.params),
            inputs=narrowed(self.inputs),
            item_ids=own["item"],
            cell_ids=own["cell"],
            seeds=own["seed"],
            render_keys=own["key"],
            rounds=None if self.rounds is None else [self.rounds[row] for row in rows.tolist()],
            batch_keys=own.get("batch"),
        )

    def examples(self) -> Iterator[Item]:
        """Items that show whatever the parameters and input files are, as few as that takes.

        Every combination of texts comes up in every locale that it has, and every combination of input files with what
        is no text.
        """
        texts = frozenset({"locale"})
        others = frozenset[str]().union(*(column.axes for column in self.inputs.values()))
        for column in self.params.values():
            if any(isinstance(value, str) for value in column.values):
                texts |= column.axes
            else:
                others |= column.axes
        rows = [self.chunk.grain(axes).first for axes in {texts, others} if not (axes < texts or axes < others)]
        yield from self.take(np.unique(np.concatenate(rows))).items()

    def batch_sizes(self) -> Column | None:
        """How many pictures each item's prompt makes; None where each item is a prompt of its own."""
        if self.batch is None:
            return None
        if self.rounds is None:
            return self.chunk.constant(self.batch[1])
        return self.chunk.own([1 if number else self.batch[1] for number in self.rounds])

    def items(self) -> Iterator[Item]:
        """The items, one after the other."""
        axes = {name: self.axis(name) for name in self.values}
        params = {name: column.rows() for name, column in self.params.items()}
        inputs = {name: column.rows() for name, column in self.inputs.items()}
        products = self.chunk.codes["product"].tolist()
        ids, cells = self.item_ids.rows(), self.cell_ids.rows()
        seeds, keys = self.seeds.rows(), self.render_keys.rows()
        batches = list(self._batches())
        for row in range(len(self)):
            yield Item(
                item_id=ids[row],
                cell_id=cells[row],
                axes={name: own[row] for name, own in axes.items()},
                row=self.manifest_rows[products[row]].number,
                round=self.rounds[row] if self.rounds else 0,
                workflow=self.workflow,
                params={name: own[row] for name, own in params.items() if own[row] is not None},
                seed=seeds[row],
                inputs={name: own[row].name for name, own in inputs.items()},
                render_key=keys[row],
                batch=batches[row],
            )

    def _batches(self) -> Iterator[Batch | None]:
        if self.batch is None or self.batch_keys is None:
            yield from [None] * len(self)
            return
        axis, size = self.batch
        for key, index in zip(self.batch_keys.rows(), self.chunk.codes[axis].tolist(), strict=True):
            yield None if key is None else Batch(key=key, size=size, index=index)

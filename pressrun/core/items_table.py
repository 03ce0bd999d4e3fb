"""Items as a table: the columns of items.parquet. What repeats is written once for a row group, as a dictionary.

    item_id · cell_id · row · round · {axis…} · params.{name}… · inputs.{name}… · seed · render_key · seconds
    and, where one prompt makes several items, batch_key · batch_size · batch_index

Parameters have the contract's type; those that are neither text nor number nor truth value are JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from pressrun.core.chunk import Column
from pressrun.core.class_columns import Floats
from pressrun.core.contract import Contract
from pressrun.core.plan_chunk import PlanChunk

TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[tuple[str, ...], Any] = {
    ("string",): TEXT,
    ("integer",): pa.int64(),
    ("number",): pa.float64(),
    ("boolean",): pa.bool_(),
}
# Columns in which every value is another one: a dictionary would only cost.
PLAIN = ("item_id", "render_key")


class ItemsTable:
    """Makes one plan's record batches, all of one schema. `params` and `inputs` are the names that the plan has."""

    def __init__(
        self, contract: Contract, *, axes: Sequence[str], params: Sequence[str], inputs: Sequence[str], batched: bool
    ) -> None:
        self._params = {name: _TYPES.get(contract.types_of(name)) for name in params}
        self._inputs, self._batched = tuple(inputs), batched
        fields = [("item_id", pa.string()), ("cell_id", TEXT), ("row", pa.int32()), ("round", pa.int16())]
        fields += [(axis, TEXT) for axis in axes]
        fields += [(f"params.{name}", kind or TEXT) for name, kind in self._params.items()]
        fields += [(f"inputs.{name}", TEXT) for name in inputs]
        fields += [("seed", pa.int64()), ("render_key", pa.string()), ("seconds", pa.float64())]
        if batched:
            fields += [("batch_key", TEXT), ("batch_size", pa.int16()), ("batch_index", pa.int16())]
        self.schema = pa.schema(fields)
        self._axes = tuple(axes)

    def batch(self, items: PlanChunk, seconds: Floats) -> pa.RecordBatch:
        """The rows of a chunk; `seconds` are the expected ones of each item."""
        length, products = len(items), items.chunk.codes["product"]
        row_of = items.chunk.grain(frozenset({"product"}))
        numbers = [items.manifest_rows[product].number for product in products[row_of.first].tolist()]
        columns: dict[str, Any] = {
            "item_id": pa.array(items.item_ids.rows(), pa.string()),
            "cell_id": _text(items.cell_ids),
            "row": pa.array(np.array(numbers, np.int32)[row_of.codes]),
            "round": pa.array(np.array(items.rounds or np.zeros(length), np.int16)),
        }
        for axis in self._axes:
            grain = items.chunk.grain(frozenset({axis}))
            ids = [items.values[axis][number] for number in items.chunk.codes[axis][grain.first].tolist()]
            columns[axis] = _text(Column(frozenset({axis}), grain, ids))
        for name, kind in self._params.items():
            columns[f"params.{name}"] = _typed(items.params[name], kind)
        for name in self._inputs:
            column = items.inputs[name]
            names = [asset.name for asset in column.values]
            columns[f"inputs.{name}"] = _text(Column(column.axes, column.grain, names))
        columns["seed"] = _taken(items.seeds, pa.int64())
        columns["render_key"] = pa.array(items.render_keys.rows(), pa.string())
        columns["seconds"] = pa.array(seconds)
        columns |= self._batch_columns(items)
        return pa.RecordBatch.from_arrays([columns[field.name] for field in self.schema], schema=self.schema)

    def _batch_columns(self, items: PlanChunk) -> Mapping[str, Any]:
        if not self._batched or items.batch is None or items.batch_keys is None:
            return {}
        axis, size = items.batch
        keys = items.batch_keys.rows()
        indexes = items.chunk.codes[axis].tolist()
        return {
            "batch_key": pa.array(keys, TEXT),
            "batch_size": pa.array([None if key is None else size for key in keys], pa.int16()),
            "batch_index": pa.array(
                [None if key is None else index for key, index in zip(keys, indexes, strict=True)], pa.int16()
            ),
        }


def _text(column: Column) -> Any:
    # Other combinations may have the same value, but a dictionary has it once.
    coded = pa.array(column.values, pa.string()).dictionary_encode()
    codes = coded.indices.take(pa.array(column.grain.codes))
    return pa.DictionaryArray.from_arrays(codes, coded.dictionary)


def _taken(column: Column, kind: Any) -> Any:
    return pa.array(column.values, kind).take(pa.array(column.grain.codes))


def _typed(column: Column, kind: Any) -> Any:
    if kind is None:
        values = [None if value is None else orjson.dumps(value).decode() for value in column.values]
        return _text(Column(column.axes, column.grain, values))
    if kind == TEXT:
        return _text(column)
    # JSON knows one kind of number: 28.0 is a whole one, and 6 a broken one where the contract says so.
    make: Any = int if kind == pa.int64() else float if kind == pa.float64() else bool
    values = [None if value is None else make(value) for value in column.values]
    return _taken(Column(column.axes, column.grain, values), kind)

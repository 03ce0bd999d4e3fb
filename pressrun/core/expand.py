"""Expansion: rows × locales × axes become items, each with complete parameters, a seed and a render key.

Pure: what must be fetched (input files) comes through `resolve`. Every mistake is gathered, none stops the pass.
It works in columns, a chunk of consecutive items at a time: what depends on some axes only is filled in, checked and
hashed once for each combination of those. A plan of any size needs the memory of one chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pressrun.core.axes import Combination, parse_combination
from pressrun.core.batch import check_batch
from pressrun.core.chunk import Chunk, Column
from pressrun.core.contract_fit import BATCH_PARAMETER, SEED_PARAMETER
from pressrun.core.errors import InputError
from pressrun.core.fill import Fill
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.grid import Grid
from pressrun.core.identity_columns import IdColumn, SeedColumn
from pressrun.core.input_columns import InputColumn
from pressrun.core.item import Item
from pressrun.core.key_columns import KeyColumns
from pressrun.core.markets import check_row_locales, usable_locales
from pressrun.core.matcher import check_selection
from pressrun.core.overlay import Typesetter
from pressrun.core.param_columns import check_row_parameters, param_columns
from pressrun.core.plan import RunRequest
from pressrun.core.plan_chunk import PlanChunk
from pressrun.core.render_key import image_key
from pressrun.core.sheet import Makers, Resolve, Sheet
from pressrun.core.stopwatch import Stopwatch
from pressrun.core.verdicts import Filled, Verdicts

CHUNK_ROWS = 65_536


def expand(sheet: Sheet, run: RunRequest, *, resolve: Resolve, typeset: Typesetter, gather: Gather) -> list[Item]:
    """The items in plan order: the combination's order, rows as in the manifest. Findings go to `gather`.

    `resolve` finds input files by location, `typeset` makes those that are the market's copy set in type.
    """
    chunks = expand_chunks(sheet, run, Makers(resolve, typeset), gather=gather)
    return [item for chunk in chunks for item in chunk.items()]


def expand_chunks(
    sheet: Sheet, run: RunRequest, makers: Makers, *, gather: Gather, watch: Stopwatch | None = None
) -> Iterator[PlanChunk]:
    """The same in columns, for plans that are too large to hold every item. Findings are complete after the last."""
    watch = watch or Stopwatch()
    with watch.stage("expand"):
        grid = make_grid(sheet, run, gather)
    if grid is None:
        return
    line, left, made = _Line(sheet, run, makers, grid, gather, watch), run.limit, 0
    for chunk in _timed(grid.chunks(CHUNK_ROWS), watch):
        start = 0
        while start < len(chunk) and left != 0:
            part = chunk if left is None else chunk.take(np.arange(start, min(len(chunk), start + left)))
            start += len(part)
            if (done := line.make(part)) is not None:
                made += len(done)
                left = left if left is None else left - len(done)
                yield done
        if left == 0:
            break
    if not made and not gather.failed:
        gather.say(
            "plan-empty",
            "no item is left to make",
            Place(file=sheet.manifest_file),
            "do the rows' `locales` columns, or `include` and `exclude`, leave out everything of this run?",
        )


def make_grid(sheet: Sheet, run: RunRequest, gather: Gather) -> Grid | None:
    """Which combinations the run has, without making items of them. None where that is not known, or too many."""
    spec = sheet.spec
    combination = _combination(sheet, gather)
    if combination is None:
        return None
    gather.add(wrong := check_batch(spec, sheet.contract, combination))
    if wrong:
        return None
    rows = sheet.manifest.rows
    locales = usable_locales(spec, run.locales, file=sheet.campaign_file, gather=gather)
    check_row_locales(spec, sheet.manifest, file=sheet.manifest_file, gather=gather)
    gather.add(check_row_parameters(sheet.manifest, sheet.contract, file=sheet.manifest_file))
    values: dict[str, Sequence[str]] = {"product": [row.key for row in rows], "locale": locales}
    values |= {axis: [str(value["id"]) for value in options] for axis, options in spec.axes.items()}
    _check_selections(sheet, {axis: values[axis] for axis in combination.axes}, gather)
    try:
        grid = Grid.of(combination, values, rows, include=spec.include, exclude=spec.exclude)
    except InputError as exc:
        place = Place(file=sheet.campaign_file, pointer="/combine")
        gather.say("combine-zip", exc.message, place, exc.remedy or "")
        return None
    return grid if _bearable(grid, sheet, gather) else None


def _timed(chunks: Iterator[Chunk], watch: Stopwatch) -> Iterator[Chunk]:
    while True:
        with watch.stage("expand"):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _bearable(grid: Grid, sheet: Sheet, gather: Gather) -> bool:
    limit = sheet.spec.limit_items
    # What was left out is not counted where even looking for it would take long.
    count = grid.count() if grid.combinations <= 1000 * limit else grid.combinations
    if count > limit:
        gather.say(
            "plan-too-large",
            f"the plan would have {count:,} items, the campaign allows {limit:,}",
            Place(file=sheet.campaign_file, pointer="/limit_items"),
            f"{len(sheet.manifest.rows):,} manifest rows: is that right? raise limit_items, or pass a `limit`",
        )
    return count <= limit


def _combination(sheet: Sheet, gather: Gather) -> Combination | None:
    place = Place(file=sheet.campaign_file, pointer="/combine")
    try:
        combination = parse_combination(sheet.spec.combine)
    except InputError as exc:
        gather.say("combine-syntax", exc.message, place, exc.remedy or "")
        return None
    known = {"product", "locale", *sheet.spec.axes}
    unknown = [axis for axis in combination.axes if axis not in known]
    absent = [axis for axis in ("product", "locale") if axis not in combination.axes]
    unused = [axis for axis in known if axis not in combination.axes and axis not in absent]
    if unknown:
        gather.say("combine-axis", f"unknown axes {', '.join(unknown)}", place, f"known: {', '.join(sorted(known))}")
    if absent:
        gather.say("combine-axis", f"{' and '.join(absent)} must be in the combination", place)
    if unused:
        gather.say(
            "combine-unused", f"axes {', '.join(unused)} are declared but not combined", place, severity="warning"
        )
    return None if unknown or absent else combination


def _check_selections(sheet: Sheet, values: Mapping[str, Sequence[str]], gather: Gather) -> None:
    spec = sheet.spec
    written = [(f"/include/{number}", one) for number, one in enumerate(spec.include)]
    written += [(f"/exclude/{number}", one) for number, one in enumerate(spec.exclude)]
    written += [(f"/overrides/{number}/when", one.when) for number, one in enumerate(spec.overrides)]
    for pointer, selection in written:
        gather.add(check_selection(selection, values, campaign=spec.locales, file=sheet.campaign_file, pointer=pointer))


class _Line:
    """What turns combinations into keyed items: everything is set up once for the whole plan."""

    def __init__(
        self, sheet: Sheet, run: RunRequest, makers: Makers, grid: Grid, gather: Gather, watch: Stopwatch
    ) -> None:
        spec, bundle = sheet.spec, sheet.bundle
        self._sheet, self._values, self._gather, self._watch = sheet, grid.values, gather, watch
        fill = Fill(sheet, run, grid.values, gather)
        self._params = param_columns(fill, grid.values)
        self._inputs = [InputColumn(name, fill, makers, grid.values) for name in spec.inputs]
        self._verdicts = Verdicts(sheet.contract, gather, inputs=frozenset(spec.inputs))
        self._absent = self._verdicts.absent([one.name for one in self._params] + [one.name for one in self._inputs])
        self._item_ids = IdColumn("item", spec.campaign, grid.values, digits=16)
        cell = {axis: grid.values[axis] for axis in spec.cell if axis in grid.values}
        self._cell_ids = IdColumn("cell", spec.campaign, cell, digits=12)
        self._seeds = SeedColumn(spec, grid.values, drop=run.drop, within=sheet.contract.seed_range)
        self._keys = KeyColumns(bundle, models=sheet.models, engine_class=sheet.engine_class)
        batched = spec.batch is not None and spec.batch_size > 1 and spec.batch in grid.values
        self._batch = (str(spec.batch), spec.batch_size) if batched else None

    def make(self, chunk: Chunk) -> PlanChunk | None:
        """The items of a chunk that may be made; None where none may."""
        with self._watch.stage("template"):
            params = {filled.name: filled.column(chunk) for filled in self._params}
            inputs = {filled.name: filled.column(chunk) for filled in self._inputs}
        with self._watch.stage("validate"):
            filled: list[tuple[Filled, Column]] = [(one, params[one.name]) for one in self._params]
            filled += [(one, inputs[one.name]) for one in self._inputs]
            good = self._verdicts.good(chunk, filled)
            for name in self._absent:
                kind = "inputs" if name in self._sheet.contract.assets else "params"
                self._verdicts.tell_absent(name, Place(file=self._sheet.campaign_file, pointer=f"/{kind}/{name}"))
        if self._absent or not good.any():
            return None
        if not good.all():
            rows = np.flatnonzero(good)
            chunk, whole = chunk.take(rows), chunk
            params = {name: whole.narrowed(column, rows, chunk) for name, column in params.items()}
            inputs = {name: whole.narrowed(column, rows, chunk) for name, column in inputs.items()}
        with self._watch.stage("key"):
            return self._keyed(chunk, params, inputs)

    def _keyed(self, chunk: Chunk, params: dict[str, Column], inputs: dict[str, Column]) -> PlanChunk:
        item_ids = self._item_ids.column(chunk)
        rounds = self._rounds(item_ids.values)
        seeds = self._seeds.column(chunk, rounds)
        given = {**params, **inputs, SEED_PARAMETER: seeds}
        if self._batch is not None:
            # What was sent back leaves its batch: its graph has the batch size of the export.
            size = self._batch[1]
            sizes = None if rounds is None else chunk.own([None if number else size for number in rounds])
            given[BATCH_PARAMETER] = sizes or chunk.constant(size)
        keys = self._keys.column(chunk, given)
        batch_keys = None
        if self._batch is not None:
            own = [None if number else key for key, number in zip(keys.rows(), rounds or [0] * len(chunk), strict=True)]
            batch_keys = chunk.own(own)
            keys = chunk.own(_image_keys(keys.rows(), own, chunk.codes[self._batch[0]].tolist()))
        return PlanChunk(
            chunk=chunk,
            values=self._values,
            manifest_rows=self._sheet.manifest.rows,
            workflow=self._sheet.bundle.name,
            params=params,
            inputs=inputs,
            item_ids=item_ids,
            cell_ids=self._cell_ids.column(chunk),
            seeds=seeds,
            render_keys=keys,
            rounds=rounds,
            batch_keys=batch_keys,
            batch=self._batch,
        )

    def _rounds(self, item_ids: Sequence[str]) -> list[int] | None:
        """The items' rounds; None where none of them goes again."""
        known = self._sheet.rounds
        found = [known.get(item_id, 0) for item_id in item_ids] if known else []
        return found if any(found) else None


def _image_keys(keys: list[Any], batch_keys: list[Any], indexes: list[int]) -> list[str]:
    return [
        key if own is None else image_key(own, index)
        for key, own, index in zip(keys, batch_keys, indexes, strict=True)
    ]  # fmt: skip

"""Expansion: rows × locales × axes become items, each with complete parameters, a seed and a render key.

Pure: what must be fetched (input files) comes through `resolve`. Every mistake is gathered, none stops the pass.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pressrun.core.axes import Combination, parse_combination
from pressrun.core.batch import batch_place, check_batch, seed_axes
from pressrun.core.binding import compile_graph
from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract, coerce
from pressrun.core.copy_table import CopyTable
from pressrun.core.errors import InputError
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.ids import cell_id, item_id
from pressrun.core.item import Batch, InputAsset, Item
from pressrun.core.manifest import Manifest, ManifestRow
from pressrun.core.markets import check_row_locales, usable_locales
from pressrun.core.overlay import DerivedInput, Typesetter, read_overlay
from pressrun.core.plan import RunRequest, WorkflowBundle
from pressrun.core.render_key import image_key, render_key
from pressrun.core.seeds import derive_seed
from pressrun.core.templates import render_value

_COLUMN = re.compile(r"\bproduct\.([A-Za-z_]\w*)")
_COPY_NAME = re.compile(r"\bcopy\.(\w+)")
_COLUMN_NAME = re.compile(r"\bproduct(?:\.|\[')([^'\]\s|}]+)")
Resolve = Callable[[str], InputAsset | None]


@dataclass(frozen=True)
class Sheet:
    """Everything authored that expansion reads. `rounds` maps item ids to the round they go into (rework)."""

    spec: CampaignSpec
    manifest: Manifest
    manifest_file: str
    copy_table: CopyTable | None
    contract: Contract
    bundle: WorkflowBundle
    models: Mapping[str, str]
    engine_class: str
    rounds: Mapping[str, int] = field(default_factory=dict)

    @property
    def campaign_file(self) -> str:
        return f"{self.spec.campaign}/campaign.yaml"


@dataclass(frozen=True)
class _Makers:
    resolve: Resolve
    typeset: Typesetter


class _Copy(dict[str, str]):
    """The copy a template may ask for by name; remembers what was asked for in vain."""

    def __init__(self, table: CopyTable | None, locale: str, product: str) -> None:
        super().__init__()
        self.missing: list[str] = []
        self.drafts: list[str] = []
        self.rows: dict[str, int] = {}
        self._table, self._locale, self._product = table, locale, product

    def __missing__(self, key: str) -> str:
        found = self._table.text(key, self._locale, product=self._product) if self._table else None
        if found is None:
            self.missing.append(key)
            return ""
        self.rows[key] = found.row
        if found.status != "approved":
            self.drafts.append(key)
        return found.text


def expand(sheet: Sheet, run: RunRequest, *, resolve: Resolve, typeset: Typesetter, gather: Gather) -> list[Item]:
    """The items in plan order: the combination's order, rows as in the manifest. Findings go to `gather`.

    `resolve` finds input files by location, `typeset` makes those that are the market's copy set in type.
    """
    spec = sheet.spec
    makers = _Makers(resolve, typeset)
    combination = _combination(sheet, gather)
    if combination is None:
        return []
    gather.add(wrong := check_batch(spec, sheet.contract, combination))
    if wrong:
        return []
    rows = {row.key: row for row in sheet.manifest.rows}
    locales = usable_locales(spec, run.locales, file=sheet.campaign_file, gather=gather)
    check_row_locales(spec, sheet.manifest, file=sheet.manifest_file, gather=gather)
    values = {"product": list(rows), "locale": locales}
    values |= {axis: [str(value["id"]) for value in options] for axis, options in spec.axes.items()}
    count = _count(combination, values, sheet, gather)
    if count is None:
        return []
    if count > spec.limit_items:
        gather.say(
            "plan-too-large",
            f"the plan would have {count:,} items, the campaign allows {spec.limit_items:,}",
            Place(file=sheet.campaign_file, pointer="/limit_items"),
            f"{len(rows):,} manifest rows: is that right? raise limit_items, or pass a `limit`",
        )
        return []
    items: list[Item] = []
    for axes in combination.expand(values):
        if run.limit is not None and len(items) >= run.limit:
            break
        row = rows[axes["product"]]
        if _wanted(row, axes["locale"]):
            made = _item(sheet, run, axes, row, makers, gather)
            if made is not None:
                items.append(made)
    if not items and not gather.failed:
        gather.say(
            "plan-empty",
            "no item is left to make",
            Place(file=sheet.manifest_file),
            "do the rows' `locales` columns exclude every locale of this run?",
        )
    return items


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


def _count(combination: Combination, values: Mapping[str, list[str]], sheet: Sheet, gather: Gather) -> int | None:
    try:
        return combination.count({axis: len(options) for axis, options in values.items()})
    except InputError as exc:
        gather.say("combine-zip", exc.message, Place(file=sheet.campaign_file, pointer="/combine"), exc.remedy or "")
        return None


def _wanted(row: ManifestRow, locale: str) -> bool:
    """A `locales` column ("de-DE|ja-JP") restricts a row to these markets."""
    only = row.values.get("locales", "")
    return not only or locale in {part.strip() for part in only.split("|")}


def _item(
    sheet: Sheet, run: RunRequest, axes: dict[str, str], row: ManifestRow, makers: _Makers, gather: Gather
) -> Item | None:
    spec, contract = sheet.spec, sheet.contract
    copy = _Copy(sheet.copy_table, axes["locale"], row.key)
    context = _context(spec, run, axes, row, copy)
    params: dict[str, Any] = {}
    for name, template in spec.params.items():
        value = _render(template, context, f"/params/{name}", sheet, row, gather)
        if value is not None:
            params[name] = coerce(value, contract.types_of(name))
    assets = dict(_assets(sheet, context, row, makers, gather))
    _tell_copy(copy, sheet, axes, row, gather)
    params = contract.complete(params)
    places = {**params, **{name: asset.name for name, asset in assets.items()}}
    bad = False
    for name, sentence in contract.violations(places):
        bad = True
        told = (name in spec.inputs and name not in assets) or (bool(copy.missing) and params.get(name) == "")
        if not told:  # a missing file and a missing text were told already
            gather.say("parameter", sentence, _source_of(name, sheet, row, copy))
    if bad or copy.missing or len(assets) != len(spec.inputs):
        return None
    own_id = item_id(campaign=spec.campaign, axes=axes)
    round_number = sheet.rounds.get(own_id, 0)
    low, high = contract.seed_range
    place = batch_place(spec, axes, round_number)
    seed = derive_seed(
        campaign=spec.campaign, base=spec.seed, seed_axes=seed_axes(spec, batched=place is not None), axes=axes,
        drop=run.drop, round_number=round_number, minimum=low, maximum=high,
    )  # fmt: skip
    names = {name: asset.name for name, asset in assets.items()}
    graph = compile_graph(
        sheet.bundle, params=params, seed=seed, inputs=names, filename_prefix="", batch_size=place and place[0]
    )
    key = render_key(
        graph, sheet.bundle.outputs, files={asset.name: asset.sha256 for asset in assets.values()},
        models=sheet.models, engine_class=sheet.engine_class,
    )  # fmt: skip
    batch = None if place is None else Batch(key=key, size=place[0], index=place[1])
    return Item(
        item_id=own_id,
        cell_id=cell_id(campaign=spec.campaign, axes={axis: axes[axis] for axis in spec.cell if axis in axes}),
        axes=axes,
        row=row.number,
        round=round_number,
        workflow=sheet.bundle.name,
        params=params,
        seed=seed,
        inputs=names,
        render_key=key if batch is None else image_key(key, batch.index),
        batch=batch,
    )


def _source_of(parameter: str, sheet: Sheet, row: ManifestRow, copy: _Copy) -> Place:
    return _written_at(str(sheet.spec.params.get(parameter, "")), f"/params/{parameter}", sheet, row, copy)


def _written_at(template: str, pointer: str, sheet: Sheet, row: ManifestRow, copy: _Copy) -> Place:
    """Where a template's value was written: the copy's row, the manifest's cell, or campaign.yaml."""
    texts = [copy.rows[key] for key in _COPY_NAME.findall(template) if key in copy.rows]
    if texts:
        return Place(file=f"{sheet.spec.campaign}/{sheet.spec.copy_table}", row=texts[0], column="text")
    if columns := [name for name in _COLUMN_NAME.findall(template) if name in row.values]:
        return Place(file=sheet.manifest_file, row=row.number, column=columns[0])
    return Place(file=sheet.campaign_file, pointer=pointer)


def _context(
    spec: CampaignSpec, run: RunRequest, axes: Mapping[str, str], row: ManifestRow, copy: _Copy
) -> dict[str, Any]:
    context: dict[str, Any] = {
        "campaign": {"name": spec.campaign, "title": spec.title},
        "drop": run.drop,
        "product": {**row.values, "key": row.key},
        "locale": axes["locale"],
        "copy": copy,
    }
    for axis, options in spec.axes.items():
        if axis in axes:
            context[axis] = next(dict(option) for option in options if str(option["id"]) == axes[axis])
    return context


def _assets(
    sheet: Sheet, context: Mapping[str, Any], row: ManifestRow, makers: _Makers, gather: Gather
) -> Iterator[tuple[str, InputAsset]]:
    for name, template in sheet.spec.inputs.items():
        if isinstance(template, DerivedInput):
            if (made := _derived(name, template, sheet, context, row, makers.typeset, gather)) is not None:
                yield name, made
            continue
        path = _render(template, context, f"/inputs/{name}", sheet, row, gather)
        if path is None:
            continue
        asset = makers.resolve(str(path))
        if asset is None:
            gather.say(
                "input-missing",
                f"input file {path!s} is not there",
                Place(file=sheet.manifest_file, row=row.number, pointer=f"/inputs/{name}"),
                f"add it to the campaign's folder, or fix the template {template!r}",
            )
        else:
            yield name, asset


def _derived(
    name: str,
    derived: DerivedInput,
    sheet: Sheet,
    context: Mapping[str, Any],
    row: ManifestRow,
    typeset: Typesetter,
    gather: Gather,
) -> InputAsset | None:
    pointer, locale = f"/inputs/{name}/typeset", context["locale"]
    filled = _render(derived.typeset.model_dump(), context, pointer, sheet, row, gather)
    if filled is None:
        return None
    try:
        made = typeset(read_overlay(filled), locale, name)
    except InputError as exc:
        gather.say("overlay-value", exc.message, Place(file=sheet.campaign_file, pointer=pointer), exc.remedy or "")
        return None
    for fault in made.faults:
        written = derived.typeset.blocks[fault.block].text
        place = _written_at(written, f"{pointer}/blocks/{fault.block}", sheet, row, context["copy"])
        gather.say(fault.code, f"{locale}: {fault.message}", place, fault.remedy)
    return made.asset


def _render(
    template: Any, context: Mapping[str, Any], pointer: str, sheet: Sheet, row: ManifestRow, gather: Gather
) -> Any:
    try:
        return render_value(template, context, where=pointer)
    except InputError as exc:
        columns = [name for name in _COLUMN.findall(str(template)) if name not in row.values and name != "key"]
        for column in columns:
            near = difflib.get_close_matches(column, row.values, n=1)
            gather.say(
                "column-missing",
                f"there is no column {column!r}, which {pointer} of {sheet.campaign_file} asks for",
                Place(file=sheet.manifest_file, row=1, column=column),
                (f"did you mean {near[0]!r}? " if near else "") + f"columns there: {', '.join(row.values)}",
            )
        if not columns:
            gather.say("template", exc.message, Place(file=sheet.campaign_file, pointer=pointer), exc.remedy or "")
        return None


def _tell_copy(copy: _Copy, sheet: Sheet, axes: Mapping[str, str], row: ManifestRow, gather: Gather) -> None:
    table = f"{sheet.spec.campaign}/{sheet.spec.copy_table}" if sheet.spec.copy_table else sheet.campaign_file
    for key in copy.missing:
        gather.say(
            "translation-missing",
            f"no {axes['locale']} text for {key!r} of {row.key}",
            Place(file=table, column="text"),
            f"add a row `{row.key}.{key},{axes['locale']},…,approved` (or one for all products: `{key},…`)",
        )
    for key in copy.drafts:
        gather.say(
            "translation-draft",
            f"the {axes['locale']} text for {key!r} of {row.key} is not approved yet",
            Place(file=table, column="status"),
            severity="warning",
        )

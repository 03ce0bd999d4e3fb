"""Large plans: expanded, priced and cut in columns, and streamed to Parquet; no document holds all of their items."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pressrun.core.bought_columns import BoughtColumns
from pressrun.core.campaign import CampaignSpec
from pressrun.core.class_columns import CostClasses
from pressrun.core.cost import CostBasis
from pressrun.core.cut_columns import ColumnCut, cut_columns
from pressrun.core.errors import InputError
from pressrun.core.expand import expand_chunks
from pressrun.core.gather import Gather
from pressrun.core.item import Item
from pressrun.core.items_table import PLAIN, ItemsTable
from pressrun.core.large_plan import ITEMS_FILE, PLAN_FILE, SHARDS_FILE, Bill, LargePlan
from pressrun.core.model_file import ModelFile
from pressrun.core.models import models_needed
from pressrun.core.plan import RunRequest
from pressrun.core.plan_chunk import PlanChunk
from pressrun.core.quote import Price
from pressrun.core.sheet import Makers, Sheet
from pressrun.core.stopwatch import Stopwatch
from pressrun.steps.costs import known_cost
from pressrun.steps.expand import read_sheet, tell_boxes, tell_unlocked
from pressrun.steps.overlays import OverlayTexts, tell_misfits
from pressrun.steps.policy import check_policy
from pressrun.steps.prices import read_prices
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace


@dataclass(frozen=True)
class _Terms:
    """What a large plan is priced by; `known` are the render keys that have a picture."""

    instance_type: str
    basis: CostBasis
    price: Price | None
    known: frozenset[str] = frozenset()


@dataclass
class _Told:
    """What is kept of the items that were written."""

    classes: CostClasses
    bought: BoughtColumns = field(default_factory=BoughtColumns)
    numbers: list[Any] = field(default_factory=list)
    models: set[str] = field(default_factory=set)


def plan_large(
    ws: Workspace,
    sources: Sources,
    spec: CampaignSpec,
    request: RunRequest,
    folder: Path,
    *,
    known: frozenset[str] = frozenset(),
    watch: Stopwatch | None = None,
) -> tuple[LargePlan, Gather]:
    """Write plan.json, items.parquet and shards.parquet into `folder`; every check of a plan is made.

    `known` are the render keys that have a picture. InputError for a rework: which pictures were sent back is asked
    of a plan whose items can be held.
    """
    if request.rework:
        raise InputError("a rework is no large plan", remedy="plan it without --parquet")
    gather, watch = Gather(), watch or Stopwatch()
    with watch.stage("read"):
        sheet, request = read_sheet(ws, sources, spec, request, gather)
        terms = _terms(ws, sheet, request, known)
    folder.mkdir(parents=True, exist_ok=True)
    told = _Told(CostClasses(terms.basis))
    chunks = expand_chunks(sheet, request, Makers(sources.asset, sources.typeset), gather=gather, watch=watch)
    written = _written(folder / ITEMS_FILE, sheet, chunks, told, watch)
    locked = sources.models()
    started, before = time.process_time(), sum(watch.seconds.values())
    _check(sources, sheet, request, written, told, locked, gather)
    stages = sum(watch.seconds.values()) - before
    watch.seconds["check"] = time.process_time() - started - stages
    bill = _priced(folder, sheet, terms, told, watch)
    with watch.stage("write"):
        plan = LargePlan(
            run=request,
            spec=sheet.spec,
            sources=tuple(sorted(sources.used.values(), key=lambda source: source.path)),
            manifest_rows=len(sheet.manifest.rows),
            workflows={sheet.bundle.name: sheet.bundle},
            engine_class=sheet.engine_class,
            inputs=sources.found(),
            models=tuple(model for name, model in sorted(locked.items()) if name in told.models),
            items_sha256=_digest(folder / ITEMS_FILE),
            shards_sha256=_digest(folder / SHARDS_FILE),
            cost={sheet.bundle.name: terms.basis},
            bill=bill,
        )
        (folder / PLAN_FILE).write_bytes(plan.to_bytes())
    return plan, gather


def _terms(ws: Workspace, sheet: Sheet, request: RunRequest, known: frozenset[str]) -> _Terms:
    final = request.asked_press == "final"
    kind = sheet.spec.job.instance_types[0] if final else ws.settings.proof_instance_type
    basis = known_cost(
        ws, sheet.bundle.name, instance_type=kind, press=request.asked_press, engine_class=sheet.engine_class
    )
    return _Terms(kind, basis, read_prices(ws).get(kind), known)


def _check(
    sources: Sources, sheet: Sheet, request: RunRequest, written: Iterator[PlanChunk], told: _Told,
    locked: Mapping[str, ModelFile], gather: Gather,
) -> None:  # fmt: skip
    """What make_plan holds against every item is held against examples of each chunk, as the chunks go by."""
    spec, bundle = sheet.spec, sheet.bundle

    def examples() -> Iterator[Item]:
        for chunk in written:
            items = list(chunk.examples())
            tell_misfits(bundle, spec, items, overlays=sources.overlays, sizes=sources.sizes, gather=gather)
            told.models |= models_needed({bundle.name: bundle}, items)
            if request.engine == "comfyui":
                tell_boxes(bundle, items, sheet.manifest_file, gather)
            yield from items
        if request.engine == "comfyui":
            tell_unlocked(told.models - locked.keys(), f"workflows/{bundle.name}.api.json", gather)

    gather.add(
        check_policy(
            sources.library.prompt_policy, spec, bundle, examples(),
            typeset=OverlayTexts(spec, sources.overlays, sheet.copy_table),
            # Which models are needed is known when the items have gone by.
            models=(model for name, model in sorted(locked.items()) if name in told.models),
        )
    )  # fmt: skip


def _priced(folder: Path, sheet: Sheet, terms: _Terms, told: _Told, watch: Stopwatch) -> Bill:
    """Write the shards of what is bought, and what all of it costs."""
    job = sheet.spec.job
    with watch.stage("price"):
        numbers = np.concatenate(told.numbers) if told.numbers else np.zeros(0, np.int64)
        seconds, p90 = told.classes.seconds(numbers), told.classes.seconds_p90(numbers)
        late = zip(told.classes.p50, told.classes.p90, strict=True)
        ratio = max((slow / usual for usual, slow in late if usual), default=1.0)
    with watch.stage("index"):
        reused = told.bought.reused(terms.known)
    with watch.stage("shard"):
        rows = np.flatnonzero(told.bought.first() & ~reused)
        # A batch is made as a whole, however many of its items are bought.
        made = told.bought.shares(rows)
        seconds, p90 = seconds[rows] * made, p90[rows] * made
        cut = cut_columns(
            seconds, told.classes.groups(numbers[rows]), told.bought.prompts()[rows], max_items=job.shard_items,
            longest=max(0.0, job.max_runtime_minutes * 60 - terms.basis.cold_p90) / ratio,
        )  # fmt: skip
    with watch.stage("write"):
        _write_shards(folder / SHARDS_FILE, cut, rows, seconds, p90, terms.basis)
    return _bill(
        sheet, terms, cut, planned=len(numbers), reused=int(reused.sum()), bought=len(rows),
        seconds=float(seconds.sum()), p90=float(p90.sum()),
    )  # fmt: skip


def _written(
    path: Path, sheet: Sheet, chunks: Iterator[PlanChunk], told: _Told, watch: Stopwatch
) -> Iterator[PlanChunk]:
    """The chunks, each written as a row group before it is handed on."""
    first = next(chunks, None)
    if first is None:
        pq.write_table(pa.table({"item_id": pa.array([], pa.string())}), path)
        return
    table = ItemsTable(
        sheet.contract, axes=list(first.values), params=list(first.params), inputs=list(first.inputs),
        batched=first.batch is not None,
    )  # fmt: skip
    with _parquet(path, table.schema) as writer:
        for items in _and(first, chunks):
            with watch.stage("price"):
                numbers = told.classes.column(items)
                told.numbers.append(numbers.astype(np.int32))
            with watch.stage("shard"):
                told.bought.add(items)
            with watch.stage("write"):
                writer.write_batch(table.batch(items, told.classes.seconds(numbers)))
            yield items


@contextmanager
def _parquet(path: Path, schema: Any) -> Iterator[Any]:
    """A writer of one row group for each batch; what was begun and not finished is removed."""
    coded = [field.name for field in schema if field.name not in PLAIN]
    beside = path.with_suffix(".part")
    try:
        with pq.ParquetWriter(
            beside, schema, compression="zstd", use_dictionary=coded, write_statistics=True
        ) as writer:
            yield writer
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write_shards(path: Path, cut: ColumnCut, rows: Any, seconds: Any, p90: Any, basis: CostBasis) -> None:
    count = len(cut)
    table = pa.table(
        {
            "shard": pa.array(np.arange(count, dtype=np.int32)),
            "seconds": pa.array(cut.sums(seconds) + basis.cold_p50),
            "seconds_p90": pa.array(cut.sums(p90) + basis.cold_p90),
            "items": pa.ListArray.from_arrays(pa.array(cut.bounds.astype(np.int32)), pa.array(rows[cut.order])),
        }
    )
    with _parquet(path, table.schema) as writer:
        writer.write_table(table)


def _bill(
    sheet: Sheet, terms: _Terms, cut: ColumnCut, *, planned: int, reused: int, bought: int, seconds: float, p90: float
) -> Bill:
    job, hourly = sheet.spec.job, terms.price.usd_per_hour if terms.price else None
    seconds += len(cut) * terms.basis.cold_p50
    p90 += len(cut) * terms.basis.cold_p90
    ceiling = len(cut) * job.attempts * job.max_runtime_minutes / 60
    return Bill(
        planned=planned,
        reused=reused,
        duplicates=planned - reused - bought,
        to_render=bought,
        shards=len(cut),
        instance_type=terms.instance_type,
        usd_per_hour=hourly,
        price_source=terms.price.source if terms.price else "no price known",
        seconds=round(seconds, 3),
        seconds_p90=round(p90, 3),
        usd=None if hourly is None else round(seconds / 3600 * hourly, 4),
        usd_p90=None if hourly is None else round(p90 / 3600 * hourly, 4),
        ceiling_usd=None if hourly is None else round(ceiling * hourly, 2),
    )


def _and(first: PlanChunk, others: Iterator[PlanChunk]) -> Iterator[PlanChunk]:
    yield first
    yield from others


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

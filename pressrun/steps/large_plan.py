"""Large plans: expanded, priced and cut in columns, and streamed to Parquet; no document holds all of their items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pressrun.core.bought_columns import BoughtColumns
from pressrun.core.class_columns import CostClasses
from pressrun.core.cost import CostBasis
from pressrun.core.cut_columns import ColumnCut, cut_columns
from pressrun.core.expand import expand_chunks
from pressrun.core.gather import Gather
from pressrun.core.items_table import PLAIN, ItemsTable
from pressrun.core.large_plan import ITEMS_FILE, PLAN_FILE, SHARDS_FILE, Bill, LargePlan
from pressrun.core.model_file import ModelFile
from pressrun.core.plan import RunRequest
from pressrun.core.plan_chunk import PlanChunk
from pressrun.core.quote import Price
from pressrun.core.sheet import Makers, Sheet
from pressrun.core.stopwatch import Stopwatch
from pressrun.steps.sources import Sources


@dataclass(frozen=True)
class Terms:
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


def write_large_plan(
    sources: Sources,
    sheet: Sheet,
    request: RunRequest,
    terms: Terms,
    folder: Path,
    *,
    gather: Gather,
    watch: Stopwatch | None = None,
    models: dict[str, ModelFile] | None = None,
) -> LargePlan:
    """Write plan.json, items.parquet and shards.parquet into `folder`. Findings go to `gather`."""
    watch = watch or Stopwatch()
    folder.mkdir(parents=True, exist_ok=True)
    told = _Told(CostClasses(terms.basis))
    makers = Makers(sources.asset, sources.typeset)
    chunks = expand_chunks(sheet, request, makers, gather=gather, watch=watch)
    _write_items(folder / ITEMS_FILE, sheet, chunks, told, watch)
    with watch.stage("price"):
        numbers = np.concatenate(told.numbers) if told.numbers else np.zeros(0, np.int64)
        seconds, p90 = told.classes.seconds(numbers), told.classes.seconds_p90(numbers)
    with watch.stage("index"):
        reused = told.bought.reused(terms.known)
    with watch.stage("shard"):
        first = told.bought.first()
        rows = np.flatnonzero(first & ~reused)
        # A batch is made as a whole, however many of its items are bought.
        made = told.bought.shares(rows)
        seconds, p90 = seconds[rows] * made, p90[rows] * made
        job = sheet.spec.job
        ratio = max((late / early for early, late in zip(told.classes.p50, told.classes.p90, strict=True) if early),
                    default=1.0)  # fmt: skip
        cut = cut_columns(
            seconds, told.classes.groups(numbers[rows]), told.bought.prompts()[rows], max_items=job.shard_items,
            longest=max(0.0, job.max_runtime_minutes * 60 - terms.basis.cold_p90) / ratio,
        )  # fmt: skip
    with watch.stage("write"):
        _write_shards(folder / SHARDS_FILE, cut, rows, seconds, p90, terms.basis)
        bill = _bill(
            sheet, terms, cut, planned=len(numbers), reused=int(reused.sum()), bought=len(rows),
            seconds=float(seconds.sum()), p90=float(p90.sum()),
        )  # fmt: skip
        plan = LargePlan(
            run=request,
            spec=sheet.spec,
            sources=tuple(sorted(sources.used.values(), key=lambda source: source.path)),
            manifest_rows=len(sheet.manifest.rows),
            workflows={sheet.bundle.name: sheet.bundle},
            engine_class=sheet.engine_class,
            inputs=sources.found(),
            models=tuple((models or {}).values()),
            items_sha256=_digest(folder / ITEMS_FILE),
            shards_sha256=_digest(folder / SHARDS_FILE),
            cost={sheet.bundle.name: terms.basis},
            bill=bill,
        )
        (folder / PLAN_FILE).write_bytes(plan.to_bytes())
    return plan


def _write_items(path: Path, sheet: Sheet, chunks: Iterator[PlanChunk], told: _Told, watch: Stopwatch) -> None:
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
    sheet: Sheet, terms: Terms, cut: ColumnCut, *, planned: int, reused: int, bought: int, seconds: float, p90: float
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

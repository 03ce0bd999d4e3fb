"""Lineage: the record of one delivered file and of one run, written once and kept under Object Lock."""

from __future__ import annotations

import operator
import re
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.item import Batch, Item, axis_order
from pressrun.core.media import Playback, medium_of
from pressrun.core.plan import RenderPlan, RunRequest, SourceFile
from pressrun.core.policy_spec import PolicyOverride
from pressrun.core.quote import Quote
from pressrun.core.result import Measurements, Sink
from pressrun.core.review import Decision, RoundClosed

_TABLES = (".csv", ".xlsx", ".jsonl", ".parquet")


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class ManifestRow(_Part):
    """The row a picture comes from, as a spreadsheet counts it (header = 1), in exactly this manifest."""

    path: str
    sha256: str
    row: int | None


class WorkflowOrigin(_Part):
    name: str
    graph_sha256: str
    contract_sha256: str


class InputOrigin(_Part):
    """An input file of the item: which parameter it filled, and its bytes."""

    parameter: str
    name: str
    sha256: str
    source: str


class RenderOrigin(_Part):
    """The press's side: which job made the bytes, with what, in how many seconds. `run_key` is the run that paid.

    `sink` "pressrun" means that the graph's SaveImage was replaced by the runner's own (same pixels) after keying.
    """

    render_key: str
    run_key: str
    job: str
    image_uri: str
    sha256: str
    engine_class: str
    engine_version: str
    sink: Sink = "stock"
    prompt_id: str
    started_at: str
    seconds: float
    measurements: Measurements | None
    playback: Playback | None = None


class DecisionOrigin(_Part):
    """One decision about these bytes, oldest first in a record. Times are ISO 8601, UTC."""

    state: str
    reason: str
    note: str
    by: str
    by_name: str
    at: str
    run_key: str
    round: int

    @classmethod
    def of(cls, decision: Decision) -> DecisionOrigin:
        return cls(**{name: getattr(decision, name) for name in cls.model_fields})


class RoundOrigin(_Part):
    number: int
    closed_by: str
    closed_at: str

    @classmethod
    def of(cls, closed: RoundClosed) -> RoundOrigin:
        return cls(number=closed.number, closed_by=closed.by, closed_at=closed.at)


class FileOrigin(_Part):
    """The delivered file. The size is None for sounds, `playback` for stills; `part` counts an item's files from 0."""

    uri: str
    sha256: str
    size: int
    media_type: str = "image/png"
    width: int | None
    height: int | None
    playback: Playback | None = None
    part: int = 0
    published_at: str


class RunOrigin(_Part):
    """Who asked for the run that published the file, and when in the season (`drop`)."""

    run_key: str
    deployment: str
    dag_id: str
    run_id: str
    run_type: str
    triggered_by: str
    drop: str
    press: str
    engine: str
    note: str
    knobs: dict[str, Any] = Field({}, exclude_if=operator.not_)
    pressrun_version: str
    plan_digest: str

    @classmethod
    def of(cls, run: RunRequest, *, plan_digest: str) -> RunOrigin:
        names = [name for name in cls.model_fields if name != "plan_digest"]
        return cls(plan_digest=plan_digest, **{name: getattr(run, name) for name in names})


class QuoteOrigin(_Part):
    """What the run was quoted, in USD; None where a price was not known."""

    digest: str
    usd: float | None
    ceiling_usd: float | None
    usd_per_hour: float | None
    price_source: str

    @classmethod
    def of(cls, quote: Quote) -> QuoteOrigin:
        names = [name for name in cls.model_fields if name != "digest"]
        return cls(digest=quote.digest(), **{name: getattr(quote, name) for name in names})


class AssetLineage(VersionedDocument):
    """Where one delivered file comes from, at assets/{sha256 of the file}.json in the lineage bucket."""

    SCHEMA: ClassVar[str] = "asset-lineage/1"

    campaign: str
    title: str
    item_id: str
    cell_id: str
    axes: dict[str, str]
    proof: bool
    manifest: ManifestRow | None
    sources: tuple[SourceFile, ...]
    params: dict[str, Any]
    params_sha256: str
    seed: int
    batch: Batch | None = Field(None, exclude_if=lambda value: value is None)
    workflow: WorkflowOrigin
    inputs: tuple[InputOrigin, ...]
    render: RenderOrigin
    decisions: tuple[DecisionOrigin, ...]
    round: RoundOrigin
    file: FileOrigin
    run: RunOrigin
    quote: QuoteOrigin | None
    overrides: tuple[PolicyOverride, ...] = ()


class RunLineage(VersionedDocument):
    """What one run did, at runs/{run_key}.json in the lineage bucket."""

    SCHEMA: ClassVar[str] = "run-lineage/1"

    campaign: str
    title: str
    run: RunOrigin
    manifest: ManifestRow | None
    sources: tuple[SourceFile, ...]
    workflows: tuple[WorkflowOrigin, ...]
    engine_class: str
    quote: QuoteOrigin | None
    collection_digest: str | None
    jobs: tuple[str, ...]
    rounds: tuple[RoundOrigin, ...]
    counts: dict[str, int]
    published: tuple[str, ...]
    already_published: tuple[str, ...]
    closed_at: str
    overrides: tuple[PolicyOverride, ...] = ()


def manifest_row(plan: RenderPlan, row: int | None) -> ManifestRow | None:
    """The plan's manifest file by content, with this row; None where its sources name none."""
    location = re.sub(r"\{\{\s*drop\s*\}\}", plan.run.drop, plan.spec.manifest.location)
    named = [source for source in plan.sources if source.path == location or source.path.endswith(f"/{location}")]
    copy = plan.spec.copy_table
    tables = [s for s in plan.sources if s.path.endswith(_TABLES) and not (copy and s.path.endswith(copy))]
    for source in (*named, *tables):
        return ManifestRow(path=source.path, sha256=source.sha256, row=row)
    return None


def input_origins(plan: RenderPlan, item: Item) -> tuple[InputOrigin, ...]:
    """The item's input files by content, in the order of their parameters."""
    assets = {asset.name: asset for asset in plan.inputs}
    return tuple(
        InputOrigin(parameter=parameter, name=name, sha256=assets[name].sha256, source=assets[name].source)
        for parameter, name in sorted(item.inputs.items())
    )


def workflow_origins(plan: RenderPlan) -> tuple[WorkflowOrigin, ...]:
    return tuple(
        WorkflowOrigin(name=name, graph_sha256=bundle.graph_sha256, contract_sha256=bundle.contract_sha256)
        for name, bundle in sorted(plan.workflows.items())
    )


def describe_lineage(record: AssetLineage) -> str:
    """The record in sentences: what it is, who asked, from which row, made how, approved by whom, published where."""
    render, run = record.render, record.run
    file = record.file
    medium = medium_of(file.media_type, file.playback)
    kind = f"a {'proof' if record.proof else 'final'} {medium}"
    axes = ", ".join(f"{axis} {record.axes[axis]}" for axis in axis_order(record.axes))
    lines = [f"This is {kind} of campaign {record.campaign} ({record.title}): {axes}."]
    if record.manifest:
        row = f"row {record.manifest.row} of " if record.manifest.row is not None else ""
        lines.append(f"It comes from {row}{record.manifest.path} (SHA-256 {record.manifest.sha256[:12]}).")
    knobs = "".join(f", with {name} set to {value}" for name, value in sorted(run.knobs.items()))
    note = f', with the note "{run.note}"' if run.note else ""
    lines.append(
        f"{run.triggered_by} started the {run.run_type} run {run.run_id} of {run.dag_id} on {run.deployment}"
        f" for drop {run.drop}{knobs}{note}."
    )
    batch = f", picture {record.batch.label} that one prompt made" if record.batch else ""
    lines.append(
        f"Job {render.job} rendered it on {_when(render.started_at)} in {render.seconds:.1f} s"
        f" with workflow {record.workflow.name} (graph {record.workflow.graph_sha256[:12]}),"
        f" seed {record.seed}{batch}, engine {run.engine} {render.engine_version}."
    )
    if render.run_key != run.run_key:
        lines.append(f"The picture was bought by an earlier run, {render.run_key}, and reused.")
    lines += [f"Input {origin.parameter}: {origin.source or origin.name}." for origin in record.inputs]
    prompts = [
        f'{name}: "{value}"' for name, value in sorted(record.params.items()) if isinstance(value, str) and value
    ]
    if prompts:
        lines.append("Parameters in words: " + "; ".join(prompts) + ".")
    lines += [_decision_sentence(decision) for decision in record.decisions]
    lines.append(
        f"{record.round.closed_by} closed review round {record.round.number} on {_when(record.round.closed_at)}."
    )
    lines += [f"{one.by} overrode policy rule {one.rule}: {one.reason}." for one in record.overrides]
    if record.quote:
        lines.append(_quote_sentence(record.quote))
    facts = [f"{file.width}×{file.height}"] if file.width and file.height else []
    facts += [f"{file.playback.seconds:.1f} s"] if file.playback else []
    facts += [f"file {file.part + 1} of its item"] if file.part else []
    lines.append(f"It was published on {_when(file.published_at)} as {file.uri} ({', '.join(facts)}).")
    return "\n".join(lines)


def _decision_sentence(decision: DecisionOrigin) -> str:
    verb = {"approved": "approved it", "rejected": "rejected it", "changes_requested": "asked for changes"}
    said = [part for part in (decision.reason, decision.note) if part]
    because = f" ({'; '.join(said)})" if said else ""
    who = decision.by if decision.by_name in ("", decision.by) else f"{decision.by_name} ({decision.by})"
    return f"{who} {verb.get(decision.state, decision.state)} on {_when(decision.at)}{because}."


def _quote_sentence(quote: QuoteOrigin) -> str:
    if quote.usd is None:
        return f"The run's quote {quote.digest[:12]} had no price ({quote.price_source})."
    most = f", at most {quote.ceiling_usd:.2f}" if quote.ceiling_usd is not None else ""
    return f"The run was quoted USD {quote.usd:.4f}{most} (quote {quote.digest[:12]}, {quote.price_source})."


def _when(stamp: str) -> str:
    """An ISO 8601 stamp for people, to the minute."""
    day, _, clock = stamp.partition("T")
    return f"{day} {clock[:5]} UTC" if clock else stamp

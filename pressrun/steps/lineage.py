"""Lineage records: written when a file is published, shown when somebody asks a year later."""

from __future__ import annotations

import re
from pathlib import Path

from pressrun.core import keys
from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.errors import ConflictError, InputError, NotFoundError
from pressrun.core.image_clean import claimed_identifier
from pressrun.core.item import Item
from pressrun.core.lineage import (
    AssetLineage,
    DecisionOrigin,
    FileOrigin,
    QuoteOrigin,
    RenderOrigin,
    RoundOrigin,
    RunOrigin,
    WorkflowOrigin,
    input_origins,
    manifest_row,
)
from pressrun.core.plan import RenderPlan
from pressrun.core.publication import PlannedPublication, Publication
from pressrun.core.publish import is_proof
from pressrun.core.quote import Quote
from pressrun.core.render import Render
from pressrun.core.review import Decision, RoundClosed
from pressrun.steps.media_clean import CleanFile
from pressrun.steps.review_rounds import utc_now
from pressrun.steps.workspace import Workspace

_SHA256 = re.compile(r"[0-9a-f]{64}")


def record_asset(
    ws: Workspace,
    plan: RenderPlan,
    item: Item,
    planned: PlannedPublication,
    clean: CleanFile,
    *,
    plan_digest: str,
    closed: RoundClosed,
    quote: Quote | None,
    uri: str,
) -> tuple[str, AssetLineage]:
    """Create the record of a file that is about to be published at `uri`; returns its URI and the record that counts.

    Where there is a record already (an earlier try was killed after writing it), that one counts.
    """
    render = _render_of(ws, item.render_key, planned)
    bundle = plan.workflows[item.workflow]
    digest = sha256_hex(clean.data)
    record = AssetLineage(
        campaign=plan.spec.campaign,
        title=plan.spec.title,
        item_id=item.item_id,
        cell_id=item.cell_id,
        axes=item.axes,
        proof=is_proof(plan.run),
        manifest=manifest_row(plan, item.row),
        sources=plan.sources,
        params=item.params,
        params_sha256=render.params_sha256,
        seed=item.seed,
        batch=item.batch,
        workflow=WorkflowOrigin(
            name=bundle.name, graph_sha256=bundle.graph_sha256, contract_sha256=bundle.contract_sha256
        ),
        inputs=input_origins(plan, item),
        render=_render_origin(render, planned.part),
        decisions=tuple(
            DecisionOrigin.of(decision)
            for decision in decisions_about(ws, plan.spec.campaign, item.item_id, planned.approved_sha256)
        ),
        round=RoundOrigin.of(closed),
        file=FileOrigin(
            uri=uri,
            sha256=digest,
            size=len(clean.data),
            media_type=clean.media_type,
            width=clean.width,
            height=clean.height,
            playback=clean.playback,
            part=planned.part,
            published_at=utc_now(),
        ),
        run=RunOrigin.of(plan.run, plan_digest=plan_digest),
        quote=QuoteOrigin.of(quote) if quote else None,
        overrides=tuple(o for o in plan.spec.policy.overrides if not o.markets or item.locale in o.markets),
    )
    key = keys.asset_lineage(digest)
    if not ws.lineage.create(key, record.to_bytes()):
        record = from_bytes(AssetLineage, ws.lineage.get(key), where=ws.lineage.uri(key))
    return ws.lineage.uri(key), record


def decisions_about(ws: Workspace, campaign: str, item_id: str, sha256: str) -> list[Decision]:
    """Every decision about exactly these bytes, oldest first."""
    found = ws.work.list(keys.decisions(campaign, item_id, sha256))
    return [ws.read(Decision, info.key) for info in found if info.key.endswith(".json")]


def newest_quote(ws: Workspace, run_key: str, plan_digest: str) -> Quote | None:
    """The last quote written for this plan, or None where none was."""
    for info in sorted(ws.work.list(keys.quotes(run_key)), key=lambda info: (info.modified, info.key), reverse=True):
        quote = ws.read(Quote, info.key)
        if quote.plan_digest == plan_digest:
            return quote
    return None


def show_lineage(ws: Workspace, target: str | bytes) -> AssetLineage:
    """The record of a delivered file: its bytes, a path to them, an s3:// URI, or the SHA-256 of the bytes.

    NotFoundError where there is no record for exactly these bytes; it names the records that the file points at, where
    it still carries our identifier. InputError where `target` is none of those.
    """
    if isinstance(target, str) and target.startswith("s3://"):
        store, key = ws.store_of(target)
        if store is ws.lineage:
            return from_bytes(AssetLineage, store.get(key), where=target)
        return _record_of(ws, store.get(key), target)
    if isinstance(target, bytes):
        return _record_of(ws, target, "the file")
    if _SHA256.fullmatch(target.lower()):
        return _read(ws, target.lower(), where=target, hint="")
    path = Path(target)
    try:
        return _record_of(ws, path.read_bytes(), target)
    except OSError as exc:
        raise InputError(
            f"cannot be read: {exc.strerror}", where=target, remedy="give a file, an s3:// URI or a SHA-256"
        ) from exc


def _record_of(ws: Workspace, data: bytes, where: str) -> AssetLineage:
    return _read(ws, sha256_hex(data), where=where, hint=_hint(ws, data))


def _read(ws: Workspace, sha256: str, *, where: str, hint: str) -> AssetLineage:
    key = keys.asset_lineage(sha256)
    try:
        return from_bytes(AssetLineage, ws.lineage.get(key), where=ws.lineage.uri(key))
    except NotFoundError:
        raise NotFoundError(
            f"there is no lineage record for these bytes (SHA-256 {sha256[:12]}…)",
            where=where,
            remedy=hint
            or "a file that was opened and saved again has other bytes: ask with the file as delivered, "
            "or look its name up in the campaign's delivery.csv",
        ) from None


def _hint(ws: Workspace, data: bytes) -> str:
    claimed = claimed_identifier(data)
    if claimed is None:
        return ""
    campaign, _, item_id = claimed.removeprefix("pressrun:").partition("/")
    found = [ws.read(Publication, info.key).lineage_uri for info in ws.work.list(keys.publications(campaign, item_id))]
    if not found:
        return ""
    return f"it was saved again after delivery, and says it is item {item_id} of {campaign}: see " + ", ".join(found)


def _render_origin(render: Render, part: int) -> RenderOrigin:
    """The press's side of one file of a render."""
    shared = {name: getattr(render, name) for name in RenderOrigin.model_fields}
    file = render.further[part - 1] if part else None
    own = {name: getattr(file, name) for name in ("image_uri", "sha256", "measurements", "playback")} if file else {}
    return RenderOrigin(**{**shared, **own})


def _render_of(ws: Workspace, render_key: str, planned: PlannedPublication) -> Render:
    key = keys.render(render_key)
    try:
        render = ws.read(Render, key)
    except NotFoundError as exc:
        raise ConflictError(
            f"item {planned.item_id} was approved, but the render index no longer knows it",
            where=ws.work.uri(key),
            remedy="run the campaign again: it renders what is missing",
        ) from exc
    if render.sealed_sha256 != planned.approved_sha256:
        raise ConflictError(
            f"item {planned.item_id}: the render index holds other bytes than were approved", where=ws.work.uri(key)
        )
    return render

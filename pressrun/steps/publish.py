"""publish_assets: approved bytes, cleaned, under keys that are written once, with lineage first and pointers last.

Order per cell: lineage record → file → current.json → receipt of each file; then the campaign's index and
delivery.csv, then the round's receipt. Every write is conditional and says the same thing when it is done again, so
the step may be killed anywhere and run again: nothing is delivered twice and nothing is left half named.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pressrun.core import keys
from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.collection import Collection
from pressrun.core.errors import ConflictError, NotAllowedError, NotFoundError
from pressrun.core.image_clean import identifier_of
from pressrun.core.item import Item
from pressrun.core.lineage import AssetLineage
from pressrun.core.plan import RenderPlan
from pressrun.core.publication import (
    CurrentPointer,
    DeliveredFile,
    PlannedPublication,
    PointerRevision,
    Publication,
    PublishReceipt,
)
from pressrun.core.publish import advance, is_proof, plan_publications
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, PublishRef, ReviewRef
from pressrun.core.review import ReviewRound, RoundClosed
from pressrun.steps.campaign_index import update_index
from pressrun.steps.lineage import newest_quote, record_asset
from pressrun.steps.media_clean import CleanFile, clean_file
from pressrun.steps.workspace import Workspace

METADATA_LIMIT = 2048
POINTER_TRIES = 20


@dataclass(frozen=True, slots=True)
class _Press:
    """What every file of one publish shares."""

    ws: Workspace
    plan: RenderPlan
    plan_digest: str
    closed: RoundClosed
    quote: Quote | None
    items: dict[str, Item]


def publish_run(ws: Workspace, plan_ref: PlanRef, review: ReviewRef, *, workers: int = 4) -> PublishRef:
    """Publish what a closed round approved; `workers` cells at a time.

    NotAllowedError where proofs may not be published here; ConflictError where the bytes, or the run, are not those
    that were reviewed.
    """
    plan = ws.read(RenderPlan, keys.plan(plan_ref["run_key"], plan_ref["plan_digest"]))
    closed = from_bytes(RoundClosed, ws.fetch(review["closed_uri"]), where=review["closed_uri"])
    if closed.run_key != plan.run.run_key:
        raise ConflictError(f"the round belongs to run {closed.run_key}", where=review["closed_uri"])
    receipt_key = keys.publish_receipt(closed.run_key, closed.number)
    if ws.work.head(receipt_key) is not None:
        return _ref(ws, receipt_key, ws.read(PublishReceipt, receipt_key))
    if closed.approved and is_proof(plan.run) and not ws.settings.publish_proofs:
        raise NotAllowedError(
            "proofs may not be published on this deployment",
            where=plan.run.run_id,
            remedy='trigger the campaign with {"press": "final"}; PRESSRUN_PUBLISH_PROOFS is for local deployments',
        )
    opened = ws.read(ReviewRound, keys.round_open(plan.run.campaign, closed.run_key, closed.number))
    collection = ws.read(Collection, opened.collection_key)
    planned = plan_publications(collection, closed.approved, plan)
    press = _Press(
        ws=ws,
        plan=plan,
        plan_digest=plan_ref["plan_digest"],
        closed=closed,
        quote=newest_quote(ws, plan.run.run_key, plan_ref["plan_digest"]),
        items={item.item_id: item for item in plan.items},
    )
    cells: dict[str, list[PlannedPublication]] = {}
    for publication in planned:
        cells.setdefault(publication.folder, []).append(publication)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        done = [made for cell in pool.map(lambda cell: _publish_cell(press, cell), cells.values()) for made in cell]
    index_uri, delivery_uri = update_index(ws, plan.spec.campaign, proofs=is_proof(plan.run))
    receipt = PublishReceipt(
        run_key=plan.run.run_key,
        campaign=plan.run.campaign,
        approved=sum(not one.part for one in planned),
        published=tuple(made.uri for made in done if not made.part and made.run_key == plan.run.run_key),
        already_published=tuple(made.uri for made in done if not made.part and made.run_key != plan.run.run_key),
        further=tuple(made.uri for made in done if made.part),
        index_uri=index_uri,
        delivery_uri=delivery_uri,
    )
    ws.write_once(receipt_key, receipt)
    return _ref(ws, receipt_key, ws.read(PublishReceipt, receipt_key))


def _publish_cell(press: _Press, cell: Sequence[PlannedPublication]) -> list[Publication]:
    """Deliver a cell's files, move its pointer, then leave the receipts that make later runs skip them."""
    ws, campaign = press.ws, press.plan.run.campaign
    done: list[tuple[Publication, bool]] = []
    for planned in cell:
        key = keys.publication(campaign, planned.item_id, planned.source_sha256)
        try:
            known = ws.read(Publication, key)
        except NotFoundError:
            done.append((_deliver(press, planned), True))
        else:
            done.append((_of_this_press(press, known), False))
    _move_pointer(press, cell[0].folder, [publication for publication, _ in done])
    return [_receipted(press, publication) if new else publication for publication, new in done]


def _receipted(press: _Press, publication: Publication) -> Publication:
    """Leave the file's receipt; where another run delivered the same bytes at the same time, its receipt counts."""
    key = keys.publication(publication.campaign, publication.item_id, publication.source_sha256)
    if press.ws.write_once(key, publication):
        return publication
    return press.ws.read(Publication, key)


def _of_this_press(press: _Press, known: Publication) -> Publication:
    """A proof is never a final, even where both claim the same bytes."""
    if (known.press == "proof") != is_proof(press.plan.run):
        raise ConflictError(
            f"item {known.item_id}: these bytes are published as a {known.press} already, and this run is not one",
            where=known.uri,
            remedy="find out why both presses made the same bytes; nothing was published",
        )
    return known


def _deliver(press: _Press, planned: PlannedPublication) -> Publication:
    ws, run = press.ws, press.plan.run
    source = ws.fetch(planned.image_uri)
    if sha256_hex(source) != planned.source_sha256:
        raise ConflictError(
            f"item {planned.item_id} was approved as {planned.source_sha256[:12]}, "
            f"but the bytes there are {sha256_hex(source)[:12]}",
            where=planned.image_uri,
            remedy="an approval binds the bytes that were seen; find out who wrote there, then review this item again",
        )
    identifier = identifier_of(run.campaign, planned.item_id)
    clean = clean_file(
        source,
        media_type=planned.media_type,
        size=(planned.width, planned.height),
        playback=planned.playback,
        identifier=identifier,
        proof=is_proof(run),
        where=planned.image_uri,
    )
    digest = sha256_hex(clean.data)
    key = keys.published_file(planned.folder, planned.stem, digest, clean.extension)
    lineage_uri, record = record_asset(
        ws,
        press.plan,
        press.items[planned.item_id],
        planned,
        clean,
        plan_digest=press.plan_digest,
        closed=press.closed,
        quote=press.quote,
        uri=ws.published.uri(key),
    )
    _put_file(ws, key, clean, digest, _metadata(record, lineage_uri))
    return Publication(
        campaign=run.campaign,
        item_id=planned.item_id,
        cell_id=planned.cell_id,
        axes=planned.axes,
        run_key=run.run_key,
        source_sha256=planned.source_sha256,
        sha256=digest,
        size=len(clean.data),
        media_type=clean.media_type,
        width=clean.width,
        height=clean.height,
        seconds=clean.playback.seconds if clean.playback else None,
        part=planned.part,
        uri=ws.published.uri(key),
        lineage_uri=lineage_uri,
        decision_key=planned.decision_key,
        press="proof" if is_proof(run) else "final",
        published_at=record.file.published_at,
    )


def _put_file(ws: Workspace, key: str, clean: CleanFile, digest: str, metadata: dict[str, str]) -> None:
    """Create the object, or find these very bytes there: the lost-acknowledgement case."""
    if ws.published.create(key, clean.data, content_type=clean.media_type, metadata=metadata):
        return
    found = ws.published.head(key)
    same = found is not None and found.size == len(clean.data) and found.metadata.get("sha256") == digest
    if not same and sha256_hex(ws.published.get(key)) != digest:
        raise ConflictError(
            "other bytes are already published under this key",
            where=ws.published.uri(key),
            remedy="nothing was overwritten; find out who wrote there",
        )


def _metadata(record: AssetLineage, lineage_uri: str) -> dict[str, str]:
    """S3 user metadata: US-ASCII, at most 2 KB in all; the prompt does not leave, its digest does."""
    values = {
        "sha256": record.file.sha256,
        "run": record.run.run_key,
        "item": record.item_id,
        "campaign": record.campaign,
        "locale": record.axes["locale"],
        "workflow-sha256": record.workflow.graph_sha256,
        "params-sha256": record.params_sha256,
        "seed": str(record.seed),
        "source-sha256": record.render.sha256,
        "render-key": record.render.render_key,
        "press": "proof" if record.proof else "final",
        "lineage": lineage_uri,
    }
    ascii_values = {name: value.encode("ascii", "backslashreplace").decode() for name, value in values.items()}
    if sum(len(name) + len(value) for name, value in ascii_values.items()) > METADATA_LIMIT:
        raise AssertionError("object metadata beyond S3's 2 KB: every value here is an id or a digest")
    return ascii_values


def _move_pointer(press: _Press, folder: str, made: Sequence[Publication]) -> None:
    ws, closed = press.ws, press.closed
    key = keys.published_pointer(folder)
    revision = PointerRevision(
        run_key=closed.run_key,
        round=closed.number,
        by=closed.by,
        at=closed.at,
        files=tuple(DeliveredFile.of(publication) for publication in made),
    )
    for _ in range(POINTER_TRIES):
        # The ETag is taken before the bytes: were they newer than it, the conditional write would refuse.
        info = ws.published.head(key)
        known = from_bytes(CurrentPointer, ws.published.get(key), where=ws.published.uri(key)) if info else None
        pointer = advance(known, revision, campaign=press.plan.run.campaign)
        if pointer is None:
            return
        data = pointer.to_bytes()
        if ws.published.replace(key, data, etag=info.etag) if info else ws.published.create(key, data):
            return
    raise ConflictError(
        "other runs kept changing this cell's pointer",
        where=ws.published.uri(key),
        remedy="clear publish_assets and run it again; nothing is published twice",
    )


def _ref(ws: Workspace, key: str, receipt: PublishReceipt) -> PublishRef:
    return PublishRef(
        receipt_uri=ws.work.uri(key),
        index_uri=receipt.index_uri,
        delivery_uri=receipt.delivery_uri,
        approved=receipt.approved,
        published=len(receipt.published),
        already_published=len(receipt.already_published),
    )

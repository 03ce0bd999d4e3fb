"""retire_campaigns: delete drafts whose time is over, and say which.

What may go is decided by pressrun.core.retention from the claims of all runs. Of a draft the render index entry goes
first, then the image: planning must never count on a picture that is not there. The receipt is written before the
first deletion, so that a killed pass is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from pressrun.core import keys
from pressrun.core.account import RunSummary
from pressrun.core.campaign import RetentionClass
from pressrun.core.codec import from_bytes
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError, NotFoundError
from pressrun.core.plan import RenderPlan
from pressrun.core.render import Render
from pressrun.core.retention import (
    Draft,
    RetentionPolicy,
    RetiredDraft,
    Retirement,
    draft_class,
    expired,
    read_policy,
)
from pressrun.steps.decisions import Heads, read_heads
from pressrun.steps.holds import is_held
from pressrun.steps.review_rounds import list_rounds
from pressrun.steps.workspace import Workspace


@dataclass(slots=True)
class _Run:
    """A run as a listing shows it. `newest` is when its last document was written, UTC."""

    run_key: str
    newest: datetime
    documents: dict[str, list[str]] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        return "close.json" in self.documents


@dataclass(slots=True)
class _Claims:
    """All claims on drafts, and the render keys that open runs plan with."""

    drafts: list[Draft] = field(default_factory=list)
    in_use: set[str] = field(default_factory=set)


def retire_campaigns(ws: Workspace, today: date) -> list[Retirement]:
    """Delete every draft that no run, approval, publication or hold keeps any more; one receipt for each run."""
    policy = retention_policy(ws)
    claims = _claims(ws, policy, today)
    held = {campaign for campaign in {draft.campaign for draft in claims.drafts} if is_held(ws, campaign)}
    by_run: dict[tuple[str, str], list[Draft]] = {}
    for draft in expired(claims.drafts, policy, today, held=held, in_use=claims.in_use):
        by_run.setdefault((draft.campaign, draft.run_key), []).append(draft)
    receipts = []
    for (campaign, run_key), drafts in sorted(by_run.items()):
        receipt = _retire(ws, campaign, run_key, drafts, today)
        if receipt is not None:
            receipts.append(receipt)
    return receipts


def retention_policy(ws: Workspace) -> RetentionPolicy:
    """include/policy/retention.yaml, or the standard classes where there is none."""
    path = ws.settings.include / "policy" / "retention.yaml"
    return read_policy(path.read_bytes(), file=str(path)) if path.is_file() else RetentionPolicy.model_validate({})


def _claims(ws: Workspace, policy: RetentionPolicy, today: date) -> _Claims:
    claims = _Claims()
    heads: dict[str, Heads] = {}
    published: dict[str, set[tuple[str, str]]] = {}
    open_rounds = {listing.run_key for listing in list_rounds(ws) if listing.closed is None}
    for run in _runs(ws):
        # A run that was never closed is open; one that nothing was written to for the longest class is abandoned.
        abandoned = not run.closed and (today - run.newest.date()).days > policy.campaign
        live = run.run_key in open_rounds or not (run.closed or abandoned)
        if live:
            for key in run.documents.get("plans", ()):
                claims.in_use |= {item.render_key for item in ws.read(RenderPlan, key).items}
        summary = ws.read(RunSummary, keys.close(run.run_key)) if run.closed else None
        for key in run.documents.get("collections", ()):
            collection = ws.read(Collection, key)
            campaign = collection.campaign
            if campaign not in heads:
                heads[campaign] = read_heads(ws, campaign)
                published[campaign] = _published(ws, campaign)
            closed = None if live else _closed_on(run, summary)
            retention: RetentionClass = summary.retention if summary else "campaign"
            for item in collection.items:
                kept = any((item.item_id, file.sha256) in published[campaign] for file in item.files)
                claims.drafts += _claim(ws, collection, item, heads[campaign], retention, closed, kept)
    return claims


def _runs(ws: Workspace) -> Iterator[_Run]:
    """All runs, by one listing in key order."""
    run: _Run | None = None
    for info in ws.work.list(keys.runs()):
        run_key, _, rest = info.key.removeprefix(keys.runs()).partition("/")
        if run is None or run.run_key != run_key:
            if run is not None:
                yield run
            run = _Run(run_key, info.modified)
        run.newest = max(run.newest, info.modified)
        run.documents.setdefault(rest.partition("/")[0], []).append(info.key)
    if run is not None:
        yield run


def _closed_on(run: _Run, summary: RunSummary | None) -> date:
    """The later of what the record says and when it was stored: a worker's wrong clock must not delete early."""
    said = datetime.fromisoformat(summary.closed_at).date() if summary else run.newest.date()
    return max(said, run.newest.date())


def _published(ws: Workspace, campaign: str) -> set[tuple[str, str]]:
    prefix = keys.publications(campaign)
    names = [info.key.removeprefix(prefix).removesuffix(".json") for info in ws.work.list(prefix)]
    return {(item_id, sha256) for item_id, _, sha256 in (name.partition("/") for name in names)}


def _claim(
    ws: Workspace,
    collection: Collection,
    item: CollectedItem,
    heads: Heads,
    retention: RetentionClass,
    closed: date | None,
    published: bool,
) -> list[Draft]:
    if item.image_uri is None or item.sha256 is None or not item.image_uri.startswith(ws.work.uri("staging/")):
        return []
    head = heads.get((item.item_id, item.sha256))
    state = head.state if head else None
    turned_down = item.state == "qc_rejected" or state == "rejected"
    return [
        Draft(
            image_uri=item.image_uri,
            thumb_uri=item.thumb_uri,
            render_key=item.render_key,
            sha256=item.sha256,
            item_id=item.item_id,
            campaign=collection.campaign,
            run_key=collection.run_key,
            retention=draft_class(retention, proof=collection.press == "proof", turned_down=turned_down),
            closed=closed,
            kept=published or state == "approved",
            further_uris=tuple(uri for file in item.further for uri in (file.image_uri, file.thumb_uri) if uri),
        )
    ]


def _retire(ws: Workspace, campaign: str, run_key: str, drafts: list[Draft], today: date) -> Retirement | None:
    """Delete these drafts of a run; None where an earlier pass did already, or a hold arrived meanwhile."""
    key = keys.retirement(campaign, run_key)
    before = _read_receipt(ws, key)
    done = _done(ws, before)
    fresh = {draft.image_uri: _entry(draft) for draft in drafts if draft.image_uri not in done}
    if (before is not None and before.finished and not fresh) or is_held(ws, campaign):
        return None
    entries = done | fresh
    receipt = Retirement(
        campaign=campaign,
        run_key=run_key,
        deleted=tuple(entries[uri] for uri in sorted(entries)),
        last_pass=today.isoformat(),
        finished=False,
    )
    _write_receipt(ws, key, receipt)
    for entry in fresh.values() if before is None or before.finished else receipt.deleted:
        _delete(ws, entry)
    finished = receipt.model_copy(update={"finished": True})
    _write_receipt(ws, key, finished)
    return finished


def _done(ws: Workspace, receipt: Retirement | None) -> dict[str, RetiredDraft]:
    """What earlier passes deleted; of a killed one only what it took out of the index: the rest may be in use again."""
    if receipt is None:
        return {}
    return {entry.image_uri: entry for entry in receipt.deleted if receipt.finished or not _indexed(ws, entry)}


def _indexed(ws: Workspace, entry: RetiredDraft) -> bool:
    try:
        return ws.read(Render, keys.render(entry.render_key)).image_uri == entry.image_uri
    except NotFoundError:
        return False


def _delete(ws: Workspace, entry: RetiredDraft) -> None:
    if _indexed(ws, entry):
        ws.work.delete(keys.render(entry.render_key))
    for uri in (entry.image_uri, entry.thumb_uri, *entry.further_uris):
        if uri is not None:
            store, key = ws.store_of(uri)
            store.delete(key)


def _entry(draft: Draft) -> RetiredDraft:
    return RetiredDraft(**{name: getattr(draft, name) for name in RetiredDraft.model_fields})


def _read_receipt(ws: Workspace, key: str) -> Retirement | None:
    if ws.work.head(key) is None:
        return None
    return from_bytes(Retirement, ws.work.get(key), where=ws.work.uri(key))


def _write_receipt(ws: Workspace, key: str, receipt: Retirement) -> None:
    info = ws.work.head(key)
    data = receipt.to_bytes()
    if not (ws.work.replace(key, data, etag=info.etag) if info else ws.work.create(key, data)):
        raise ConflictError(
            "another retirement is running", where=ws.work.uri(key), remedy="let it finish; one at a time is enough"
        )

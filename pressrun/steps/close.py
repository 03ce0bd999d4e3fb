"""close_run: the run's account, what it left undone, and its lineage record."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.account import Account, EstimateCheck, Remaining, RunSummary
from pressrun.core.codec import from_bytes
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError
from pressrun.core.lineage import QuoteOrigin, RoundOrigin, RunLineage, RunOrigin, manifest_row, workflow_origins
from pressrun.core.plan import RenderPlan
from pressrun.core.publication import PublishReceipt
from pressrun.core.publish import is_proof
from pressrun.core.quote import Quote
from pressrun.core.refs import CloseRef, CollectionRef, PlanRef, PublishRef, QuoteRef, ReviewRef
from pressrun.core.retention import draft_class
from pressrun.core.review import RoundClosed
from pressrun.steps.decisions import read_decision, read_heads
from pressrun.steps.ledger import settle_run
from pressrun.steps.review_rounds import read_rounds, utc_now
from pressrun.steps.workspace import Workspace

REMAINING_LIMIT = 500


def close_run(
    ws: Workspace,
    plan_ref: PlanRef,
    quote_ref: QuoteRef | None = None,
    collection_ref: CollectionRef | None = None,
    review: ReviewRef | None = None,
    publish: PublishRef | None = None,
) -> CloseRef:
    """Write the run's lineage record, then close.json. Steps that were skipped are None.

    ConflictError where the account does not add up, or where nothing was collected although it was not a dry run.
    """
    run_key = plan_ref["run_key"]
    plan = ws.read(RenderPlan, keys.plan(run_key, plan_ref["plan_digest"]))
    key = keys.close(run_key)
    if ws.work.head(key) is not None:
        return _ref(ws, key, ws.read(RunSummary, key))
    if collection_ref is None and not plan.run.dry_run:
        raise ConflictError(
            "nothing was collected, so the run cannot be closed",
            where=plan.run.run_id,
            remedy="clear collect_results and run it again",
        )
    quote = ws.read(Quote, keys.quote(run_key, quote_ref["digest"])) if quote_ref else None
    collection_key = keys.collection(run_key, collection_ref["digest"]) if collection_ref else None
    collection = ws.read(Collection, collection_key) if collection_key else None
    closed = from_bytes(RoundClosed, ws.fetch(review["closed_uri"]), where=review["closed_uri"]) if review else None
    receipt = _receipt(ws, publish)
    if quote is not None and collection is not None:
        settle_run(ws, plan, quote, collection)
    account = _account(plan, quote, collection, closed, receipt)
    account.check(published=receipt is not None)
    remaining = _remaining(ws, collection, closed, receipt) if collection else ()
    record = _record(plan, plan_ref["plan_digest"], quote, collection_ref, collection, receipt, account)
    lineage_uri, closed_at = _write_lineage(ws, record.model_copy(update={"rounds": _rounds(ws, plan)}))
    summary = RunSummary(
        run_key=run_key,
        campaign=plan.run.campaign,
        dag_id=plan.run.dag_id,
        drop=plan.run.drop,
        press=plan.run.press,
        dry_run=plan.run.dry_run,
        collection_key=collection_key,
        retention=draft_class(plan.spec.retention, proof=is_proof(plan.run), turned_down=False),
        account=account,
        remaining=remaining[:REMAINING_LIMIT],
        remaining_total=len(remaining),
        lineage_uri=lineage_uri,
        closed_at=closed_at,
        estimate=_estimate(quote, collection),
    )
    ws.write_once(key, summary)
    return _ref(ws, key, ws.read(RunSummary, key))


def _account(
    plan: RenderPlan,
    quote: Quote | None,
    collection: Collection | None,
    closed: RoundClosed | None,
    receipt: PublishReceipt | None,
) -> Account:
    """A dry run puts nothing to the press: its account plans nothing, and its quote says what a real one would."""
    counts = collection.counts.model_dump() if collection else {"planned": 0}
    decided = closed.counts if closed else {}
    hourly = quote.usd_per_hour if quote else None
    seconds = collection.gpu_seconds if collection else 0.0
    return Account(
        run_id=plan.run.run_id,
        **counts,
        approved=receipt.approved if receipt else len(closed.approved) if closed else 0,
        rejected=decided.get("rejected", 0),
        changes_requested=decided.get("changes_requested", 0),
        not_selected=decided.get("not_selected", 0),
        published=len(receipt.published) if receipt else 0,
        already_published=len(receipt.already_published) if receipt else 0,
        jobs=len(collection.jobs) if collection else 0,
        seconds=round(seconds, 3),
        usd=None if hourly is None else round(seconds / 3600 * hourly, 6),
        quote_usd=quote.usd if quote else None,
    )


def _estimate(quote: Quote | None, collection: Collection | None) -> EstimateCheck | None:
    if quote is None or collection is None or not collection.job_seconds:
        return None
    return EstimateCheck.of(quote, job_seconds=collection.job_seconds)


def _remaining(
    ws: Workspace, collection: Collection, closed: RoundClosed | None, receipt: PublishReceipt | None
) -> tuple[Remaining, ...]:
    """Every candidate of the cells from which nothing was delivered, with how it ended."""
    approved = {approval.item_id for approval in closed.approved} if closed else set()
    delivered = approved if receipt is not None else set()
    covered = {item.cell_id for item in collection.items if item.item_id in delivered}
    missing = [item for item in collection.items if item.cell_id not in covered]
    heads = read_heads(ws, collection.campaign) if missing else {}

    def ended(item: CollectedItem) -> tuple[str, str]:
        head = heads.get((item.item_id, item.sha256 or ""))
        if not item.reviewable:
            return item.state, item.reason
        if item.item_id in approved:
            return "approved", "approved, but not published by this run"
        if head is None:
            return "undecided", "nobody decided about it"
        decision = read_decision(ws, collection.campaign, head)
        return decision.state, " ".join(part for part in (decision.reason, decision.note) if part)

    entries = []
    for item in missing:
        state, reason = ended(item)
        entries.append(
            Remaining(item_id=item.item_id, cell_id=item.cell_id, label=item.label, state=state, reason=reason)
        )
    return tuple(entries)


def _record(
    plan: RenderPlan,
    plan_digest: str,
    quote: Quote | None,
    collection_ref: CollectionRef | None,
    collection: Collection | None,
    receipt: PublishReceipt | None,
    account: Account,
) -> RunLineage:
    counted = account.model_dump(exclude={"run_id", "seconds", "usd", "quote_usd"})
    return RunLineage(
        campaign=plan.run.campaign,
        title=plan.spec.title,
        run=RunOrigin.of(plan.run, plan_digest=plan_digest),
        manifest=manifest_row(plan, None),
        sources=plan.sources,
        workflows=workflow_origins(plan),
        engine_class=plan.engine_class,
        overrides=plan.spec.policy.overrides,
        quote=QuoteOrigin.of(quote) if quote else None,
        collection_digest=collection_ref["digest"] if collection_ref else None,
        jobs=collection.jobs if collection else (),
        rounds=(),
        counts=counted,
        published=receipt.published if receipt else (),
        already_published=receipt.already_published if receipt else (),
        closed_at=utc_now(),
    )


def _rounds(ws: Workspace, plan: RenderPlan) -> tuple[RoundOrigin, ...]:
    statuses = read_rounds(ws, plan.run.campaign, plan.run.run_key)
    finished = [RoundOrigin.of(status.closed) for status in statuses if status.closed is not None]
    return tuple(sorted(finished, key=lambda origin: origin.number))


def _write_lineage(ws: Workspace, record: RunLineage) -> tuple[str, str]:
    """The record's URI and its closing time; an earlier try's record counts."""
    key = keys.run_lineage(record.run.run_key)
    if not ws.lineage.create(key, record.to_bytes()):
        record = from_bytes(RunLineage, ws.lineage.get(key), where=ws.lineage.uri(key))
    return ws.lineage.uri(key), record.closed_at


def _receipt(ws: Workspace, publish: PublishRef | None) -> PublishReceipt | None:
    if publish is None:
        return None
    return from_bytes(PublishReceipt, ws.fetch(publish["receipt_uri"]), where=publish["receipt_uri"])


def _ref(ws: Workspace, key: str, summary: RunSummary) -> CloseRef:
    counted: dict[str, object] = {**summary.account.model_dump(), "remaining": summary.remaining_total}
    return CloseRef(summary_uri=ws.work.uri(key), lineage_uri=summary.lineage_uri, summary=counted)

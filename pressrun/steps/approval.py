"""The bound plan: nothing is ordered but what was quoted, and nothing that needs consent without consent to it."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.approval import Approval
from pressrun.core.codec import Document, from_bytes, sha256_hex
from pressrun.core.errors import ConflictError, NotAllowedError
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.steps.review_rounds import utc_now
from pressrun.steps.workspace import Workspace


def record_approval(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef, *, by: str) -> Approval:
    """Write down that `by` agreed to this quote; who agreed first is kept."""
    _, quote = read_bound(ws, plan_ref, quote_ref)
    approval = Approval(
        run_key=plan_ref["run_key"],
        plan_digest=plan_ref["plan_digest"],
        quote_digest=quote_ref["digest"],
        by=by,
        at=utc_now(),
        ceiling_usd=quote.ceiling_usd,
    )
    key = keys.approval(plan_ref["run_key"], quote_ref["digest"])
    return approval if ws.write_once(key, approval) else ws.read(Approval, key)


def read_bound(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef) -> tuple[RenderPlan, Quote]:
    """The plan and its quote. ConflictError where one of them is not what its digest says, or they do not belong."""
    run_key = plan_ref["run_key"]
    plan = _sealed(ws, RenderPlan, keys.plan(run_key, plan_ref["plan_digest"]), plan_ref["plan_digest"])
    key = keys.quote(run_key, quote_ref["digest"])
    quote = _sealed(ws, Quote, key, quote_ref["digest"])
    if quote.plan_digest != plan_ref["plan_digest"]:
        raise ConflictError(
            "this quote is for another plan", where=ws.work.uri(key), remedy="clear quote_run and what follows it"
        )
    return plan, quote


def require_approval(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef, quote: Quote) -> None:
    """NotAllowedError where the quote needs consent and nobody gave it to exactly this quote."""
    if not quote.needs_approval:
        return
    key = keys.approval(plan_ref["run_key"], quote_ref["digest"])
    if ws.work.head(key) is not None:
        found = ws.read(Approval, key)
        if (found.quote_digest, found.plan_digest) == (quote_ref["digest"], plan_ref["plan_digest"]):
            return
    raise NotAllowedError(
        "nobody agreed to this quote, so nothing is bought",
        where=ws.work.uri(keys.quote(plan_ref["run_key"], quote_ref["digest"])),
        remedy="clear approve_spend and answer it; an approval holds for the quote that was shown and no other",
    )


def _sealed(ws: Workspace, kind: type[Document], key: str, digest: str) -> Document:
    data = ws.work.get(key)
    if sha256_hex(data) != digest:
        raise ConflictError(
            "the document was changed after it was written; what was agreed to is another one",
            where=ws.work.uri(key),
            remedy="restore its first version, or trigger a new run",
        )
    return from_bytes(kind, data, where=ws.work.uri(key))

"""quote_run: what the index does not hold yet, in shards, priced; refused above the campaign's hard limit."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.errors import NotAllowedError, StorageError
from pressrun.core.findings import FindingsError
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.core.quoting import make_quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.steps.besides import read_besides
from pressrun.steps.costs import known_costs
from pressrun.steps.ledger import check_room
from pressrun.steps.preflight import preflight
from pressrun.steps.prices import read_prices
from pressrun.steps.render_index import rendered_keys, salvage
from pressrun.steps.workspace import Workspace
from pressrun.storage.probe import Probe


def quote_plan(ws: Workspace, plan: RenderPlan, *, known: frozenset[str], probe: Probe | None = None) -> Quote:
    """The quote of a plan, given which renders exist. `probe` tells the quotas of the instance types it may choose."""
    final = plan.run.press == "final"
    kinds = plan.spec.job.instance_types if final else (ws.settings.proof_instance_type,)
    return make_quote(
        plan,
        plan_digest=plan.digest(),
        rendered_keys=known,
        instance_type=kinds,
        prices=read_prices(ws),
        costs_by_type={kind: known_costs(ws, plan, instance_type=kind) for kind in kinds},
        quotas={kind: _quota(probe, kind) for kind in kinds} if final and len(kinds) > 1 else {},
        besides=read_besides(ws, plan.run.campaign),
    )


def quote_run(ws: Workspace, ref: PlanRef, probe: Probe | None = None) -> QuoteRef:
    """Write the quote of a run. NotAllowedError where its ceiling is above `spend.limit`, its deadline out of reach.

    The same where its team or campaign has no room for it this month; a dry run is told its price all the same.
    FindingsError where the final press is not ready: preflight, with what `probe` may ask AWS.
    """
    plan = ws.read(RenderPlan, keys.plan(ref["run_key"], ref["plan_digest"]))
    salvage(ws, plan.run.campaign, besides=plan.run.run_key)
    quote = quote_plan(ws, plan, known=rendered_keys(ws), probe=probe)
    if quote.ceiling_usd is not None and quote.ceiling_usd > quote.limit:
        raise NotAllowedError(
            f"this run could cost up to ${quote.ceiling_usd:,.2f}, the campaign's limit is ${quote.limit:,.2f}",
            where=f"{ref['campaign']}/campaign.yaml, /spend/limit",
            remedy="render fewer items (locales, limit), lower job.attempts or max_runtime_minutes, or raise the limit",
        )
    for finding in quote.findings:
        raise NotAllowedError(finding.message, where=str(finding.place), remedy=finding.remedy)
    if not plan.run.dry_run:
        check_room(ws, plan, quote)
        if plan.run.press == "final" and quote.to_render:
            wrong = [found for found in preflight(ws, plan, quote, probe) if found.severity == "error"]
            if wrong:
                raise FindingsError.of(wrong, subject="preflight")
    key = keys.quote(ref["run_key"], quote.digest())
    ws.write_once(key, quote)
    return QuoteRef(
        digest=quote.digest(),
        uri=ws.work.uri(key),
        to_render=quote.to_render,
        reused=len(quote.reused),
        canary=quote.count("canary"),
        shards=quote.count("main"),
        usd=quote.usd or 0.0,
        ceiling_usd=quote.ceiling_usd or 0.0,
        unpriced=quote.unpriced,
        needs_approval=quote.needs_approval,
    )


def _quota(probe: Probe | None, kind: str) -> int | None:
    """Instances at once; None where nobody knows. That it could not be asked is the preflight's to say."""
    try:
        return probe.quota(kind) if probe else None
    except StorageError:
        return None

"""open_gate: a handful of pictures decides whether the fan-out starts."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.errors import JobError
from pressrun.core.plan import RenderPlan
from pressrun.core.quality import judge
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.steps.jobs import job_records
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace


def open_gate(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef) -> list[int]:
    """The indexes of the main shards, for mapping. JobError where more than half of the canary is bad or missing."""
    quote = ws.read(Quote, keys.quote(plan_ref["run_key"], quote_ref["digest"]))
    shards = list(range(quote.count("main")))
    if not quote.count("canary"):
        return shards
    plan = ws.read(RenderPlan, keys.plan(plan_ref["run_key"], plan_ref["plan_digest"]))
    wanted = set(quote.shard("canary", 0).item_ids)
    reasons = dict.fromkeys(wanted, "was not delivered")
    for record in job_records(ws, plan.run.run_key):
        if record.phase != "canary":
            continue
        job = staged_job(ws, record.name)
        reasons |= {item_id: result.error.message for item_id, result in job.failed.items() if result.error}
        for item in plan.items:
            if item.item_id in wanted and item.item_id in job.rendered:
                output = job.rendered[item.item_id].outputs[0]
                reasons[item.item_id] = judge(output, params=item.params, spec=plan.spec.quality)
    labels = {item.item_id: item.label for item in plan.items}
    bad = [f"{labels[item_id]} {reason}" for item_id, reason in reasons.items() if item_id in wanted and reason]
    if 2 * len(bad) > len(wanted):
        rest = quote.to_render - len(wanted)
        raise JobError(
            f"the canary failed: {len(bad)} of {len(wanted)} pictures are unusable; {rest} items were not bought",
            where=bad[0],
            remedy="look at the canary's pictures, mend the workflow or the manifest, and run again",
        )
    return shards

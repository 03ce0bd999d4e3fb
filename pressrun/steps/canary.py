"""open_gate: a handful of pictures decides whether the fan-out starts."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.errors import JobError
from pressrun.core.plan import RenderPlan
from pressrun.core.quality import judge_all
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.core.result import ItemResult
from pressrun.steps.jobs import job_records
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace


def open_gate(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef) -> list[int]:
    """The indexes of the main shards, for mapping.

    JobError where more than half of the canary is bad or missing, or where two of its pictures are the very same one:
    that is no bad luck, but a seed or a product that changes nothing. Verdicts that reviewers are merely shown count
    as bad here: what is wrong with most of a handful is wrong with the campaign.
    """
    quote = ws.read(Quote, keys.quote(plan_ref["run_key"], quote_ref["digest"]))
    shards = list(range(quote.count("main")))
    if not quote.count("canary"):
        return shards
    plan = ws.read(RenderPlan, keys.plan(plan_ref["run_key"], plan_ref["plan_digest"]))
    wanted = set(quote.shard("canary", 0).item_ids)
    bad, structural = _bad(ws, plan, wanted)
    if structural or 2 * len(bad) > len(wanted):
        rest = quote.to_render - len(wanted)
        raise JobError(
            f"the canary failed: {len(bad)} of {len(wanted)} pictures are unusable; {rest} items were not bought",
            where=structural or bad[0],
            remedy="look at the canary's pictures, mend the workflow or the manifest, and run again",
        )
    return shards


def _bad(ws: Workspace, plan: RenderPlan, wanted: set[str]) -> tuple[list[str], str]:
    """A sentence for each bad or missing picture of the canary, and the one that no other picture can outweigh."""
    rendered: dict[str, ItemResult] = {}
    failed: dict[str, str] = {}
    for record in job_records(ws, plan.run.run_key):
        if record.phase == "canary":
            job = staged_job(ws, record.name)
            rendered |= job.rendered
            failed |= {item_id: result.error.message for item_id, result in job.failed.items() if result.error}
    items = [item for item in plan.items if item.item_id in wanted]
    verdicts = judge_all(
        [(item, rendered[item.item_id].outputs) for item in items if item.item_id in rendered], plan.spec.quality
    )
    told, structural = [], ""
    for item in items:
        if item.item_id not in rendered:
            told.append(f"{item.label} {failed.get(item.item_id, 'was not delivered')}")
        elif verdict := verdicts[item.item_id].first:
            told.append(f"{item.label} {verdict.reason}")
            if verdict.code == "identical":
                structural = structural or told[-1]
    return told, structural

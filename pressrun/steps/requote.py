"""After the canary: what it taught is written down, and the quote is looked at again before the fan-out."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.core.requote import Requote, requote
from pressrun.steps.costs import known_costs, record_costs
from pressrun.steps.jobs import job_records
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace


def look_again(ws: Workspace, plan: RenderPlan, quote: Quote, *, digest: str) -> Requote | None:
    """The quote of `digest` after its canary; None where the canary has rendered nothing, so that nothing is known.

    `Requote.exceeds` says why the run must not go on. Safe to repeat: the first look is kept.
    """
    records = [record for record in job_records(ws, plan.run.run_key) if record.phase == "canary"]
    staged = [staged_job(ws, record.name) for record in records]
    if not any(job.rendered for job in staged):
        return None
    record_costs(ws, plan, records, staged)
    bases = known_costs(ws, plan, instance_type=quote.instance_type)
    used = {name: basis for name, basis in bases.items() if name in quote.cost} or bases
    key = keys.requote(plan.run.run_key, digest)
    ws.write_once(key, requote(plan, quote, digest=digest, bases=used))
    return ws.read(Requote, key)

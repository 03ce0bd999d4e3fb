"""open_gate: a handful of pictures decides whether the fan-out starts."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import JobError
from pressrun.core.gate import ESTIMATE, JUDGE, REMEDY, Gate, GateFault
from pressrun.core.plan import RenderPlan
from pressrun.core.quality import judge_all
from pressrun.core.quote import Quote
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.core.requote import REMEDY as TOO_DEAR
from pressrun.core.result import ItemResult
from pressrun.steps.contact_sheet import make_contact_sheet
from pressrun.steps.jobs import job_records
from pressrun.steps.requote import look_again
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace

_Made = tuple[str, ItemResult]
"""The job that delivered an item, and what it said of it."""


def open_gate(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef) -> list[int]:
    """The indexes of the main shards, for mapping. Writes what was seen, and the canary's pictures on one sheet.

    JobError where more than half of the canary is bad or missing, or where two of its pictures are the very same one:
    that is no bad luck, but a seed or a product that changes nothing. Verdicts that reviewers are merely shown count
    as bad here: what is wrong with most of a handful is wrong with the campaign.
    """
    run_key = plan_ref["run_key"]
    quote = ws.read(Quote, keys.quote(run_key, quote_ref["digest"]))
    shards = list(range(quote.count("main")))
    if not quote.count("canary"):
        return shards
    plan = ws.read(RenderPlan, keys.plan(run_key, plan_ref["plan_digest"]))
    wanted = set(quote.shard("canary", 0).item_ids)
    rendered, failed = _results(ws, run_key)
    faults = _faults(plan, wanted, rendered, failed)
    same = next((fault for fault in faults if fault.code == "identical"), None)
    shut = same is not None or 2 * len(faults) > len(wanted)
    # What a picture takes is known now: where the rest cannot be had for what was agreed to, it stops here.
    again = look_again(ws, plan, quote, digest=quote_ref["digest"])
    too_dear = again.exceeds if again else ""
    gate = Gate(
        run_key=run_key,
        quote_digest=quote_ref["digest"],
        state="shut" if shut or too_dear else "open",
        by=ESTIMATE if too_dear and not shut else JUDGE,
        canary=len(wanted),
        not_bought=quote.to_render - len(wanted) if shut or too_dear else 0,
        faults=tuple(faults),
        reason=str(same or faults[0]) if shut else too_dear,
    )
    _write(ws, gate)
    ws.work.put(
        keys.canary_sheet(run_key), _sheet(ws, plan, plan_ref, wanted, rendered), content_type="image/jpeg"
    )  # fmt: skip
    if shut:
        raise JobError(gate.sentence(), where=gate.reason, remedy=REMEDY)
    if too_dear:
        raise JobError(gate.sentence(), where=keys.requote(run_key, quote_ref["digest"]), remedy=TOO_DEAR)
    return shards


def answer_gate(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef, *, by: str, go_on: bool) -> Gate:
    """Write down what a person who looked at the canary wants."""
    run_key = plan_ref["run_key"]
    quote = ws.read(Quote, keys.quote(run_key, quote_ref["digest"]))
    canary = len(quote.shard("canary", 0).item_ids)
    gate = Gate(
        run_key=run_key, quote_digest=quote_ref["digest"], state="open" if go_on else "shut", by=by, canary=canary,
        not_bought=0 if go_on else quote.to_render - canary,
        reason=f"{by} said {'yes' if go_on else 'no'} to the canary's pictures",
    )  # fmt: skip
    _write(ws, gate)
    return gate


def _write(ws: Workspace, gate: Gate) -> None:
    # Named by content and put, not created: the same verdict after another one is the newest again.
    ws.work.put(keys.gate(gate.run_key, gate.digest()), gate.to_bytes(), content_type="application/json")


def read_gate(ws: Workspace, run_key: str) -> Gate | None:
    """The newest gate document of a run; None before its canary was judged, or where it had none."""
    found = sorted(ws.work.list(keys.gates(run_key)), key=lambda info: info.modified)
    return ws.read(Gate, found[-1].key) if found else None


def _results(ws: Workspace, run_key: str) -> tuple[dict[str, _Made], dict[str, ItemResult]]:
    """What the canary's jobs delivered and what failed, by item id."""
    rendered: dict[str, _Made] = {}
    failed: dict[str, ItemResult] = {}
    for record in job_records(ws, run_key):
        if record.phase == "canary":
            job = staged_job(ws, record.name)
            rendered |= {item_id: (record.name, result) for item_id, result in job.rendered.items()}
            failed |= job.failed
    return rendered, failed


def _faults(
    plan: RenderPlan, wanted: set[str], rendered: dict[str, _Made], failed: dict[str, ItemResult]
) -> list[GateFault]:
    items = [item for item in plan.items if item.item_id in wanted]
    drawn = [(item, rendered[item.item_id][1].outputs) for item in items if item.item_id in rendered]
    verdicts = judge_all(drawn, plan.spec.quality)
    faults = []
    for item in items:
        error = failed[item.item_id].error if item.item_id in failed else None
        told: tuple[str, str] | None
        if item.item_id in rendered:
            verdict = verdicts[item.item_id].first
            told = (verdict.code, verdict.reason) if verdict else None
        else:
            told = ("failed", error.message) if error else ("not-delivered", "was not delivered")
        if told:
            faults.append(GateFault(item_id=item.item_id, label=item.label, code=told[0], reason=told[1]))
    return faults


def _sheet(ws: Workspace, plan: RenderPlan, plan_ref: PlanRef, wanted: set[str], rendered: dict[str, _Made]) -> bytes:
    """The canary's pictures, good and bad alike: people are to look at what the verdict is about."""
    items = []
    for item in plan.items:
        if item.item_id not in wanted:
            continue
        job, result = rendered.get(item.item_id, ("", None))
        thumb = f"{keys.staging(job)}{result.outputs[0].thumb}" if result and result.outputs[0].thumb else None
        items.append(
            CollectedItem(
                item_id=item.item_id, cell_id=item.cell_id, axes=item.axes, render_key=item.render_key,
                state="rendered" if result else "failed", thumb_uri=ws.work.uri(thumb) if thumb else None,
            )
        )  # fmt: skip
    seen = Collection(
        run_key=plan.run.run_key, campaign=plan.run.campaign, plan_digest=plan_ref["plan_digest"],
        press=plan.run.press, planned=len(items), items=tuple(items), jobs=(),
    )  # fmt: skip
    return make_contact_sheet(ws, seen, f"{plan.spec.title}: the canary")

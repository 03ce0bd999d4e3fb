"""collect_results: every item in exactly one end state, the render index, the contact sheet, the review round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressrun.core import keys
from pressrun.core.collection import CollectedItem, Collection, EndState
from pressrun.core.errors import ConflictError, JobError
from pressrun.core.gate import REMEDY, Gate
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.quality import Verdicts, judge_all
from pressrun.core.quote import Quote
from pressrun.core.refs import CollectionRef, PlanRef, QuoteRef
from pressrun.core.render import Render
from pressrun.core.result import ItemResult
from pressrun.core.review import ReviewRound, tally
from pressrun.steps.canary import read_gate
from pressrun.steps.contact_sheet import make_contact_sheet
from pressrun.steps.costs import record_costs
from pressrun.steps.decisions import read_heads
from pressrun.steps.jobs import job_records
from pressrun.steps.ledger import settle_run
from pressrun.steps.render_index import index_staged
from pressrun.steps.review import open_round
from pressrun.steps.staging import StagedJob, staged_job
from pressrun.steps.workspace import Workspace

MAX_ROUNDS = 99


def collect_run(ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef) -> CollectionRef:
    """Account for every planned item and open the review round.

    JobError where not a single picture came out, or where failures exceed the campaign's error budget; the collection
    is written before that, so nothing that was paid for is lost.
    """
    plan = ws.read(RenderPlan, keys.plan(plan_ref["run_key"], plan_ref["plan_digest"]))
    quote = ws.read(Quote, keys.quote(plan_ref["run_key"], quote_ref["digest"]))
    records = job_records(ws, plan.run.run_key)
    staged = [staged_job(ws, record.name) for record in records]
    bought = index_staged(ws, plan, staged)
    gate = read_gate(ws, plan.run.run_key)
    ordered = {item_id for record in records for item_id in record.item_ids}
    collection = Collection(
        run_key=plan.run.run_key,
        campaign=plan.run.campaign,
        plan_digest=plan_ref["plan_digest"],
        press=plan.run.press,
        planned=len(plan.items),
        items=tuple(_collected(ws, plan, quote, staged, bought, gate, ordered)),
        jobs=tuple(record.name for record in records),
        gpu_seconds=round(sum(result.seconds for job in staged for result in job.rendered.values()), 3),
        job_seconds=record_costs(ws, plan, records, staged),
    )
    key = keys.collection(plan.run.run_key, collection.digest())
    ws.write_once(key, collection)
    settle_run(ws, plan, quote, collection)
    _hold_to_gate(gate)
    _hold_to_budget(collection, plan)
    if not any(item.reviewable for item in collection.items):
        return _ref(ws, key, collection, number=0, settled=True)
    review_round = _open(ws, plan, key)
    sheet = make_contact_sheet(ws, collection, plan.spec.title)
    ws.work.create(
        keys.contact_sheet(plan.run.campaign, plan.run.run_key, review_round.number), sheet, content_type="image/jpeg"
    )
    settled = tally(collection.items, read_heads(ws, plan.run.campaign), want=review_round.want).settled
    return _ref(ws, key, collection, number=review_round.number, settled=settled)


def _open(ws: Workspace, plan: RenderPlan, collection_key: str) -> ReviewRound:
    """The round of this collection: the one a retry opened already, or the next number."""
    for number in range(1, MAX_ROUNDS + 1):
        try:
            return open_round(ws, request=plan.run, spec=plan.spec, collection_key=collection_key, number=number)
        except ConflictError:
            continue
    raise ConflictError(f"this run has had {MAX_ROUNDS} review rounds", remedy="trigger a new run")


def _collected(
    ws: Workspace,
    plan: RenderPlan,
    quote: Quote,
    staged: list[StagedJob],
    made: set[str],
    gate: Gate | None,
    ordered: set[str],
) -> Iterator[CollectedItem]:
    failures = {item_id: result for job in staged for item_id, result in job.failed.items()}
    reused = set(quote.reused)
    renders: dict[str, Render | None] = {}
    for item in plan.items:
        if item.render_key not in renders:
            renders[item.render_key] = _read_render(ws, item.render_key)
    drawn = [(item, render.files) for item in plan.items if (render := renders[item.render_key]) is not None]
    verdicts = judge_all(drawn, plan.spec.quality)
    for item in plan.items:
        render = renders[item.render_key]
        if render is None:
            yield _failed(item, failures.get(item.item_id), gate, ordered=item.item_id in ordered)
            continue
        bought = item.item_id not in reused and item.render_key in made
        yield _judged(item, render, verdicts[item.item_id], bought=bought)


def _read_render(ws: Workspace, render_key: str) -> Render | None:
    key = keys.render(render_key)
    return ws.read(Render, key) if ws.work.head(key) else None


def _judged(item: Item, render: Render, found: Verdicts, *, bought: bool) -> CollectedItem:
    state: EndState = "qc_rejected" if found.rejected else "rendered" if bought else "reused"
    return CollectedItem(
        **_planned(item),
        state=state,
        bought=bought,
        sha256=render.sealed_sha256,
        file_sha256=render.sha256 if render.further else None,
        image_uri=render.image_uri,
        thumb_uri=render.thumb_uri,
        width=render.width,
        height=render.height,
        media_type=render.media_type,
        size=render.size,
        playback=render.playback,
        further=render.further,
        code=found.rejected.code if found.rejected else "",
        reason=found.rejected.reason if found.rejected else "",
        notes=found.notes,
    )


def _failed(item: Item, result: ItemResult | None, gate: Gate | None, *, ordered: bool) -> CollectedItem:
    if (result is None or result.error is None) and gate is not None and gate.state == "shut":
        code, reason = "not-bought", f"not bought: {gate.sentence().partition(';')[0]}"
    elif not ordered:
        code, reason = "not-bought", "not bought: the run ended before its shard's turn"
    elif result is None or result.error is None:
        code, reason = "not-delivered", "no job delivered it: every attempt of its shard ended first"
    else:
        node = f" at node {result.error.node}" if result.error.node else ""
        code, reason = result.error.kind, f"{result.error.kind}{node}: {result.error.message}"
    return CollectedItem(**_planned(item), state="failed", code=code, reason=reason)


def _planned(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("item_id", "cell_id", "axes", "round", "render_key")}


def _hold_to_gate(gate: Gate | None) -> None:
    if gate is not None and gate.state == "shut":
        raise JobError(gate.sentence(), where=gate.reason, remedy=REMEDY)


def _hold_to_budget(collection: Collection, plan: RenderPlan) -> None:
    counts = collection.counts
    bad = counts.failed + counts.qc_rejected
    if counts.planned and bad / counts.planned > plan.spec.quality.failed_share:
        first = next(item for item in collection.items if not item.reviewable)
        raise JobError(
            f"{bad} of {counts.planned} items failed or were refused by quality control, more than the campaign's "
            f"error budget of {plan.spec.quality.failed_share:.0%}",
            where=f"{first.label}: {first.reason}",
            remedy="mend the cause and run again: what is good is kept and not bought twice",
        )


def _ref(ws: Workspace, key: str, collection: Collection, *, number: int, settled: bool) -> CollectionRef:
    return CollectionRef(
        digest=collection.digest(),
        uri=ws.work.uri(key),
        round=number,
        settled=settled,
        counts=collection.counts.model_dump(),
        jobs=len(collection.jobs),
    )

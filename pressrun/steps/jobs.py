"""Jobs: which job a shard needs next, so that no item is bought twice and none is forgotten.

The one rule: an item is done when a result says so *and* its image is there in full. Everything else is missing, and
the next job of the shard renders the missing items only. Job names are derived; a record of the order is created
before the job is, so that a crash between the two, a second scheduler or a retried task all end at the same job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pressrun.core import keys
from pressrun.core.codec import digest_of
from pressrun.core.ids import job_name
from pressrun.core.item import Item
from pressrun.core.job import JobRecord, JobState
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote, ShardPlan
from pressrun.core.refs import PlanRef, QuoteRef, ShardRef
from pressrun.core.result import ItemResult
from pressrun.core.shard import Phase, Shard, make_shard
from pressrun.steps.approval import read_bound, require_approval
from pressrun.steps.error_budget import record_spoilt, require_error_budget
from pressrun.steps.job_request import input_manifest, models_manifest, processing_request
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace

Describe = Callable[[str], JobState | None]
"""Asks SageMaker about a job by name: its state, or None where there is no such job."""


@dataclass(frozen=True, slots=True)
class JobOrder:
    """A job to wait for: it exists where `attach` is set, else create it with `request`. `items` is how many it has."""

    name: str
    phase: Phase
    index: int
    attempt: int
    attach: bool
    stopping: bool
    items: int
    max_runtime_seconds: int
    usd_per_hour: float | None
    request: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShardDone:
    """Every item of the shard has its end: rendered, or failed for good."""

    ref: ShardRef


@dataclass(frozen=True, slots=True)
class ShardExhausted:
    """Items are missing and no job may be bought any more. `reason` is a sentence for people."""

    ref: ShardRef
    missing: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ShardOutcomes:
    """What became of a shard's items, over all jobs of the run and the render index. The three sets are disjoint."""

    rendered: frozenset[str]
    failed: dict[str, ItemResult]
    missing: tuple[str, ...]


def next_order(
    ws: Workspace, plan_ref: PlanRef, quote_ref: QuoteRef, phase: Phase, index: int, describe: Describe
) -> JobOrder | ShardDone | ShardExhausted:
    """What to do for a shard now: wait for its running job, order the next one, or nothing.

    Safe to call at any time and as often as wanted. Writes the order's record and the shard's documents; buys nothing.
    ConflictError where plan or quote are not what their digests say, NotAllowedError where consent is missing,
    JobError where the run's error budget is used up.
    """
    plan, quote = read_bound(ws, plan_ref, quote_ref)
    require_approval(ws, plan_ref, quote_ref, quote)
    planned = quote.shard(phase, index)
    records = job_records(ws, plan.run.run_key)
    own = [record for record in records if record.quoted == _quoted(quote, planned)]
    newest = own[-1] if own else None
    state = describe(newest.name) if newest else None
    if newest and state and state.running:
        return _order(ws, plan, quote, newest, state)
    outcomes = _outcomes(ws, plan, planned, records, describe)
    ref = _ref(planned, own, outcomes)
    if not outcomes.missing:
        record_spoilt(ws, plan, planned, own, failed=len(outcomes.failed))
        return ShardDone(ref)
    if newest and state is None and staged_job(ws, newest.name).empty:
        return _order(ws, plan, quote, newest, None)  # ordered, but nobody came to create it
    attempt = newest.attempt + 1 if newest else 1
    if attempt > plan.spec.job.attempts:
        record_spoilt(ws, plan, planned, own, failed=len(outcomes.failed) + len(outcomes.missing))
        return ShardExhausted(ref, outcomes.missing, _exhausted(plan, planned, outcomes, state))
    require_error_budget(ws, plan)
    return _order(ws, plan, quote, _record(ws, plan, quote, planned, attempt, outcomes.missing), None)


def shard_outcomes(
    ws: Workspace, plan: RenderPlan, quote: Quote, phase: Phase, index: int, describe: Describe
) -> ShardOutcomes:
    """What became of each item of a shard so far."""
    return _outcomes(ws, plan, quote.shard(phase, index), job_records(ws, plan.run.run_key), describe)


def job_records(ws: Workspace, run_key: str) -> list[JobRecord]:
    """Every job the run has ordered, by phase, shard and attempt."""
    records = [ws.read(JobRecord, info.key) for info in ws.work.list(keys.jobs(run_key))]
    return sorted(records, key=lambda record: (record.phase, record.index, record.attempt, record.ordered_at))


def _quoted(quote: Quote, planned: ShardPlan) -> str:
    return digest_of([quote.plan_digest, planned.phase, planned.index, list(planned.item_ids)])


def _outcomes(
    ws: Workspace, plan: RenderPlan, planned: ShardPlan, records: Sequence[JobRecord], describe: Describe
) -> ShardOutcomes:
    wanted = set(planned.item_ids)
    rendered: set[str] = set()
    failed: dict[str, ItemResult] = {}
    for record in records:
        if wanted.isdisjoint(record.item_ids):
            continue
        staged = staged_job(ws, record.name)
        rendered |= wanted & staged.rendered.keys()
        own = {item: result for item, result in staged.failed.items() if item in wanted}
        if own and not _completed(describe, record.name):
            own = {item: result for item, result in own.items() if result.error and result.error.larger_instance}
        failed |= own
    left = [item for item in plan.items if item.item_id in wanted - rendered - failed.keys()]
    rendered |= _indexed(ws, left)
    return ShardOutcomes(
        rendered=frozenset(rendered),
        failed={item: result for item, result in failed.items() if item not in rendered},
        missing=tuple(item.item_id for item in left if item.item_id not in rendered),
    )


def _completed(describe: Describe, name: str) -> bool:
    """Only a job that ran to its end has used up an item's tries; a job that was killed says nothing final.

    Except of an item that did not fit into the instance's memory: the next job of the shard has the same instance.
    """
    state = describe(name)
    return state is not None and state.status == "Completed"


def _indexed(ws: Workspace, items: Sequence[Item]) -> set[str]:
    """Items whose picture another run has put into the render index meanwhile."""
    if not items:
        return set()
    with ThreadPoolExecutor(max_workers=min(16, len(items))) as pool:
        found = pool.map(lambda item: ws.work.head(keys.render(item.render_key)) is not None, items)
        return {item.item_id for item, there in zip(items, found, strict=True) if there}


def _record(
    ws: Workspace, plan: RenderPlan, quote: Quote, planned: ShardPlan, attempt: int, missing: tuple[str, ...]
) -> JobRecord:
    """Order an attempt: the first writer decides which items it has; everybody else goes by what is written."""
    quoted, run_key = _quoted(quote, planned), plan.run.run_key
    # The name hashes the quoted shard and not the missing items: two schedulers that look at different moments see
    # different missing items, and must still meet at one job for one attempt.
    name = job_name(run_key=run_key, phase=planned.phase, index=planned.index, attempt=attempt, shard_digest=quoted)
    shard = _shard(plan, quote, planned.phase, planned.index, attempt, missing)
    record = JobRecord(
        run_key=run_key,
        name=name,
        phase=planned.phase,
        index=planned.index,
        attempt=attempt,
        quoted=quoted,
        item_ids=missing,
        shard_sha256=shard.digest(),
        instance_type=quote.instance_type,
        ordered_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if ws.work.create(keys.job(run_key, name), record.to_bytes()):
        return record
    return ws.read(JobRecord, keys.job(run_key, name))


def _shard(plan: RenderPlan, quote: Quote, phase: Phase, index: int, attempt: int, item_ids: Sequence[str]) -> Shard:
    wanted = set(item_ids)
    items = [item for item in plan.items if item.item_id in wanted]
    return make_shard(plan, items, plan_digest=quote.plan_digest, phase=phase, index=index, attempt=attempt)


def _order(ws: Workspace, plan: RenderPlan, quote: Quote, record: JobRecord, state: JobState | None) -> JobOrder:
    shard = _shard(plan, quote, record.phase, record.index, record.attempt, record.item_ids)
    if state is None:
        ws.inputs.create(keys.shard(record.name), shard.to_bytes())
        if shard.models:
            ws.inputs.create(keys.shard_models(record.name), models_manifest(ws, shard.models))
        if shard.inputs:
            ws.inputs.create(keys.shard_inputs(record.name), input_manifest(ws, shard.inputs))
    return JobOrder(
        name=record.name,
        phase=record.phase,
        index=record.index,
        attempt=record.attempt,
        attach=state is not None,
        stopping=state is not None and state.status == "Stopping",
        items=len(record.item_ids),
        max_runtime_seconds=plan.spec.job.max_runtime_minutes * 60,
        usd_per_hour=quote.usd_per_hour,
        request=processing_request(ws, plan, record, shard),
    )


def _ref(planned: ShardPlan, own: Sequence[JobRecord], outcomes: ShardOutcomes) -> ShardRef:
    return ShardRef(
        phase=planned.phase,
        index=planned.index,
        jobs=[record.name for record in own],
        rendered=len(outcomes.rendered),
        failed=len(planned.item_ids) - len(outcomes.rendered),
    )


def _exhausted(plan: RenderPlan, planned: ShardPlan, outcomes: ShardOutcomes, state: JobState | None) -> str:
    return (
        f"{planned.phase} shard {planned.index}: {len(outcomes.missing)} of {len(planned.item_ids)} items are still "
        f"missing after {plan.spec.job.attempts} jobs"
        + (f"; the last {state.sentence()}" if state else "")
        + f". {len(outcomes.rendered)} finished images are kept"
    )

"""The error budget of a run, kept while it renders: once it is used up, no further job is ordered.

Each shard that has its end leaves an empty object whose name tells how many of its items are bad, so that asking before
every job is one listing, however many jobs the run has.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from pressrun.core import keys
from pressrun.core.errors import JobError
from pressrun.core.job import JobRecord
from pressrun.core.plan import RenderPlan
from pressrun.core.quality import judge_all
from pressrun.core.quote import ShardPlan
from pressrun.core.result import ItemResult
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace


def record_spoilt(
    ws: Workspace, plan: RenderPlan, planned: ShardPlan, records: Sequence[JobRecord], *, failed: int
) -> int:
    """Write down how many items of a shard that has its end are bad: `failed`, and refused by quality control."""
    rendered: dict[str, ItemResult] = {}
    for record in records:
        rendered |= staged_job(ws, record.name).rendered
    wanted = set(planned.item_ids) & rendered.keys()
    drawn = [(item, rendered[item.item_id].outputs) for item in plan.items if item.item_id in wanted]
    refused = sum(verdicts.rejected is not None for verdicts in judge_all(drawn, plan.spec.quality).values())
    ws.work.put(keys.spoilt(plan.run.run_key, planned.phase, planned.index, failed + refused), b"")
    return failed + refused


def require_error_budget(ws: Workspace, plan: RenderPlan) -> None:
    """JobError where more items are bad already than the campaign allows of all it planned."""
    share, planned = plan.spec.quality.failed_share, len(plan.items)
    counted: dict[str, int] = {}
    # A shard that was rendered again has left two: the later one counts.
    for info in sorted(ws.work.list(keys.spoilts(plan.run.run_key)), key=lambda info: info.modified):
        shard, _, number = info.key.rsplit("/", 1)[1].rpartition("-")
        counted[shard] = int(number)
    bad = sum(counted.values())
    if bad > floor(share * planned):
        raise JobError(
            f"{bad} of {planned} items are bad already, more than the campaign's error budget of {share:.0%}: nothing "
            "more is bought",
            where=f"{plan.run.campaign}/campaign.yaml, /quality/failed_share",
            remedy="look at what came out, mend the cause and run again: what is good is kept and not bought twice",
        )

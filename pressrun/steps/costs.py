"""What jobs took, written down by collect_results and read by quote_run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pressrun.core import keys
from pressrun.core.cost import CostBasis
from pressrun.core.errors import InputError
from pressrun.core.job import JobRecord
from pressrun.core.observation import CostObservation, learn, observe
from pressrun.core.plan import RenderPlan
from pressrun.steps.staging import StagedJob, job_progress
from pressrun.steps.workspace import Workspace

NEWEST = 50
"""Observations read for one quote: older ones tell of machines and engines that are gone."""


def record_costs(ws: Workspace, plan: RenderPlan, records: Sequence[JobRecord], staged: Sequence[StagedJob]) -> float:
    """Write what each job teaches, once. Returns the seconds of all jobs, from order to last item, cold starts too."""
    items = {item.item_id: item for item in plan.items}
    total = 0.0
    for record, job in zip(records, staged, strict=True):
        results = [*job.rendered.values(), *job.failed.values()]
        seen = observe(record, results, items, engine_class=plan.engine_class)
        for observation in seen:
            ws.write_once(keys.cost(observation.workflow, observation.instance_type, record.name), observation)
        total += max((found.wall_seconds for found in seen), default=0.0) or _elapsed(ws, record.name)
    return round(total, 3)


def known_costs(ws: Workspace, plan: RenderPlan, *, instance_type: str) -> dict[str, CostBasis]:
    """The basis of an estimate for each workflow of a plan: one listing and at most `NEWEST` reads for each."""
    return {
        name: known_cost(ws, name, instance_type=instance_type, press=plan.run.press, engine_class=plan.engine_class)
        for name in sorted({item.workflow for item in plan.items})
    }


def known_cost(ws: Workspace, workflow: str, *, instance_type: str, press: str, engine_class: str) -> CostBasis:
    """The basis of an estimate for one workflow."""
    return learn(_newest(ws, workflow, instance_type), press=press, engine_class=engine_class)


def _newest(ws: Workspace, workflow: str, instance_type: str) -> list[CostObservation]:
    listed = sorted(ws.work.list(keys.costs(workflow, instance_type)), key=lambda info: info.modified, reverse=True)
    if not listed:
        return []
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda info: _read(ws, info.key), listed[:NEWEST])
        return [observation for observation in found if observation is not None]


def _read(ws: Workspace, key: str) -> CostObservation | None:
    try:
        return ws.read(CostObservation, key)
    except InputError:
        return None  # of another version; an estimate must not fail over its history


def _elapsed(ws: Workspace, job: str) -> float:
    """A job without a usable result: what its container last said of itself."""
    progress = job_progress(ws, job)
    return progress.elapsed_seconds if progress else 0.0

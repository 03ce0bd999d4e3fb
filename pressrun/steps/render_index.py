"""The render index: pictures that exist, by render key. What it holds is never bought again."""

from __future__ import annotations

from collections.abc import Iterable

from pressrun.core import keys
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.render import Render, RenderedFile
from pressrun.core.result import ItemResult, OutputFile
from pressrun.steps.staging import StagedJob, staged_job
from pressrun.steps.workspace import Workspace


def rendered_keys(ws: Workspace) -> frozenset[str]:
    """Every render key that the index holds, by one listing."""
    return frozenset(info.key.removeprefix("renders/").removesuffix(".json") for info in ws.work.list("renders/"))


def salvage(ws: Workspace, campaign: str, *, besides: str) -> int:
    """Index what a campaign's stopped runs had uploaded before they could collect it; returns how many pictures.

    A run that was stopped never reaches collect_results; without this the next run would buy its pictures again.
    `besides` is the run that asks: its own jobs are its own business. Harmless for a run that is still rendering.
    """
    jobs: dict[str, list[str]] = {}
    plans: dict[str, list[str]] = {}
    collected: set[str] = set()
    for info in ws.work.list(keys.runs(f"{campaign}-")):
        _, run_key, kind, *rest = info.key.split("/")
        if kind == "jobs":
            jobs.setdefault(run_key, []).append(rest[0].removesuffix(".json"))
        elif kind == "plans":
            plans.setdefault(run_key, []).append(info.key)
        elif kind == "collections":
            collected.add(run_key)
    made: set[str] = set()
    for run_key in sorted(jobs.keys() - collected - {besides}):
        staged = [staged_job(ws, name) for name in jobs[run_key]]
        for key in plans.get(run_key, ()):
            made |= index_staged(ws, ws.read(RenderPlan, key), staged)
    return len(made)


def index_staged(ws: Workspace, plan: RenderPlan, staged: Iterable[StagedJob]) -> set[str]:
    """Put what jobs uploaded into the render index; the first picture of a key wins. Returns the keys they made."""
    by_id = {item.item_id: item for item in plan.items}
    made: set[str] = set()
    for job in staged:
        for item_id, result in job.rendered.items():
            item = by_id.get(item_id)
            if item is not None and result.render_key == item.render_key:
                ws.write_once(keys.render(item.render_key), _render(ws, plan, item, result, job.name))
                made.add(item.render_key)
    return made


def _render(ws: Workspace, plan: RenderPlan, item: Item, result: ItemResult, job: str) -> Render:
    first, *further = [_file(ws, job, output) for output in result.outputs]
    bundle = plan.workflows[item.workflow]
    return Render(
        render_key=item.render_key,
        item_id=item.item_id,
        campaign=plan.run.campaign,
        run_key=plan.run.run_key,
        job=job,
        **first.model_dump(exclude={"node"}),
        further=tuple(further),
        seed=result.seed,
        batch=item.batch,
        params=item.params,
        params_sha256=result.params_sha256,
        workflow=item.workflow,
        graph_sha256=bundle.graph_sha256,
        contract_sha256=bundle.contract_sha256,
        engine_class=plan.engine_class,
        engine_version=result.engine_version,
        sink=result.sink,
        prompt_id=result.prompt_id,
        started_at=result.started_at,
        seconds=result.seconds,
        node_seconds=result.node_seconds,
    )


def _file(ws: Workspace, job: str, output: OutputFile) -> RenderedFile:
    prefix = keys.staging(job)
    return RenderedFile(
        image_uri=ws.work.uri(prefix + output.file),
        thumb_uri=ws.work.uri(prefix + output.thumb) if output.thumb else None,
        **output.model_dump(exclude={"file", "thumb"}),
    )

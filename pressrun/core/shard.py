"""Shards: the items of one SageMaker Processing job, written to the inputs bucket and read by the runner."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.item import InputAsset, Item
from pressrun.core.model_file import ModelFile
from pressrun.core.models import models_needed
from pressrun.core.plan import RenderPlan, WorkflowBundle

Phase = Literal["canary", "main"]


class ShardLimits(BaseModel):
    """What one job may take. Seconds."""

    model_config = {"extra": "forbid", "frozen": True}

    item_timeout: float = 300.0
    item_tries: int = 2
    max_runtime: int
    failed_share: float = 0.5


class Shard(VersionedDocument):
    """Everything a container needs to render these items, and nothing it does not."""

    SCHEMA: ClassVar[str] = "shard/1"

    run_key: str
    campaign: str
    plan_digest: str
    phase: Phase
    index: int
    attempt: int
    engine: str
    engine_class: str
    workflows: dict[str, WorkflowBundle]
    inputs: tuple[InputAsset, ...]
    models: tuple[ModelFile, ...] = ()
    items: tuple[Item, ...]
    limits: ShardLimits


def make_shard(
    plan: RenderPlan, items: Sequence[Item], *, plan_digest: str, phase: Phase, index: int, attempt: int
) -> Shard:
    """The shard of these items, carrying only the workflows, inputs and models that they use."""
    used_inputs = {name for item in items for name in item.inputs.values()}
    used_workflows = {item.workflow for item in items}
    workflows = {name: bundle for name, bundle in plan.workflows.items() if name in used_workflows}
    # A proof press draws without weights: it must not wait for gigabytes.
    used_models = models_needed(workflows, items) if plan.run.engine == "comfyui" else frozenset()
    return Shard(
        run_key=plan.run.run_key,
        campaign=plan.run.campaign,
        plan_digest=plan_digest,
        phase=phase,
        index=index,
        attempt=attempt,
        engine=plan.run.engine,
        engine_class=plan.engine_class,
        workflows=workflows,
        inputs=tuple(asset for asset in plan.inputs if asset.name in used_inputs),
        models=tuple(model for model in plan.models if model.name in used_models),
        items=tuple(items),
        limits=ShardLimits(max_runtime=plan.spec.job.max_runtime_minutes * 60),
    )


def split(items: Sequence[Item], *, size: int) -> list[tuple[Item, ...]]:
    """Cut items into as few shards of at most `size` as possible, nearly equal, in plan order."""
    if not items:
        return []
    count = -(-len(items) // size)
    bounds = [round(len(items) * part / count) for part in range(count + 1)]
    return [tuple(items[low:high]) for low, high in pairwise(bounds)]

"""The render plan: every item of a run with its parameters, seed and render key, before anything is paid for."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from pressrun.core.campaign import CampaignSpec, PressKind
from pressrun.core.codec import VersionedDocument
from pressrun.core.item import InputAsset, Item
from pressrun.core.model_file import ModelFile
from pressrun.core.targets import Binding


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class SourceFile(_Part):
    """An authored file that went into the plan, by content."""

    path: str
    sha256: str


class WorkflowBundle(_Part):
    """All the runner needs of a workflow: the graph as exported, its contract's bindings, the output nodes' ids.

    `name` carries the version where one is pinned by file ("product_hero@3"); `image` is its pool's container image,
    empty for the deployment's.
    """

    name: str
    graph: dict[str, Any]
    graph_sha256: str
    contract_sha256: str
    bindings: dict[str, tuple[Binding, ...]]
    outputs: tuple[str, ...]
    image: str = ""


class RunRequest(VersionedDocument):
    """What was asked for, by whom: written once by expand_manifest.

    `knobs` are parameters that a person set for this run, instead of the campaign's own.
    """

    SCHEMA: ClassVar[str] = "run/1"

    run_key: str
    deployment: str
    dag_id: str
    run_id: str
    campaign: str
    drop: str
    press: PressKind
    asked_press: PressKind
    engine: str
    locales: tuple[str, ...]
    limit: int | None = None
    note: str = ""
    dry_run: bool = False
    rework: bool = False
    knobs: dict[str, Any] = Field({}, exclude_if=operator.not_)
    triggered_by: str
    run_type: str
    pressrun_version: str


class PlanHead(VersionedDocument):
    """What a plan is made of, whichever way its items are kept."""

    run: RunRequest
    spec: CampaignSpec
    sources: tuple[SourceFile, ...]
    manifest_rows: int
    workflows: dict[str, WorkflowBundle]
    engine_class: str
    inputs: tuple[InputAsset, ...]
    models: tuple[ModelFile, ...] = ()


class RenderPlan(PlanHead):
    """The plan of one run edition. Its digest is what a quote, an approval and a shard refer to."""

    SCHEMA: ClassVar[str] = "plan/1"

    items: tuple[Item, ...]

    @property
    def cells(self) -> dict[str, list[Item]]:
        """Items by cell id, in plan order."""
        by_cell: dict[str, list[Item]] = {}
        for item in self.items:
            by_cell.setdefault(item.cell_id, []).append(item)
        return by_cell

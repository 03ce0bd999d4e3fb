"""`pressrun preflight --boot` against the real thing: good workflows pass, a spoilt one is told by node."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pressrun.cli.plan import plan_offline
from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings
from pressrun.steps.boot import boot_check
from pressrun.steps.studio import pinned_comfyui
from pressrun.steps.workspace import memory_workspace

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_real_comfyui_says_which_workflow_it_would_run(repository: Path, comfyui_home: Path, tmp_path: Path) -> None:
    ws = memory_workspace(Settings(home=repository))
    good, _ = plan_offline(ws, "spring_sale", conf={"limit": 2}, drop="2026-11-20")
    bad, _ = plan_offline(ws, "editorial_heroes", conf={"limit": 1}, drop="2026-11-20")
    (name,) = bad.workflows
    bundle = bad.workflows[name]
    sampler = next(node for node, at in bundle.graph.items() if "sampler_name" in at["inputs"])
    graph = {**bundle.graph}
    graph[sampler] = {**graph[sampler], "inputs": {**graph[sampler]["inputs"], "sampler_name": "no_such_sampler"}}
    both = RenderPlan.model_validate(
        {
            **good.model_dump(),
            "workflows": {
                **{key: one.model_dump() for key, one in good.workflows.items()},
                name: bundle.model_copy(update={"graph": graph}).model_dump(),
            },
            "items": [item.model_dump() for item in (*good.items, *bad.items)],
        }
    )
    said: list[str] = []
    (found,) = boot_check(
        both, home=comfyui_home.resolve(), python=os.environ.get("COMFYUI_PYTHON") or sys.executable,
        pinned=pinned_comfyui(repository / "container/Dockerfile"), nodes={}, work=tmp_path, say=said.append,
    )  # fmt: skip
    assert (found.code, found.place.node) == ("preflight-boot", sampler)
    assert "no_such_sampler" in found.message
    assert [line for line in said if "would run" in line] == ["ComfyUI v0.33.0 would run product_hero"]

"""The samples pin released versions, and a version that is pinned stays as it was while artists go on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.library import Library
from pressrun.steps.sources import Sources
from pressrun.steps.workflows import add_workflow, promote_workflow
from pressrun.steps.workspace import memory_workspace

ROOT = Path(__file__).parents[3]
CAMPAIGNS = sorted(path.parent.name for path in (ROOT / "include/campaigns").glob("*/campaign.yaml"))


def planned(home: Path, press: str = "proof") -> tuple[RenderPlan, set[str]]:
    """The daily deals' plan, and the codes of its findings."""
    settings = {"home": home, "final_engine": "comfyui", "comfyui_class": "comfyui:test"}
    ws = memory_workspace(Settings.model_validate(settings))
    sources = Sources(ws, "daily_deals")
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="r", dag_id="press_daily_deals", run_id="r", run_type="manual",
        conf={"press": press}, drop="2026-11-10", triggered_by="maya",
    )  # fmt: skip
    made, gather = make_plan(ws, sources, spec, request)
    return made, {finding.code for finding in gather.findings}


def pin(home: Path, reference: str) -> None:
    path = home / "include/campaigns/daily_deals/campaign.yaml"
    path.write_text(re.sub(r"^workflow: .*$", f"workflow: {reference}", path.read_text("utf-8"), flags=re.M), "utf-8")


def keys_of(plan: RenderPlan) -> list[str]:
    return [item.render_key for item in plan.items]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the project with the daily deals, whose artist has exported another brand card."""
    include = ROOT / "include"
    shutil.copytree(include, tmp_path / "include", ignore=lambda _, names: {*names} & ({*CAMPAIGNS} - {"daily_deals"}))
    graph: dict[str, Any] = json.loads((include / "workflows/brand_card.api.json").read_bytes())
    (scaled,) = (node for node in graph.values() if node["class_type"] == "ImageScale")
    scaled["inputs"]["upscale_method"] = "area"
    (tmp_path / "brand_card.json").write_text(json.dumps(graph))
    return tmp_path


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_every_sample_pins_a_released_version(campaign: str) -> None:
    spec = yaml.safe_load((ROOT / "include/campaigns" / campaign / "campaign.yaml").read_text("utf-8"))
    assert re.fullmatch(r"\w+@[1-9]\d*", spec["workflow"])
    found = Library(ROOT / "include").load(spec["workflow"])
    assert (found.release.state, found.errors) == ("released", ())
    assert found.release.graph_sha256
    assert found.release.contract_sha256
    assert {"check", "proof"} <= found.release.checks.keys()


def test_a_pinned_version_plans_as_before_while_the_next_one_is_drawn(home: Path) -> None:
    before = planned(home, "final")
    added = add_workflow(Library(home / "include"), home / "brand_card.json")
    assert added.version.stem == "brand_card@2"
    assert Library(home / "include").load("brand_card@2").release.state == "draft"
    after = planned(home, "final")
    assert (after[0].items, after[1]) == (before[0].items, before[1])
    pin(home, "brand_card")
    assert keys_of(planned(home, "final")[0]) == keys_of(before[0]), "an unpinned name is the newest released one"
    pin(home, "brand_card@2")
    assert planned(home)[1] == set(), "a draft may be proofed"
    assert planned(home, "final")[1] == {"release-draft"}
    promote_workflow(Library(home / "include"), "brand_card@2", by="maya")
    second = planned(home, "final")
    assert second[1] == set()
    assert not {*keys_of(second[0])} & {*keys_of(before[0])}, "another graph makes other pictures"
    pin(home, "brand_card@1")
    again = planned(home, "final")
    assert (again[0].items, again[1]) == (before[0].items, before[1])


def test_a_released_version_that_somebody_edits_is_refused(home: Path) -> None:
    shutil.copy(home / "brand_card.json", home / "include/workflows/brand_card.api.json")
    assert planned(home)[1] == {"release-changed"}

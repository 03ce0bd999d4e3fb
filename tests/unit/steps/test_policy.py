"""Policy, versions and pools as a plan meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pressrun.core.findings import Finding
from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workflows import promote_workflow
from pressrun.steps.workspace import memory_workspace

SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "hero", "locales": ["en-US", "de-DE"],
    "params": {"scene": "{{ product.scene }}, soft morning light", "headline": "{{ product.headline }}"},
    "inputs": {"photo": "assets/a.png"}, "copy": None, "seed_axes": ["product"], "review": {"reviewers": {"*": ["rosa"]}},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pressrun.steps.expand.engine_class", lambda settings, engine: f"{engine}:test")
    include, data = tmp_path / "include", repository / "tests/data/workflows"
    for source, target in (
        (data / "hero.api.json", "workflows/hero.api.json"), (data / "hero.schema.json", "params/hero.schema.json"),
        (repository / "include/policy/prompts.yaml", "policy/prompts.yaml"),
    ):  # fmt: skip
        (include / target).parent.mkdir(parents=True, exist_ok=True)
        (include / target).write_bytes(source.read_bytes())
    (include / "campaigns/mini/assets").mkdir(parents=True)
    (include / "campaigns/mini/assets/a.png").write_bytes(b"picture")
    return tmp_path


def plan(project: Path, scene: str = "a stone podium", headline: str = "Spring", press: str = "proof", **changes: Any) -> tuple[RenderPlan, tuple[Finding, ...]]:  # fmt: skip
    folder = project / "include/campaigns/mini"
    (folder / "campaign.yaml").write_text(yaml.safe_dump(SPEC | changes))
    (folder / "manifest.csv").write_text(f"sku,scene,headline\nA1,{scene},{headline}\n")
    ws = memory_workspace(Settings.model_validate({"home": project, "final_engine": "comfyui"}))
    sources = Sources(ws, "mini")
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="r", dag_id="press_mini", run_id="r", run_type="manual", conf={"press": press},
        drop="2026-11-20", triggered_by="maya",
    )  # fmt: skip
    made, gather = make_plan(ws, sources, spec, request)
    return made, gather.findings


def test_a_plan_that_keeps_to_policy_has_no_findings(project: Path) -> None:
    made, found = plan(project)
    assert (len(made.items), found) == (2, ())


def test_a_blocked_word_is_found_where_it_is_written(project: Path) -> None:
    _, found = plan(project, scene="a ｃｅｌｅｂｒｉｔｙ on a stone podium")
    (finding,) = {one.message: one for one in found if "en-US" in one.message}.values()
    assert (finding.code, finding.severity, finding.place.pointer) == ("policy-rule", "error", "/params/scene")


def test_a_rule_of_one_market_holds_there_only(project: Path) -> None:
    _, found = plan(project, headline="Das Beste")
    assert {(one.code, one.severity) for one in found} == {("policy-rule", "warning")}
    assert all("de-DE" in one.message for one in found)


def test_an_override_is_kept_with_the_plan(project: Path) -> None:
    override = {"rule": "trademarks", "reason": "licensed until 2027", "by": "maya"}
    made, found = plan(project, scene="a lego podium of bricks", policy={"overrides": [override]})
    assert {one.code for one in found} == {"policy-overridden"}
    assert made.spec.policy.overrides[0].reason == "licensed until 2027"


def test_a_file_cannot_come_as_a_parameter(project: Path) -> None:
    _, found = plan(project, params=SPEC["params"] | {"photo": "../../etc/passwd"})
    assert ("parameter-file", "/params/photo") in {(one.code, one.place.pointer) for one in found}


def test_a_pool_fills_in_what_the_campaign_left_open(project: Path) -> None:
    pools = {"default": "big", "pools": {"big": {"instance_type": "ml.g6e.xlarge", "image": "repo/big:1"}}}
    (project / "include/policy/pools.yaml").write_text(yaml.safe_dump(pools))
    made, _ = plan(project)
    assert (made.spec.job.instance_type, made.workflows["hero"].image) == ("ml.g6e.xlarge", "repo/big:1")
    made, _ = plan(project, job={"instance_type": "ml.g4dn.xlarge"})
    assert made.spec.job.instance_type == "ml.g4dn.xlarge"


def test_a_draft_may_be_proofed_and_not_printed(project: Path) -> None:
    assert "release-draft" not in {one.code for one in plan(project, press="final")[1]}
    sources = Sources(memory_workspace(Settings.model_validate({"home": project})), "mini")
    promote_workflow(sources.library, "hero@1", by="maya")
    registry = project / "include/workflows/registry.yaml"
    registry.write_text(registry.read_text().replace("state: released", "state: draft"))
    assert "release-draft" in {one.code for one in plan(project, press="final")[1]}
    assert "release-draft" not in {one.code for one in plan(project, press="proof")[1]}

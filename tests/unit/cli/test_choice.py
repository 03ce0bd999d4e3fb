"""`pressrun plan` with instance types to choose from: it asks for quotas where there is a deployment, and says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pressrun.cli import app
from pressrun.cli import plan as plan_module
from pressrun.cli.plan import plan_offline, quote_as_asked
from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings, settings
from pressrun.steps.workspace import Workspace, memory_workspace


class NoG6:
    """A probe of an account that may run no g6."""

    def quota(self, instance_type: str) -> int | None:
        return 0 if "g6" in instance_type else 8


def a_plan(repository: Path) -> tuple[Workspace, RenderPlan]:
    ws = memory_workspace(Settings(home=repository))
    made, _ = plan_offline(ws, "spring_sale", conf={"press": "proof"}, drop="")
    job = made.spec.job.model_copy(update={"instance_type": ("ml.g6.xlarge", "ml.g5.xlarge")})
    return ws, made.model_copy(update={"spec": made.spec.model_copy(update={"job": job})})


def test_quotas_are_asked_for_where_a_deployment_is(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws, made = a_plan(repository)
    monkeypatch.setattr(plan_module, "open_probe", lambda **_: NoG6())
    offline = quote_as_asked(ws, made, press="final", known=frozenset())
    live = quote_as_asked(ws, made, press="final", known=frozenset(), live=True)
    assert (offline.instance_type, live.instance_type) == ("ml.g6.xlarge", "ml.g5.xlarge")
    (said,) = [said for said in live.besides() if said.startswith("instance:")]
    assert "ml.g5.xlarge, chosen from 2 (ml.g6.xlarge: this account may run no ml.g6.xlarge" in said


def test_auto_in_a_campaign_is_the_pools_list(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(repository / "include", tmp_path / "include")
    file = tmp_path / "include" / "campaigns" / "ad_variants" / "campaign.yaml"
    text = file.read_text()
    assert "instance_type: ml.g5.xlarge" in text
    file.write_text(text.replace("instance_type: ml.g5.xlarge", "instance_type: auto"))
    ws = memory_workspace(Settings(home=tmp_path))
    made, _ = plan_offline(ws, "ad_variants", conf={"press": "proof"}, drop="")
    assert made.spec.job.instance_types == ("ml.g5.xlarge", "ml.g6.xlarge", "ml.g5.2xlarge")
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path))
    monkeypatch.delenv("PRESSRUN_BUCKET_WORK", raising=False)
    settings.cache_clear()
    said = " ".join(CliRunner().invoke(app, ["plan", "ad_variants"], catch_exceptions=False).stdout.split())
    settings.cache_clear()
    assert "instance: ml.g6.xlarge, chosen from 3" in said

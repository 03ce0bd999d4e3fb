"""`pressrun check` tells everything in one go, whichever file is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pressrun.cli import app

BAD = {
    "policy/nodes.yaml": "allowed: [1]\nlimits: {pixels: 0}\nmore: 1\n",
    "policy/prompts.yaml": "max_length: {copy: long}\nrules: [{id: r}]\n",
    "policy/pools.yaml": "default: [\n",
    "policy/budgets.yaml": "teams: 7\n",
    "workflows/registry.yaml": "workflows: {hero: {1: {state: maybe}}}\n",
    "models.lock": "[1, 2]",
    "brand/palette.yaml": "colours: {plum: {hex: purple}}\n",
    "object_info.json": "{",
}


@pytest.fixture
def include(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made, data = tmp_path / "include", repository / "tests/data/workflows"
    for source, target in (
        (data / "hero.api.json", "workflows/hero.api.json"),
        (data / "hero.schema.json", "params/hero.schema.json"),
        (repository / "include/campaigns/broken_twin", "campaigns/broken_twin"),
    ):
        (made / target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, made / target)
    graph = json.loads((made / "workflows/hero.api.json").read_bytes())
    next(node for node in graph.values() if node["class_type"] == "KSampler")["inputs"]["steps"] = 0
    (made / "workflows/hero.api.json").write_text(json.dumps(graph))
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path))
    return made


def checked() -> dict[str, list[dict[str, Any]]]:
    said = CliRunner().invoke(app, ["check", "--json"])
    assert said.exit_code == 1, said.output
    return dict(json.loads(said.stdout)["checked"])


def test_a_bad_shared_file_hides_nothing(include: Path) -> None:
    alone = checked()
    assert {finding["code"] for finding in alone["workflow hero"]} >= {"input-range"}
    for name, text in BAD.items():
        (include / name).parent.mkdir(exist_ok=True)
        (include / name).write_text(text)
    found = checked()
    assert {name for name in found if name.startswith("file ")} == {f"file {name}" for name in BAD}
    assert all(found[f"file {name}"] for name in BAD)
    assert {one["place"]["pointer"] for one in found["file policy/nodes.yaml"]} == {
        "/allowed",
        "/limits/pixels",
        "/more",
    }
    assert {one["place"]["pointer"] for one in found["file policy/prompts.yaml"]} == {
        "/max_length/copy", "/rules/0/reason",
    }  # fmt: skip
    assert found["file policy/pools.yaml"][0]["place"]["row"] == 2
    # The graph's own mistake and the campaign's are told beside them.
    assert {finding["code"] for finding in found["workflow hero"]} >= {"input-range"}
    assert found["campaign broken_twin"]
    assert not any("policy/" in str(one["place"]["file"]) for one in found["campaign broken_twin"])

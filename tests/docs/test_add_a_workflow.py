"""The page "Add your workflow", followed word by word in a fresh project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

PAGE = "docs/how-to/add-a-workflow.md"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def test_the_page_leads_from_an_export_to_a_release(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "include", tmp_path / "include", ignore=shutil.ignore_patterns("registry.yaml"))
    for other in (tmp_path / "include/campaigns").iterdir():
        if other.name != "broken_twin":
            shutil.rmtree(other)
    (tmp_path / "exports").mkdir()
    shutil.copy(repository / "tests/data/workflows/summer_poster.json", tmp_path / "exports")
    folder = tmp_path / "include/campaigns/summer_poster"
    folder.mkdir()
    tables = iter(["manifest.csv", "translations.csv"])
    environ = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRESSRUN_HOME": str(tmp_path),
    }
    ran = []
    for indent, language, raw in BLOCK.findall((repository / PAGE).read_text()):
        text = "".join(line.removeprefix(indent) for line in raw.splitlines(keepends=True))
        if language == "yaml":
            (folder / "campaign.yaml").write_text(text)
        elif language == "text":
            (folder / next(tables)).write_text(text)
        elif language == "json":
            path = tmp_path / "include/params/summer_poster.schema.json"
            schema = json.loads(path.read_bytes())
            schema["properties"] |= json.loads(text)
            path.write_text(json.dumps(schema))
        else:
            for line in text.splitlines():
                done = subprocess.run(
                    ["bash", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                ran.append(line)
    assert len(ran) == 6
    release = yaml.safe_load((tmp_path / "include/workflows/registry.yaml").read_text())["workflows"]["summer_poster"][
        "1"
    ]
    assert (release["state"], release["promoted_by"]) == ("released", "maya")
    assert "text ← headline" in (tmp_path / "summer_poster.svg").read_text()

"""The page "Add your workflow", followed word by word in a fresh project."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PAGE = "docs/how-to/add-a-workflow.md"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


PORTS = {"AIRFLOW": 21490, "S3": 21491, "SAGEMAKER": 21492}


class Reader:
    """Somebody who follows the page in a fresh project: writes what it shows, runs what it says."""

    def __init__(self, repository: Path, project: Path) -> None:
        self.project, self.ran = project, list[str]()
        for part in ("include", "dags", "plugins"):
            shutil.copytree(repository / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
        for other in (project / "include/campaigns").iterdir():
            if other.name != "broken_twin":
                shutil.rmtree(other)
        (project / ".venv-s3").symlink_to(repository / ".venv-s3")
        (project / "exports").mkdir()
        shutil.copy(repository / "tests/data/workflows/summer_poster.json", project / "exports")
        self.folder = project / "include/campaigns/summer_poster"
        self.folder.mkdir()
        self.environ = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PRESSRUN_HOME": str(project),
            **{f"PRESSRUN_LOCAL_{service}_PORT": str(port) for service, port in PORTS.items()},
        }

    def follow(self, page: str, *, without: str = "nothing") -> None:
        tables = iter(["manifest.csv", "translations.csv"])
        for indent, language, raw in BLOCK.findall(page):
            text = "".join(line.removeprefix(indent) for line in raw.splitlines(keepends=True))
            if language == "yaml":
                (self.folder / "campaign.yaml").write_text(text)
            elif language == "text":
                (self.folder / next(tables)).write_text(text)
            elif language == "json":
                path = self.project / "include/params/summer_poster.schema.json"
                schema = json.loads(path.read_bytes())
                for name, value in json.loads(text).items():
                    (schema if name.startswith("x-") else schema["properties"])[name] = value
                path.write_text(json.dumps(schema))
            else:
                for line in text.splitlines():
                    if not line.startswith(without):
                        self.run(line)

    def run(self, line: str) -> str:
        # scripts/demo sets up a virtual environment first; the tests are in it.
        command = line.replace("scripts/demo", f"{shlex.quote(sys.executable)} -m pressrun.demo")
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.project, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self.ran.append(line)
        return done.stdout


def test_the_page_leads_from_an_export_to_a_release(repository: Path, tmp_path: Path) -> None:
    reader = Reader(repository, tmp_path)
    reader.follow((repository / PAGE).read_text(), without="scripts/demo")
    assert len(reader.ran) == 6
    registry = yaml.safe_load((tmp_path / "include/workflows/registry.yaml").read_text())
    release = registry["workflows"]["summer_poster"]["1"]
    assert (release["state"], release["promoted_by"]) == ("released", "maya")
    assert "text ← headline" in (tmp_path / "summer_poster.svg").read_text()


@pytest.mark.faults
@pytest.mark.network
@pytest.mark.timeout(1800)
def test_the_page_followed_with_its_run_in_the_demo(repository: Path, tmp_path: Path) -> None:
    """Every command of the page as it stands there, the demo's run included: two proofs, reviewed and published."""
    reader = Reader(repository, tmp_path)
    said: list[str] = []
    run = reader.run
    reader.run = lambda line: said.append(run(line)) or said[-1]  # type: ignore[method-assign,func-returns-value]
    try:
        reader.follow((repository / PAGE).read_text())
    finally:
        subprocess.run([sys.executable, "-m", "pressrun.demo", "down"], cwd=tmp_path, env=reader.environ, check=True)
    assert len(reader.ran) == 8
    (demo,) = (out for line, out in zip(reader.ran, said, strict=True) if "--campaign" in line)
    summary = json.loads(demo.splitlines()[-1])
    assert (summary["planned"], summary["rendered"], summary["published"], summary["lost"]) == (2, 2, 2, 0)

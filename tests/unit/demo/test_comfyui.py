"""The demo's ComfyUI: named by COMFYUI_HOME, or fetched at the pinned commit; one sentence where neither works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pressrun.core.errors import SetupError
from pressrun.demo import __main__ as demo
from pressrun.demo import comfyui


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> tuple[Path, str]:
    """(a bare repository, the commit before its last)."""
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / "main.py").write_text("print('the pinned one')\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "one")
    commit = git(work, "rev-parse", "HEAD")
    (work / "main.py").write_text("print('a later one')\n")
    git(work, "commit", "-qam", "two")
    git(tmp_path, "clone", "-q", "--bare", str(work), "upstream.git")
    return tmp_path / "upstream.git", commit


@pytest.fixture
def project(tmp_path: Path, repository: Path, upstream: tuple[Path, str]) -> Path:
    """A project whose image pins that commit of that repository."""
    place = tmp_path / "project/container"
    place.mkdir(parents=True)
    for name in ("fetch_commit", "comfyui.lock"):
        shutil.copy(repository / "container" / name, place / name)
    text = (repository / "container/Dockerfile").read_text()
    text = re.sub(r"^ARG COMFYUI_COMMIT=.*$", f"ARG COMFYUI_COMMIT={upstream[1]}", text, flags=re.MULTILINE)
    text = re.sub(r"^ARG COMFYUI_REPOSITORY=.*$", f"ARG COMFYUI_REPOSITORY={upstream[0]}", text, flags=re.MULTILINE)
    (place / "Dockerfile").write_text(text)
    return tmp_path / "project"


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be installed; git runs for real."""
    asked: list[list[str]] = []
    run = comfyui._run

    def note(command: Sequence[str], **more: Any) -> str:
        if command[0] == "sh":
            return run(command, **more)
        asked.append(list(command))
        return ""

    monkeypatch.setattr(comfyui, "_run", note)
    return asked


def test_it_is_fetched_at_the_pinned_commit_and_once(
    project: Path, upstream: tuple[Path, str], installs: list[list[str]]
) -> None:
    said: list[str] = []
    found = comfyui.comfyui_variables(project, say=said.append, environ={})
    home = Path(found["COMFYUI_HOME"])
    assert (home / "main.py").read_text() == "print('the pinned one')\n"
    assert (home / "COMMIT").read_text().strip() == upstream[1]
    assert not (home / ".git").exists()
    assert found["PRESSRUN_FINAL_ENGINE"] == "comfyui"
    assert any("torch==2" in " ".join(words) and comfyui.CPU_WHEELS in words for words in installs)
    assert any("--require-hashes" in words for words in installs)
    assert str(upstream[0]) in said[0]
    before = len(installs)
    assert comfyui.comfyui_variables(project, say=said.append, environ={}) == found
    assert [words[1:] for words in installs[before:]] == [["-c", "import torch"]]


def test_what_an_interrupted_attempt_left_is_fetched_anew(project: Path, installs: list[list[str]]) -> None:
    home, _ = comfyui.fetched(project, say=print)
    (home.parent / "COMPLETE").unlink()
    (home / "main.py").write_text("half")
    comfyui.fetched(project, say=print)
    assert (home / "main.py").read_text() == "print('the pinned one')\n"


def test_no_internet_is_one_sentence(project: Path, tmp_path: Path) -> None:
    gone = str(tmp_path / "nowhere.git")
    with pytest.raises(SetupError, match=r"ComfyUI cannot be fetched: .+") as caught:
        comfyui.fetched(project, say=print, repository=gone)
    assert caught.value.where == gone
    assert "COMFYUI_HOME" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_packages_that_cannot_be_installed_are_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, installs: list[list[str]]
) -> None:
    note = comfyui._run
    monkeypatch.setattr(
        comfyui, "_run", lambda command, **more: "no route" if "--index-url" in command else note(command, **more)
    )
    with pytest.raises(SetupError, match="torch cannot be installed: no route"):
        comfyui.fetched(project, say=print)


def test_a_named_one_is_used_with_the_python_beside_it(
    project: Path, tmp_path: Path, installs: list[list[str]]
) -> None:
    home = tmp_path / "mine"
    (home / "venv/bin").mkdir(parents=True)
    (home / "main.py").write_text("")
    (home / "COMMIT").write_text("a" * 40)
    (home / "venv/bin/python").symlink_to(sys.executable)
    found = comfyui.comfyui_variables(project, say=print, environ={"COMFYUI_HOME": str(home)})
    assert found["COMFYUI_PYTHON"] == str(home / "venv/bin/python")
    named = {"COMFYUI_HOME": str(home), "COMFYUI_PYTHON": "/opt/python"}
    assert comfyui.comfyui_variables(project, say=print, environ=named)["COMFYUI_PYTHON"] == "/opt/python"
    with pytest.raises(SetupError, match="no ComfyUI"):
        comfyui.comfyui_variables(project, say=print, environ={"COMFYUI_HOME": str(tmp_path / "none")})


def test_a_python_without_torch_is_told(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    home.mkdir()
    (home / "main.py").write_text("")
    (home / "COMMIT").write_text("a" * 40)
    named = {"COMFYUI_HOME": str(home), "COMFYUI_PYTHON": str(tmp_path / "no-python")}
    with pytest.raises(SetupError, match="no torch"):
        comfyui.comfyui_variables(project, say=print, environ=named)


def test_another_engine_is_refused() -> None:
    result = CliRunner().invoke(demo.app, ["--engine", "a1111"])
    assert isinstance(result.exception, SetupError)
    assert "a1111" in str(result.exception)

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = ("bench", "bundle", "check", "demo", "docs", "lock", "setup", "test")


@pytest.fixture
def bootstrap(load: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up, at home in an empty folder that has the three locks and nothing else."""
    module = load("scripts/bootstrap.py")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LOG", tmp_path / ".pressrun" / "setup.log")
    for env in module.ENVIRONMENTS.values():
        (tmp_path / env.lock).write_text("six==1.17.0\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "pressrun"\nversion = "0.1.0"\n')
    return module


def finish(module: ModuleType, name: str) -> None:
    env = module.ENVIRONMENTS[name]
    (env.path / "bin").mkdir(parents=True, exist_ok=True)
    if not env.python.exists():
        env.python.symlink_to(sys.executable)
    env.stamp.write_text(module.fingerprint(env))


def test_a_finished_environment_is_ready_and_the_larger_one_serves_the_smaller(bootstrap: ModuleType) -> None:
    assert bootstrap.main(["--check", "base"]) == 1
    finish(bootstrap, "dev")
    assert bootstrap.main(["--check", "base"]) == 0
    assert bootstrap.main(["--check", "dev"]) == 0
    assert bootstrap.main(["--check", "base", "s3"]) == 1


def test_the_smaller_environment_does_not_serve_the_larger(bootstrap: ModuleType) -> None:
    finish(bootstrap, "base")
    assert bootstrap.main(["--check", "base"]) == 0
    assert bootstrap.main(["--check", "dev"]) == 1


def test_another_lock_another_place_or_another_version_is_not_ready(bootstrap: ModuleType, tmp_path: Path) -> None:
    finish(bootstrap, "dev")
    project = tmp_path / "pyproject.toml"
    kept = project.read_text()
    project.write_text(kept.replace("0.1.0", "0.2.0"))
    assert bootstrap.main(["--check", "dev"]) == 1
    project.write_text(kept + "[tool.ruff]\nline-length = 100\n")
    assert bootstrap.main(["--check", "dev"]) == 0
    (tmp_path / "requirements-dev.txt").write_text("six==1.16.0\n")
    assert bootstrap.main(["--check", "dev"]) == 1


def test_a_half_made_environment_is_thrown_away_and_made_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(bootstrap, "s3")
    env = bootstrap.ENVIRONMENTS["s3"]
    env.building.touch()
    (env.path / "half").touch()
    ran: list[list[str]] = []

    def run(what: str, command: list[str]) -> None:
        ran.append(command)
        if "venv" in command:
            (env.path / "bin").mkdir()
            env.python.symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "run", run)
    assert bootstrap.main(["--check", "s3"]) == 1
    assert bootstrap.main(["s3"]) == 0
    assert not (env.path / "half").exists()
    assert any("--require-hashes" in command for command in ran)
    assert bootstrap.main(["--check", "s3"]) == 0


def test_an_environment_whose_python_is_gone_is_made_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(bootstrap, "s3")
    env = bootstrap.ENVIRONMENTS["s3"]
    env.python.unlink()
    env.python.symlink_to("/nowhere/python3.11")

    def run(what: str, command: list[str]) -> None:
        raise bootstrap.SetupError("Set-up stopped while making the environment: the disk is full")

    monkeypatch.setattr(bootstrap, "run", run)
    assert bootstrap.main(["s3"]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert env.building.exists()


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("src/x.c:1:10: fatal error: Python.h: No such file or directory\nerror: command 'gcc' failed", "headers"),
        ("error: command '/usr/bin/x86_64-linux-gnu-gcc' failed: No such file or directory", "compiler"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "error: Failed to fetch: `https://index.example/simple/six/`\n  cause: error sending request for url\n"
            "  cause: client error (Connect)\n  cause: dns error: failed to lookup address information",
            "cannot be reached",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a "
            "new connection: [Errno -2] Name or service not known')'\nERROR: No matching distribution found for six",
            "cannot be reached",
        ),
        ("  cause: invalid peer certificate: UnknownIssuer", "certificate is not trusted"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nhash mismatch", "not the one that was locked"),
        ("ERROR: No matching distribution found for airflow==9", "does not have a package"),
        ("something\n\nthe last words\n\n", "the last words"),
        ("", "no output"),
    ],
)
def test_a_failure_is_one_sentence(bootstrap: ModuleType, output: str, cause: str) -> None:
    said = bootstrap.sentence("installing", output)
    assert said.startswith("Set-up stopped while installing: ")
    assert cause in said
    assert "\n" not in said


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_executable_bash_that_parses(script: str, repository: Path) -> None:
    file = repository / "scripts" / script
    assert os.access(file, os.X_OK)
    text = file.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert len(text.splitlines()) <= 40
    for newer in ("mapfile", "readarray", "declare -A", ",,}", "^^}", "|&", "&>>"):
        assert newer not in text, f"{newer} is not in bash 3.2"
    assert subprocess.run(["bash", "-n", file], check=False).returncode == 0


def clone(repository: Path, to: Path) -> Path:
    """The scripts and the locks in a folder of their own, whose name has a space."""
    home = to / "a clone"
    shutil.copytree(repository / "scripts", home / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "requirements-dev.txt", "requirements-s3.txt"):
        shutil.copy(repository / name, home)
    return home


def tools(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (None, "found none"),
        ("echo 'it is Python 3.9' >&2; exit 1", "python3 (it is Python 3.9)"),
        ("echo 'its module ensurepip is missing' >&2; exit 1", "its module ensurepip is missing"),
        ("exit 127", "python3 (it does not start)"),
    ],
)
def test_no_fitting_python_is_one_sentence(python: str | None, said: str, repository: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", "bash", "dirname", "tail")
    if python:
        (path / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (path / "python3").chmod(0o755)
    done = subprocess.run(
        [path / "bash", clone(repository, tmp_path) / "scripts" / "demo"],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "PYTHON=/path/to/python3.11" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_status_and_down_of_what_was_never_started_say_so(repository: Path, tmp_path: Path) -> None:
    home = clone(repository, tmp_path)
    for command in ("status", "down"):
        done = subprocess.run([home / "scripts" / "demo", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "Nothing was ever started here; scripts/demo starts it.\n")
    assert not (home / ".venv").exists()


@pytest.mark.slow
def test_no_package_index_is_one_sentence_and_the_next_try_starts_afresh(repository: Path, tmp_path: Path) -> None:
    home = clone(repository, tmp_path)
    nowhere = "http://127.0.0.1:9/simple"
    environ = os.environ | {"PIP_INDEX_URL": nowhere, "UV_DEFAULT_INDEX": nowhere, "PIP_CONFIG_FILE": os.devnull}
    environ |= {"PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
    environ.pop("PIP_FIND_LINKS", None)
    for _ in range(2):
        done = subprocess.run(
            [home / "scripts" / "setup", "s3"], env=environ, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 1
        assert "the package index cannot be reached" in done.stderr
        assert len(done.stderr.splitlines()) == 2
        assert (home / ".venv-s3" / "building").exists()

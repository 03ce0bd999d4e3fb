"""The engine class says which ComfyUI it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressrun.comfy.identity import comfyui_class, git_commit
from pressrun.core.errors import SetupError

COMMIT = "783545f689a0af730065994b46b382ae24844c99"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pressrun.comfy.identity.gpu_count", lambda: 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "comfyui_version.py").write_text('# generated\n__version__ = "0.33.0"\n')
    return tmp_path


def test_a_commit_file_comes_first_then_git_then_the_version(home: Path) -> None:
    assert comfyui_class(home) == "comfyui:0.33.0+nodes:none+fp32"
    (home / ".git/refs/heads").mkdir(parents=True)
    (home / ".git/HEAD").write_text("ref: refs/heads/master\n")
    (home / ".git/packed-refs").write_text(f"# pack-refs\n{'a' * 40} refs/heads/other\n{COMMIT} refs/heads/master\n")
    assert git_commit(home) == COMMIT
    (home / ".git/refs/heads/master").write_text("b" * 40 + "\n")
    assert comfyui_class(home) == f"comfyui:{'b' * 40}+nodes:none+fp32"
    (home / ".git/HEAD").write_text(COMMIT + "\n")
    assert git_commit(home) == COMMIT
    (home / "COMMIT").write_text("c" * 40)
    assert comfyui_class(home) == f"comfyui:{'c' * 40}+nodes:none+fp32"


def test_nodes_and_the_device_make_another_class(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = home / "custom_nodes.lock"
    lock.write_text("a@1\n")
    first = comfyui_class(home)
    lock.write_text("a@2\n")
    assert comfyui_class(home) != first
    monkeypatch.setattr("pressrun.comfy.identity.gpu_count", lambda: 1)
    assert comfyui_class(home).endswith("+auto")


def test_no_comfyui_and_a_nameless_one_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no ComfyUI"):
        comfyui_class(tmp_path / "elsewhere")
    (home / "comfyui_version.py").unlink()
    with pytest.raises(SetupError, match="PRESSRUN_COMFYUI_CLASS"):
        comfyui_class(home)

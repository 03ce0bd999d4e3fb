"""The studio is the container's ComfyUI, or it does not start; and the nodes command writes what the build reads."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pressrun.cli import app
from pressrun.core.errors import SetupError
from pressrun.core.node_lock import CustomNode
from pressrun.steps.models import add_model
from pressrun.steps.studio import Pinned, check_home, check_nodes, link_models, pinned_comfyui, studio_command

PINNED = Pinned("v0.33.0", "2" * 40)


def repository_at(folder: Path) -> str:
    """A git repository with one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text("")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_pin_is_the_images_own(repository: Path, tmp_path: Path) -> None:
    found = pinned_comfyui(repository / "container/Dockerfile")
    assert found.tag.startswith("v")
    assert len(found.commit) == 40
    with pytest.raises(SetupError, match="no ComfyUI is pinned"):
        pinned_comfyui(tmp_path / "Dockerfile")


def test_another_comfyui_than_the_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="git clone"):
        check_home(tmp_path / "none", PINNED)
    commit = repository_at(tmp_path / "git")
    check_home(tmp_path / "git", Pinned("v0.33.0", commit))
    with pytest.raises(SetupError, match=f"checkout {'2' * 40}"):
        check_home(tmp_path / "git", PINNED)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "main.py").write_text("")
    (plain / "comfyui_version.py").write_text('__version__ = "0.33.0"\n')
    check_home(plain, PINNED)
    with pytest.raises(SetupError, match=r"0\.33\.0, the image has v0\.34\.0"):
        check_home(plain, Pinned("v0.34.0", PINNED.commit))


def test_custom_nodes_are_at_their_commit(tmp_path: Path) -> None:
    commit = repository_at(tmp_path / "custom_nodes/nice")
    node = CustomNode("nice", "https://github.com/a/nice", commit)
    check_nodes(tmp_path, {"nice": node})
    with pytest.raises(SetupError, match="locked is 000"):
        check_nodes(tmp_path, {"nice": CustomNode("nice", node.repository, "0" * 40)})
    with pytest.raises(SetupError, match="is not there"):
        check_nodes(tmp_path, {"other": CustomNode("other", node.repository, commit)})


def test_only_locked_models_can_be_chosen(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    disk = tmp_path / "disk"
    disk.mkdir()
    for name, byte in (("kept.safetensors", b"a"), ("loose.safetensors", b"b"), ("away.safetensors", b"c")):
        (disk / name).write_bytes(struct.pack("<Q", len(header)) + header + byte)
    for name in ("kept.safetensors", "away.safetensors"):
        add_model(tmp_path, disk / name, folder="vae", licence="x", source="y")
    (disk / "away.safetensors").unlink()
    (tmp_path / "tree/vae").mkdir(parents=True)
    (tmp_path / "tree/vae/old.safetensors").symlink_to(disk / "gone")
    found, absent = link_models(tmp_path, [disk, tmp_path / "no-folder"], tmp_path / "tree")
    assert ([m.name for m in found], [m.name for m in absent]) == (["kept.safetensors"], ["away.safetensors"])
    assert [path.name for path in (tmp_path / "tree/vae").iterdir()] == ["kept.safetensors"]


def test_the_studio_has_the_containers_flags_and_no_other_nodes(tmp_path: Path) -> None:
    command = studio_command(tmp_path / "comfy", "python", tmp_path / "work", ["b", "a"], port=9, cpu=False)
    line = " ".join(command)
    assert "--disable-all-custom-nodes --whitelist-custom-nodes a b" in line
    assert "--listen 127.0.0.1 --disable-api-nodes" in line
    assert line.endswith("--port 9")
    assert f"--models-directory {tmp_path / 'work/empty'}" in line
    for word in command[command.index("--models-directory") :]:
        if word.startswith(str(tmp_path)):
            assert Path(word).exists(), word
    assert "--cpu" not in command
    bare = studio_command(tmp_path, "python", tmp_path / "work", [], port=9, cpu=True)
    assert "--whitelist-custom-nodes" not in bare
    assert "--cpu" in bare


def test_commands_write_the_locks_that_the_build_reads(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path))
    (tmp_path / "container").mkdir()
    (tmp_path / "include").mkdir()
    shutil.copy(repository / "container/Dockerfile", tmp_path / "container")
    runner, commit = CliRunner(), "a1" * 20
    added = runner.invoke(app, ["nodes", "add", f"https://github.com/a/nice@{commit}"])
    assert added.exit_code == 0, added.output
    lines = (tmp_path / "container/custom_nodes.lock").read_text().splitlines()
    assert lines[-1] == f"nice https://github.com/a/nice {commit}"
    listed = runner.invoke(app, ["nodes", "list"]).output
    assert "1 custom nodes; PRESSRUN_COMFYUI_CLASS=comfyui:" in listed
    assert listed.strip().rpartition("=")[2] in added.output
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"a")
    words = ["models", "add", str(tmp_path / "m.safetensors"), "--licence", "MIT", "--source", "here"]
    assert "1 tensors" in runner.invoke(app, words).output
    assert "m.safetensors" in runner.invoke(app, ["models", "list"]).output

"""The models channel: the bytes that were locked, linked into the folders that the engine looks into."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from pressrun.core.codec import sha256_hex
from pressrun.core.errors import InputError
from pressrun.core.model_file import ModelFile
from pressrun.runner.config import read_config
from pressrun.runner.models import stage_models


def weights(number: int) -> bytes:
    header = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes([number] * 4)


def put(channel: Path, data: bytes, name: str = "base.safetensors", *, folder: str = "checkpoints") -> ModelFile:
    model = ModelFile(
        name=name, folder=folder, sha256=sha256_hex(data), size=len(data), licence="CC0-1.0", source="made here"
    )
    path = channel / model.sha256 / model.file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return model


def test_models_stand_in_the_folders_that_graphs_name(tmp_path: Path) -> None:
    models = [put(tmp_path / "in", weights(1)), put(tmp_path / "in", weights(2), "sd/look.safetensors", folder="loras")]
    assert stage_models(models, tmp_path / "in", tmp_path / "tree") == 2 * len(weights(1))
    assert (tmp_path / "tree/checkpoints/base.safetensors").read_bytes() == weights(1)
    assert (tmp_path / "tree/loras/sd/look.safetensors").read_bytes() == weights(2)
    stage_models(models, tmp_path / "in", tmp_path / "tree")  # a second time changes nothing


def test_the_channel_may_keep_the_prefix_of_its_keys(tmp_path: Path) -> None:
    model = put(tmp_path / "in/models", weights(1))
    stage_models([model], tmp_path / "in", tmp_path / "tree")
    assert (tmp_path / "tree/checkpoints/base.safetensors").is_file()


def test_a_model_that_is_absent_changed_or_no_safetensors_is_named(tmp_path: Path) -> None:
    model = put(tmp_path / "in", weights(1))
    path = tmp_path / "in" / model.sha256 / model.file_name
    path.write_bytes(weights(9))
    with pytest.raises(InputError, match="locked was"):
        stage_models([model], tmp_path / "in", tmp_path / "tree")
    path.write_bytes(weights(1)[:-1])
    with pytest.raises(InputError, match="the file has 3"):
        stage_models([model], tmp_path / "in", tmp_path / "tree")
    path.unlink()
    with pytest.raises(InputError, match="not in the channel"):
        stage_models([model], tmp_path / "in", tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_a_name_cannot_leave_the_tree(tmp_path: Path) -> None:
    model = put(tmp_path / "in", weights(1)).model_copy(update={"name": "../../base.safetensors"})
    with pytest.raises(InputError, match="plain path"):
        stage_models([model], tmp_path / "in", tmp_path / "tree")


def test_the_engine_may_load_the_nodes_of_the_images_lock(tmp_path: Path) -> None:
    environ = {"PRESSRUN_SHARD_SHA256": "a" * 64, "COMFYUI_HOME": str(tmp_path)}
    assert read_config(environ).custom_nodes == ()
    (tmp_path / "custom_nodes.lock").write_text(f"nice https://github.com/a/nice {'a' * 40}\n")
    assert read_config(environ).custom_nodes == ("nice",)
    assert read_config({**environ, "PRESSRUN_CUSTOM_NODES": "other"}).custom_nodes == ("other",)

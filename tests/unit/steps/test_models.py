"""Models: locked by content, brought to the bucket once, and only the ones that a job's graphs name."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from job_press import Press

from pressrun.core import keys
from pressrun.core.codec import sha256_hex
from pressrun.core.errors import ConflictError, InputError
from pressrun.core.gather import Gather
from pressrun.core.shard import make_shard
from pressrun.settings import Settings
from pressrun.steps.expand import tell_unlocked
from pressrun.steps.job_request import models_manifest, processing_request
from pressrun.steps.jobs import job_records
from pressrun.steps.models import add_model, locked_models, sync_models
from pressrun.steps.workspace import memory_workspace


def weights(path: Path, number: int = 1, tensors: int = 4) -> Path:
    header = json.dumps({"a": {"dtype": "U8", "shape": [tensors], "data_offsets": [0, tensors]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes([number] * tensors))
    return path


def test_a_model_is_locked_by_content_with_licence_and_source(tmp_path: Path) -> None:
    file = weights(tmp_path / "look.safetensors")
    model, header = add_model(
        tmp_path, file, folder="loras", licence="CC0-1.0", source="made here", name="sd/look.safetensors"
    )
    assert (model.sha256, model.size, header.tensors) == (sha256_hex(file.read_bytes()), file.stat().st_size, 1)
    assert locked_models(tmp_path) == {"sd/look.safetensors": model}


def test_a_locked_name_never_changes_its_bytes(tmp_path: Path) -> None:
    add_model(tmp_path, weights(tmp_path / "a.safetensors"), folder="vae", licence="x", source="y")
    again, _ = add_model(tmp_path, tmp_path / "a.safetensors", folder="vae", licence="MIT", source="y")
    assert locked_models(tmp_path)["a.safetensors"].licence == again.licence == "MIT"
    with pytest.raises(ConflictError, match="another name"):
        add_model(tmp_path, weights(tmp_path / "a.safetensors", 2), folder="vae", licence="x", source="y")


@pytest.mark.parametrize(("folder", "licence", "source"), [("vae", " ", "y"), ("vae", "x", ""), ("models", "x", "y")])
def test_a_model_without_licence_source_or_known_folder_is_refused(
    tmp_path: Path, folder: str, licence: str, source: str
) -> None:
    with pytest.raises(InputError):
        add_model(tmp_path, weights(tmp_path / "a.safetensors"), folder=folder, licence=licence, source=source)
    assert not (tmp_path / "models.lock").exists()


def test_sync_sends_what_is_not_there_and_finds_files_by_content(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    ws = memory_workspace(Settings.model_validate({"home": tmp_path}))
    for number, name in enumerate(("a.safetensors", "b.safetensors"), 1):
        add_model(tmp_path / "include", weights(tmp_path / name, number), folder="vae", licence="x", source="y")
    weights(tmp_path / "disk/renamed.safetensors", 1)
    weights(tmp_path / "disk/other.safetensors", 7)
    states = {done.model.name: done.state for done in sync_models(ws, [tmp_path / "disk", tmp_path / "absent"])}
    assert states == {"a.safetensors": "sent", "b.safetensors": "absent"}
    assert [done.state for done in sync_models(ws, [tmp_path])] == ["there", "sent"]
    locked = locked_models(tmp_path / "include")["a.safetensors"]
    assert ws.inputs.get(keys.model(locked.sha256, "a.safetensors")) == (tmp_path / "a.safetensors").read_bytes()
    ws.inputs.put(keys.model(locked.sha256, "a.safetensors"), b"cut")
    with pytest.raises(ConflictError, match="3 bytes"):
        sync_models(ws, [tmp_path])


def test_a_final_job_gets_exactly_the_models_that_its_graphs_name(tmp_path: Path) -> None:
    press = Press()
    press.order()
    record = job_records(press.ws, press.plan.run.run_key)[0]
    named, _ = add_model(tmp_path, weights(tmp_path / "a.safetensors"), folder="vae", licence="x", source="y")
    other, _ = add_model(tmp_path, weights(tmp_path / "b.safetensors", 2), folder="vae", licence="x", source="y")
    bundle = press.plan.workflows["card"]
    graph = {**bundle.graph, "2": {"class_type": "VAELoader", "inputs": {"vae_name": named.name}}}
    graph["1"] = {"class_type": "SaveImage", "inputs": {"vae": ["2", 0]}}
    plan = press.plan.model_copy(
        update={
            "models": (named, other),
            "workflows": {"card": bundle.model_copy(update={"graph": graph})},
            "run": press.plan.run.model_copy(update={"engine": "comfyui"}),
        }
    )
    shard = make_shard(plan, plan.items, plan_digest="d", phase="main", index=0, attempt=1)
    assert shard.models == (named,)
    request = processing_request(press.ws, plan, record, shard)
    channel = next(part for part in request["ProcessingInputs"] if part["InputName"] == "models")["S3Input"]
    assert (channel["S3DataType"], channel["LocalPath"]) == ("ManifestFile", "/opt/ml/processing/input/models")
    with pytest.raises(InputError, match="pressrun models sync"):
        models_manifest(press.ws, shard.models)
    press.ws.inputs.create_from(keys.model(named.sha256, named.file_name), tmp_path / "a.safetensors")
    manifest = json.loads(models_manifest(press.ws, shard.models))
    assert manifest == [{"prefix": press.ws.inputs.uri("models/")}, f"{named.sha256}/a.safetensors"]
    proof = plan.model_copy(update={"run": plan.run.model_copy(update={"engine": "proof"})})
    assert make_shard(proof, plan.items, plan_digest="d", phase="main", index=0, attempt=1).models == ()


def test_a_model_that_nobody_locked_is_a_finding() -> None:
    gather = Gather()
    tell_unlocked({"base.safetensors"}, "workflows/card.api.json", gather)
    (finding,) = gather.findings
    assert (finding.code, finding.severity) == ("model-unlocked", "error")
    assert "pressrun models add" in finding.remedy

"""Every recorded POST /prompt gets the recorded answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pressrun.core.errors import InputError
from pressrun.proof.files import Folders
from pressrun.proof.nodeinfo import Catalogue, ModelNames, is_plain_name
from pressrun.proof.validation import MalformedGraphError, validate

RECORDINGS = Path(__file__).parents[2] / "data" / "comfy" / "validation_errors.jsonl"
# What the recording server had: one checkpoint, and the image that an earlier prompt saved.
MODELS = ModelNames({"checkpoints": ("random_sd15_fp16.safetensors",)})


def recorded() -> list[Any]:
    cases, note = [], ""
    for line in RECORDINGS.read_text().splitlines():
        entry = json.loads(line)
        note = entry.get("text", note)
        raw = entry.get("request") or entry.get("request_raw")
        try:
            body = json.loads(raw) if isinstance(raw, str) else raw
        except ValueError:
            continue
        wrong_id = "invalid_prompt_id" in json.dumps(entry.get("response"))
        if entry["kind"] == "http" and isinstance(body, dict) and "prompt" in body and not wrong_id:
            cases.append(pytest.param(body, entry["status"], entry["response"], id=note.replace(" ", "-")[:60]))
    assert len(cases) > 25
    return cases


def comparable(value: Any) -> Any:
    """Without what names the recording machine's own code: tracebacks, and tooltips that were trimmed elsewhere."""
    if isinstance(value, dict):
        return {key: comparable(part) for key, part in value.items() if key not in {"traceback", "tooltip"}}
    return [comparable(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("body", "status", "response"), recorded())
def test_answers_as_recorded(body: dict[str, Any], status: int, response: Any, folders: Folders) -> None:
    (folders.output / "lab").mkdir()
    (folders.output / "lab" / "free_00001_.png").write_bytes(b"x")
    if status == 500:
        with pytest.raises(MalformedGraphError):
            validate(body["prompt"], folders, MODELS)
        return
    verdict = validate(body["prompt"], folders, MODELS, body.get("partial_execution_targets"))
    assert (verdict.error is None) == (status == 200)
    assert comparable(verdict.node_errors) == comparable(response["node_errors"])
    if verdict.error is not None:
        assert verdict.error == response["error"]


def test_without_a_lock_every_plain_model_name_is_known() -> None:
    models = ModelNames()
    assert models.known("checkpoints", "sdxl/base_1.0.safetensors")
    assert not models.known("checkpoints", "../base.safetensors")
    assert not models.known("checkpoints", 7)


@pytest.mark.parametrize("name", ["", "/a", "a/../b", "..", "a//b", "C:\\x", "a\nb", "."])
def test_names_that_could_leave_their_folder_are_not_plain(name: str) -> None:
    assert not is_plain_name(name)


def test_a_models_lock_is_read_and_shown(tmp_path: Path) -> None:
    lock = tmp_path / "models.json"
    lock.write_text('{"checkpoints": ["a.safetensors"], "upscale_models": ["4x.pth"]}')
    info = Catalogue(ModelNames.from_lock(lock)).all()
    assert info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] == ["a.safetensors"]
    assert info["UpscaleModelLoader"]["input"]["required"]["model_name"][1]["options"] == ["4x.pth"]
    lock.write_text("[]")
    with pytest.raises(InputError, match="folder"):
        ModelNames.from_lock(lock)

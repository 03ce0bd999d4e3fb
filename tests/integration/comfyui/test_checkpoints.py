"""Checkpoints of random weights on a real ComfyUI: warmed up once each, drawn as one at a time draws them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import runner_shards as shards
from checkpoint_graph import BINDINGS, checkpoint_graph
from one_at_a_time import one_at_a_time, pixels
from runner_job import Job

from pressrun.core.model_file import ModelFile
from pressrun.core.shard import Shard
from pressrun.runner.places import Places

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(3600)]

SCRIPT = Path(__file__).parents[2] / "support/random_checkpoint.py"
ITEMS, SIDE = 24, 64
GRAPH = checkpoint_graph(SIDE, SIDE, steps=2)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two checkpoints by name."""
    folder = tmp_path_factory.mktemp("checkpoints")
    home = os.environ.get("COMFYUI_HOME")
    if not home:
        pytest.skip("there is no real ComfyUI: COMFYUI_HOME is not set")
    found = {}
    for seed, name in enumerate(("one.safetensors", "two.safetensors"), 1):
        found[name] = folder / name
        command = [os.environ.get("COMFYUI_PYTHON") or sys.executable, str(SCRIPT), str(found[name]), str(seed)]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr[-2000:]
    return found


def locked(paths: dict[str, Path]) -> tuple[ModelFile, ...]:
    return tuple(
        ModelFile(
            name=name, folder="checkpoints", sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size=path.stat().st_size, licence="CC0-1.0", source="random numbers",
        )
        for name, path in paths.items()
    )  # fmt: skip


def manifest(models: tuple[ModelFile, ...], *, swapped: bool) -> Shard:
    """The same items, with their checkpoints in turns or in blocks."""
    names = [model.name for model in models]
    items = [shards.item(n, workflow="hero", width=SIDE, height=SIDE, model=names[n % 2]) for n in range(ITEMS)]
    if not swapped:
        items.sort(key=lambda item: str(item.params["model"]))
    document = shards.shard(items, workflows=[shards.bundle("hero", GRAPH, **BINDINGS)], engine="comfyui")
    return document.model_copy(update={"models": models})


def test_two_checkpoints_in_turns_are_loaded_once_each(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    models, drawn = locked(checkpoints), {}
    for order in ("sorted", "swapped"):
        document = manifest(models, swapped=order == "swapped")
        one = Job(tmp_path / order, document)
        for model in models:
            place = one.places.models_channel / model.sha256 / model.file_name
            place.parent.mkdir(parents=True)
            place.hardlink_to(checkpoints[model.name])
        one.start(**{name: os.environ[name] for name in ("COMFYUI_HOME", "COMFYUI_PYTHON") if name in os.environ})
        assert one.wait(3000) == 0, one.log
        one.check_nothing_lost()
        results = one.results()
        assert {result.outcome for result in results} == {"rendered"}
        warm_ups = [event for event in one.events() if event["event"] == "warmed_up"]
        assert [(event["outcome"], event["models"]) for event in warm_ups] == [
            ("success", ["one.safetensors"]), ("success", ["two.safetensors"])
        ]  # fmt: skip
        loads = [result.item_id for result in results if "1" in result.node_seconds]
        assert loads == [], "an item paid for a checkpoint's loading"
        last = one.progress()[-1]
        print(f"{order}: {last.busy_seconds:.1f} s for {ITEMS} items, {last.warm_up_seconds:.1f} s of warm-up")
        drawn[order] = {result.item_id: pixels(one.places.output / result.outputs[0].file) for result in results}
    assert drawn["swapped"] == drawn["sorted"]
    assert len(set(drawn["sorted"].values())) == ITEMS
    folder = Places(tmp_path / "reference").models / "checkpoints"
    folder.mkdir(parents=True)
    for name, path in checkpoints.items():
        (folder / name).symlink_to(path)
    assert one_at_a_time(tmp_path / "reference", manifest(models, swapped=False)) == drawn["sorted"]

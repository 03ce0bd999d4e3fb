"""On a real ComfyUI a batch's files come in the order of its pictures, and each item gets its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import runner_shards as shards
from PIL import Image
from runner_job import Job

from pressrun.core.targets import Binding

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(900)]
SIZE, BATCHES = 4, 5
# ComfyUI itself picks one picture of the batch: what the runner's files are held against.
PICKED: dict[str, Any] = {
    **shards.GRAPH,
    "1": {"class_type": "EmptyImage", "inputs": {**shards.GRAPH["1"]["inputs"], "batch_size": SIZE}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}},
    "5": {"class_type": "ImageFromBatch", "inputs": {"image": ["3", 0], "batch_index": 0, "length": 1}},
}


def drawn(job: Job) -> dict[str, str]:
    found = {}
    for result in job.results():
        with Image.open(job.places.output / result.outputs[0].file) as image:
            found[result.item_id] = hashlib.sha256(image.tobytes()).hexdigest()
    return found


@pytest.mark.parametrize("sink", ["stock", "auto"])
def test_pictures_of_a_batch_are_their_items(tmp_path: Path, sink: str) -> None:
    engine = {name: os.environ[name] for name in ("COMFYUI_HOME", "COMFYUI_PYTHON") if name in os.environ}
    picker = shards.bundle("picked", PICKED, **{**shards.BINDINGS, "place": (Binding(node="5", input="batch_index"),)})
    batched = [item for number in range(BATCHES) for item in shards.batch(number, SIZE)]
    alone = [
        item.model_copy(
            update={
                "item_id": f"a{item.item_id[1:]}",
                "workflow": "picked",
                "params": {**item.params, "place": item.batch.index},
                "batch": None,
            }
        )
        for item in batched
        if item.batch
    ]
    document = shards.shard([*batched, *alone], workflows=[shards.bundle(), picker], engine="comfyui")
    job = Job(tmp_path, document)
    assert job.run(PRESSRUN_SINK=sink, **engine) == 0, job.log
    job.check_nothing_lost()
    found = drawn(job)
    assert {item.item_id: found[item.item_id] for item in batched} == {
        item.item_id: found[f"a{item.item_id[1:]}"] for item in batched
    }
    assert len({found[item.item_id] for item in batched}) == SIZE * BATCHES
    by_prompt: dict[str, set[str]] = {}
    for result in job.results():
        if result.batch:
            by_prompt.setdefault(result.prompt_id, set()).add(result.batch.key)
            assert result.sink == ("pressrun" if sink == "auto" else "stock")
    assert [len(keys) for keys in by_prompt.values()] == [1] * BATCHES

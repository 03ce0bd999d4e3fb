"""On a real ComfyUI the fast sink's files are SaveImage's own, to the byte, at a fraction of the worker thread's time."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import pytest
import runner_shards as shards
from runner_job import Job

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]
SIDE, ITEMS = 1024, 6


def test_the_sink_writes_what_save_image_writes(tmp_path: Path) -> None:
    engine = {name: os.environ[name] for name in ("COMFYUI_HOME", "COMFYUI_PYTHON") if name in os.environ}
    document = shards.shard([shards.item(n, width=SIDE, height=SIDE) for n in range(ITEMS)], engine="comfyui")
    files, thread = {}, {}
    for sink in ("stock", "auto"):
        job = Job(tmp_path / sink, document)
        assert job.run(PRESSRUN_SINK=sink, **engine) == 0, job.log
        job.check_nothing_lost()
        results = job.results()
        assert {result.sink for result in results} == {"pressrun" if sink == "auto" else "stock"}
        files[sink] = {result.item_id: result.outputs[0].sha256 for result in results}
        thread[sink] = statistics.median(result.node_seconds["4"] for result in results)
    assert files["auto"] == files["stock"]
    assert thread["auto"] < thread["stock"] / 3

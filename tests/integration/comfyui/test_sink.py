"""On a real ComfyUI the fast sink's files are SaveImage's own, to the byte, at a fraction of the worker thread's time.

SaveImageAdvanced encodes 8 bits with another library: there the pixels are its own, and so they are with 16 bits.
"""

from __future__ import annotations

import copy
import os
import statistics
from pathlib import Path

import av
import numpy as np
import pytest
import runner_shards as shards
from runner_job import Job

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]
SIDE, ITEMS = 1024, 6


@pytest.mark.parametrize("depth", ["8-bit", "16-bit"])
def test_the_sink_writes_the_pixels_of_save_image_advanced(tmp_path: Path, depth: str) -> None:
    engine = {name: os.environ[name] for name in ("COMFYUI_HOME", "COMFYUI_PYTHON") if name in os.environ}
    graph = copy.deepcopy(shards.GRAPH)
    graph["4"]["class_type"] = "SaveImageAdvanced"
    graph["4"]["inputs"] |= {"format": "png", "format.bit_depth": depth, "format.input_color_space": "sRGB"}
    items = [shards.item(n, width=SIDE, height=SIDE) for n in range(ITEMS)]
    document = shards.shard(items, workflows=[shards.bundle("plain", graph, **shards.BINDINGS)], engine="comfyui")
    seen, thread = {}, {}
    for sink in ("stock", "auto"):
        job = Job(tmp_path / sink, document)
        job.start(PRESSRUN_SINK=sink, **engine)
        assert job.wait(1500) == 0, job.log
        job.check_nothing_lost()
        results = job.results()
        assert {result.sink for result in results} == {"pressrun" if sink == "auto" else "stock"}
        seen[sink] = {result.item_id: words(job.places.output / result.outputs[0].file) for result in results}
        thread[sink] = statistics.median(result.node_seconds["4"] for result in results)
        print(f"{depth} {sink}: {1000 * thread[sink]:.1f} ms of the worker's thread for each picture")
    for name, (format_name, pixels) in seen["stock"].items():
        assert seen["auto"][name][0] == format_name == ("rgb48be" if depth == "16-bit" else "rgb24")
        assert np.array_equal(seen["auto"][name][1], pixels)
    assert thread["auto"] < thread["stock"]


def words(path: Path) -> tuple[str, np.ndarray]:
    """(pixel format, pixels at full depth) of a PNG; Pillow would see 8 bits only."""
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
    return frame.format.name, frame.to_ndarray(format="rgb48le")


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

"""The fast sink through the whole runner: pixels are handed over raw, files are what the stock node would have written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import runner_shards as shards
from PIL import Image
from runner_job import Job

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]

COMFYUI = {"COMFYUI_HOME": str(Path(__file__).parent / "comfyui_double")}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    jobs: list[Job] = []

    def go(graph: dict | None = None, **environ: str) -> Job:
        items = [shards.item(n, headline="the same" if n < 2 else f"Line {n}") for n in range(5)]
        document = shards.shard(items, workflows=[shards.bundle("plain", graph)], engine="comfyui")
        jobs.append(Job(tmp_path / f"job-{len(jobs)}", document))
        assert jobs[-1].run(**COMFYUI, **environ) == 0, jobs[-1].log
        jobs[-1].check_nothing_lost()
        return jobs[-1]

    yield go
    for one in jobs:
        one.end()


def test_pixels_handed_over_become_complete_files_that_hold_the_artists_graph(run: Callable[..., Job]) -> None:
    one = run()
    for result in one.results():
        assert (result.outcome, result.sink) == ("rendered", "pressrun")
        (file,) = result.outputs
        assert (file.media_type, file.width, file.height) == ("image/png", 96, 64)
        assert file.measurements is not None
        assert file.measurements.contrast > 4
        with Image.open(one.places.output / file.file) as image:
            image.load()
            texts = dict(image.info)
        graph = json.loads(texts["prompt"])
        assert graph["4"]["class_type"] == "SaveImage"
        assert json.loads(texts["pressrun"])["render_key"] == result.render_key
    assert list((one.places.output / "images").glob("*.npy")) == []


def test_the_stock_sink_is_used_where_it_is_asked_for(run: Callable[..., Job]) -> None:
    one = run(PRESSRUN_SINK="stock")
    assert {result.sink for result in one.results()} == {"stock"}


def test_a_graph_that_kills_the_worker_thread_is_quarantined_and_the_others_are_rendered(tmp_path: Path) -> None:
    bad = {**shards.GRAPH, "9": {"class_type": "EmptyImage"}}  # a node without inputs, which nothing needs
    items = [shards.item(n, workflow="bad" if n == 1 else "plain") for n in range(4)]
    document = shards.shard(items, workflows=[shards.bundle(), shards.bundle("bad", bad)], engine="comfyui")
    one = Job(tmp_path / "job", document)
    try:
        assert one.run(**COMFYUI, PRESSRUN_STALL_SECONDS="2") == 0, one.log
    finally:
        one.end()
    one.check_nothing_lost()
    (failed,) = [result for result in one.results() if result.outcome == "failed"]
    assert failed.item_id == items[1].item_id
    assert failed.error is not None
    assert "quarantined" in failed.error.message


def test_other_save_nodes_are_left_alone(run: Callable[..., Job]) -> None:
    preview = {"class_type": "SaveAnimatedWEBP", "inputs": {
        "images": ["3", 0], "filename_prefix": "x", "fps": 6.0, "lossless": True, "quality": 80, "method": "default",
    }}  # fmt: skip
    one = run({**shards.GRAPH, "4": preview})
    assert {result.sink for result in one.results()} == {"stock"}
    assert {result.outputs[0].media_type for result in one.results()} == {"image/webp"}

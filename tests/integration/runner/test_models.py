"""Models: each is loaded once whatever the manifest's order, after a warm-up of its own; memory that grows is given back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import runner_shards as shards
from checkpoint_graph import BINDINGS, checkpoint_graph
from runner_job import Job

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]

COMFYUI = {"COMFYUI_HOME": str(Path(__file__).parent / "comfyui_double")}
GRAPH = checkpoint_graph(128, 64, steps=4)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    jobs: list[Job] = []

    def make(count: int, engine: str = "comfyui") -> Job:
        items = [
            shards.item(n, workflow="hero", width=128, height=64, model=f"{'ab'[n % 2]}.safetensors")
            for n in range(count)
        ]
        document = shards.shard(items, workflows=[shards.bundle("hero", GRAPH, **BINDINGS)], engine=engine)
        jobs.append(Job(tmp_path / f"job-{len(jobs)}", document))
        return jobs[-1]

    yield make
    for one in jobs:
        one.end()


def models_in_order(one: Job) -> list[str]:
    model = {item.item_id: item.params["model"] for item in one.document.items}
    return [model[event["item_id"]] for event in one.events() if event["event"] == "started"]


def test_alternating_models_are_loaded_once_each_after_one_warm_up_each(job: Callable[..., Job]) -> None:
    one = job(10)
    assert one.run(**COMFYUI) == 0, one.log
    one.check_nothing_lost()
    assert models_in_order(one) == ["a.safetensors"] * 5 + ["b.safetensors"] * 5
    warm = [event for event in one.events() if event["event"] == "warmed_up"]
    assert [(event["models"], event["outcome"]) for event in warm] == [
        (["a.safetensors"], "success"), (["b.safetensors"], "success")
    ]  # fmt: skip
    assert one.progress()[-1].warm_up_seconds == pytest.approx(sum(event["seconds"] for event in warm), abs=0.01)
    assert len(one.images()) == 10, "a warm-up leaves no picture"


def test_proofs_need_no_warm_up(job: Callable[..., Job]) -> None:
    one = job(4, engine="proof")
    assert one.run() == 0, one.log
    assert "warmed_up" not in {event["event"] for event in one.events()}


def test_a_warm_up_that_kills_the_engine_is_blamed_on_its_item_and_the_others_are_rendered(
    job: Callable[..., Job],
) -> None:
    one = job(4)
    # The first save of the first engine is the warm-up's own.
    assert one.run("exit@1", **COMFYUI, PRESSRUN_SINK="stock") == 0, one.log
    one.check_nothing_lost()
    assert {result.outcome for result in one.results()} == {"rendered"}
    counted = Counter(event["event"] for event in one.events())
    assert counted["restart"] == 1
    assert counted["warmed_up"] == 2


def test_an_engine_above_the_memory_limit_is_restarted_between_prompts(job: Callable[..., Job]) -> None:
    one = job(8, engine="proof")
    assert one.run(PRESSRUN_MEMORY_LIMIT_MB="1") == 0, one.log
    one.check_nothing_lost()
    assert {result.outcome for result in one.results()} == {"rendered"}
    assert {result.tries for result in one.results()} == {1}
    counted = Counter(event["event"] for event in one.events())
    assert counted["restart"] >= 2
    assert counted["started"] == 8, "nothing is rendered twice for it"
    assert "its memory is above the limit" in one.log


def test_a_job_of_two_instances_is_refused(job: Callable[..., Job]) -> None:
    one = job(2, engine="proof")
    config = one.base / "config"
    config.mkdir()
    (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}')
    assert one.run() == 65
    assert "2 instances" in one.message

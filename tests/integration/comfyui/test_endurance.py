"""A real ComfyUI under a whole shard: many items, kills at random moments, a graph that ends its worker."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import runner_shards as shards
from one_at_a_time import one_at_a_time, pixels
from runner_job import Job

from pressrun.core.shard import Shard

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(3600)]

ITEMS, KILLS, SIDE = 500, 10, 256
HOURS = 3000.0  # seconds that a run may take on a machine that is busy with others


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[[Shard], Job]]:
    jobs: list[Job] = []

    def make(document: Shard) -> Job:
        jobs.append(Job(tmp_path / f"job-{len(jobs)}", document))
        return jobs[-1]

    yield make
    for one in jobs:
        one.end()


def real(**more: str) -> dict[str, str]:
    engine = {name: os.environ[name] for name in ("COMFYUI_HOME", "COMFYUI_PYTHON") if name in os.environ}
    return engine | more


def answers(pid: int) -> bool:
    """Whether this engine is ready."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    try:
        return httpx.get(f"http://127.0.0.1:{words[words.index('--port') + 1]}/prompt", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def drawn(one: Job) -> dict[str, str]:
    return {result.item_id: pixels(one.places.output / result.outputs[0].file) for result in one.results()}


def submissions(one: Job) -> Counter[str]:
    return Counter(str(event["item_id"]) for event in one.events() if event["event"] == "started")


def test_five_hundred_items_are_what_one_at_a_time_draws(job: Callable[[Shard], Job], tmp_path: Path) -> None:
    document = shards.shard([shards.item(n, width=SIDE, height=SIDE) for n in range(ITEMS)], engine="comfyui")
    one = job(document)
    one.start(**real())
    assert one.wait(HOURS) == 0, one.log
    one.check_nothing_lost()
    assert {(result.outcome, result.sink, result.tries) for result in one.results()} == {("rendered", "pressrun", 1)}
    assert drawn(one) == one_at_a_time(tmp_path / "reference", document)


def test_kill_9_at_random_moments_costs_at_most_one_item_each(job: Callable[[Shard], Job]) -> None:
    chance = random.Random(20261120)
    document = shards.shard([shards.item(n, width=SIDE, height=SIDE) for n in range(ITEMS)], engine="comfyui")
    one = job(document)
    one.start(**real())
    killed = set[int]()
    for _ in range(KILLS):
        one.until(lambda: any(answers(pid) for pid in one.engines() if pid not in killed), HOURS)
        enough = len(one.images()) + chance.randint(2, 30)
        one.until(lambda enough=enough: len(one.images()) >= enough, HOURS)
        (pid,) = one.engines()
        time.sleep(chance.uniform(0, 0.08))  # anywhere within an item
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    assert one.wait(HOURS) == 0, one.log
    one.check_nothing_lost()
    assert {result.outcome for result in one.results()} == {"rendered"}
    assert len(killed) == KILLS
    redone = sum(count - 1 for count in submissions(one).values())
    assert redone <= KILLS, submissions(one).most_common(KILLS)
    assert len(set(drawn(one).values())) == ITEMS


def test_a_graph_that_ends_the_worker_is_found_and_costs_nobody_else(job: Callable[[Shard], Job]) -> None:
    # A node that nothing depends on and that has no inputs: accepted, and a KeyError outside what ComfyUI catches.
    poison: dict[str, Any] = {**shards.GRAPH, "9": {"class_type": "EmptyImage"}}
    document = shards.shard(
        [
            *(shards.item(n) for n in range(6)),
            shards.item(6, workflow="poison"),
            *(shards.item(n) for n in range(7, 20)),
        ],
        workflows=[shards.bundle(), shards.bundle("poison", poison, **shards.BINDINGS)],
        engine="comfyui",
    )
    one = job(document)
    one.start(**real(PRESSRUN_STALL_SECONDS="10"))
    assert one.wait(HOURS) == 0, one.log
    one.check_nothing_lost()
    failed = [result for result in one.results() if result.outcome == "failed"]
    assert [result.item_id for result in failed] == [f"{6:016x}"]
    assert failed[0].error is not None
    assert "quarantined" in failed[0].error.message
    assert sum(event["event"] == "restart" for event in one.events()) == 2

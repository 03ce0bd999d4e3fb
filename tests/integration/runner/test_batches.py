"""Batches on the proof press: one prompt, an item for each of its pictures, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import runner_shards as shards
from PIL import Image
from runner_job import Job

from pressrun.core.item import Item

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]
SIZE = 4


def batches(count: int, **params: Any) -> list[Item]:
    return [item for number in range(count) for item in shards.batch(number, SIZE, **params)]


def pixels(path: Path) -> str:
    with Image.open(path) as image:
        return hashlib.sha256(image.tobytes()).hexdigest()


def drawn(one: Job) -> dict[str, str]:
    """Pixel digests by item."""
    return {r.item_id: pixels(one.places.output / r.outputs[0].file) for r in one.results() if r.outputs}


def prompts(one: Job) -> list[str]:
    return [event["prompt_id"] for event in one.events() if event["event"] == "started"]


def test_one_prompt_makes_the_items_of_a_batch_in_their_order(job: Callable[..., Job]) -> None:
    one = job(shards.shard([*batches(3), shards.item(50)]))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert len(prompts(one)) == 4
    results = {result.item_id: result for result in one.results()}
    for number in range(3):
        own = [results[item.item_id] for item in shards.batch(number, SIZE)]
        assert [r.batch.index for r in own if r.batch] == [0, 1, 2, 3]
        assert {r.batch.size for r in own if r.batch} == {SIZE}
        assert len({(r.prompt_id, r.seed, r.seconds, r.started_at) for r in own}) == 1
    assert results[shards.item(50).item_id].batch is None
    assert len(set(drawn(one).values())) == 13
    # The file says which items it was made with, and the engine's own names are in the order of the batch.
    with Image.open(one.places.output / "images" / f"{shards.batch(1, SIZE)[2].item_id}.png") as image:
        told = json.loads(image.text["pressrun"])["batch"]  # type: ignore[attr-defined]
    assert [entry["item_id"] for entry in told["items"]] == [item.item_id for item in shards.batch(1, SIZE)]
    executed = [event for event in one.events() if event["event"] == "executed" and "item_ids" in event]
    assert [event["item_ids"] for event in executed] == [[i.item_id for i in shards.batch(n, SIZE)] for n in range(3)]


def test_seconds_are_shared_out_and_add_up(job: Callable[..., Job]) -> None:
    one = job(shards.shard(batches(2)))
    assert one.run(PRESSRUN_ENGINE_ARGS="--latency-ms 400") == 0, one.log
    busy = one.progress()[-1].busy_seconds
    assert busy >= 0.8
    assert sum(r.seconds for r in one.results()) == pytest.approx(busy, abs=0.02)
    for result in one.results():
        assert sum(result.node_seconds.values()) <= result.seconds + 0.05


def test_what_is_left_of_a_batch_is_made_with_it_and_the_others_are_thrown_away(job: Callable[..., Job]) -> None:
    whole = job(shards.shard(batches(2)))
    assert whole.run() == 0, whole.log
    left = [item for item in batches(2) if item.batch and item.batch.index in (1, 3)]
    part = job(shards.shard(left))
    assert part.run() == 0, part.log
    part.check_nothing_lost()
    assert drawn(part) == {name: seen for name, seen in drawn(whole).items() if name in drawn(part)}
    assert len(drawn(part)) == len(part.images()) == 4
    assert len(prompts(part)) == 2


def test_a_failure_is_the_whole_batch_s_and_so_is_the_second_try(job: Callable[..., Job]) -> None:
    one = job(shards.shard([*batches(2), shards.item(50)]))
    assert one.run("error@1", "oom@3") == 0, one.log
    one.check_nothing_lost()
    assert Counter(e["kind"] for e in one.events() if e["event"] == "retry") == {"engine": 1, "out-of-memory": 1}
    tries: dict[str, set[int]] = {}
    for result in one.results():
        tries.setdefault(result.batch.key if result.batch else "alone", set()).add(result.tries)
    assert sorted(max(seen) for seen in tries.values()) == [1, 2, 2]
    assert all(len(seen) == 1 for seen in tries.values())


def test_a_batch_that_never_fits_says_so_for_every_item(job: Callable[..., Job]) -> None:
    one = job(shards.shard(batches(1), failed_share=1.0))
    one.start(PRESSRUN_ENGINE_ARGS="--fault oom@1+")
    assert one.wait() == 0, one.log
    one.check_nothing_lost()
    errors = [result.error for result in one.results() if result.error]
    assert len(errors) == SIZE
    assert all(error.larger_instance and "or a smaller batch" in error.message for error in errors)
    assert one.message.startswith("0/4 rendered, 4 failed")


def test_a_cut_picture_has_its_whole_batch_made_again(job: Callable[..., Job]) -> None:
    one = job(shards.shard(batches(2)))
    assert one.run("truncate@2") == 0, one.log
    one.check_nothing_lost()
    assert sorted(r.tries for r in one.results()) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_a_batch_has_as_much_time_as_its_pictures_together(job: Callable[..., Job]) -> None:
    # Four nodes of 700 ms each are more than an item may take, and less than four may.
    one = job(shards.shard(batches(1), item_timeout=1.5))
    assert one.run("slow@1:2800") == 0, one.log
    assert {r.tries for r in one.results()} == {1}
    late = job(shards.shard(batches(1), item_timeout=0.3))
    assert late.run("slow@1:6000") == 0, late.log
    late.check_nothing_lost()
    assert [e["kind"] for e in late.events() if e["event"] == "retry"] == ["timeout"]
    assert "took longer than 1 s" in late.log


def test_poison_is_quarantined_with_its_batch(job: Callable[..., Job]) -> None:
    one = job(shards.shard(batches(1), failed_share=1.0))
    one.start(PRESSRUN_ENGINE_ARGS="--fault exit@1+")
    assert one.wait() in (0, 69), one.log
    one.check_nothing_lost()
    assert all(
        r.error is not None and "quarantined: the engine ended 2 times" in r.error.message for r in one.results()
    )


def test_a_graph_that_joins_its_pictures_fails_with_the_number_of_files(job: Callable[..., Job]) -> None:
    joined = {**shards.GRAPH, "4": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}}}
    joined["5"] = {"class_type": "ImageFromBatch", "inputs": {"image": ["3", 0], "batch_index": 0, "length": 1}}
    one = job(shards.shard(batches(1), workflows=[shards.bundle(graph=joined)], failed_share=1.0))
    assert one.run() == 0, one.log
    errors = {(r.error.kind, r.error.node, r.error.message) for r in one.results() if r.error}
    assert errors == {("output", "4", "1 files for a batch of 4 pictures")}


def test_sigterm_drains_and_no_batch_is_half_done(job: Callable[..., Job]) -> None:
    one = job(shards.shard(batches(12)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 200")
    one.until(lambda: len(one.images()) >= 5, timeout=120)
    assert one.process is not None
    os.killpg(one.process.pid, signal.SIGTERM)
    assert one.wait() == 75, one.log
    first = one.results()
    assert SIZE <= len(first) < 48
    assert set(Counter(r.batch.key for r in first if r.batch).values()) == {SIZE}
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert f"resumed: {len(first)}/48" in one.log


def test_a_run_that_lost_some_lines_of_a_batch_makes_it_again_and_keeps_what_is_missing(
    job: Callable[..., Job],
) -> None:
    one = job(shards.shard(batches(2)))
    assert one.run() == 0, one.log
    before = drawn(one)
    kept = shards.batch(0, SIZE)[2].item_id
    for path in (one.places.output / "results").glob("*.jsonl"):
        lines = [line for line in path.read_text().splitlines(keepends=True) if kept in line]
        path.write_text("".join(lines))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert "resumed: 1/8" in one.log
    assert drawn(one) == before


@pytest.mark.faults
@pytest.mark.parametrize("moment", range(5))
def test_kill_9_of_the_engine_in_a_batch_loses_nothing(job: Callable[..., Job], moment: int) -> None:
    calm = job(shards.shard(batches(8)))
    assert calm.run() == 0, calm.log
    one = job(shards.shard(batches(8)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 60")
    # Counted in single pictures: the engine dies while some of a batch's files are there and others are not.
    one.until(lambda: len(one.images()) >= 1 + 3 * moment, timeout=120)
    for pid in one.engines():
        os.kill(pid, signal.SIGKILL)
    assert one.wait() == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    assert drawn(one) == drawn(calm)
    assert len(prompts(one)) <= 8 + 1


@pytest.mark.faults
@pytest.mark.parametrize("moment", range(3))
def test_kill_9_of_the_runner_in_a_batch_loses_nothing(job: Callable[..., Job], moment: int) -> None:
    one = job(shards.shard(batches(8)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 60")
    one.until(lambda: len(one.images()) >= 2 + 5 * moment, timeout=120)
    one.end()
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert len(set(drawn(one).values())) == 32

"""The runner against the proof press: everything accounted for, whatever happens in between."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
import runner_shards as shards
from PIL import Image
from runner_job import Job

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


def items(count: int) -> list:
    return [shards.item(number) for number in range(count)]


def test_a_shard_is_rendered_and_every_item_has_its_line_image_and_thumbnail(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(12)))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    results = one.results()
    assert {r.outcome for r in results} == {"rendered"}
    assert len({r.outputs[0].sha256 for r in results}) == 12
    for result in results:
        file = result.outputs[0]
        data = (one.places.output / file.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file.sha256
        assert (file.width, file.height, file.media_type) == (96, 64, "image/png")
        assert file.measurements is not None
        assert file.measurements.contrast > 4
        assert result.node_seconds
        assert result.tries == 1
    assert one.message.startswith("12/12 rendered, 0 failed in ")
    last = one.progress()[-1]
    assert (last.state, last.planned, last.rendered, last.failed) == ("done", 12, 12, 0)
    counted = Counter(event["event"] for event in one.events())
    assert counted["started"] == counted["executed"] == 12
    assert "Line 3" not in str(one.events())
    assert not one.places.work.exists()
    assert one.engines() == []
    assert list((one.places.output / "logs").glob("algo-1-engine-0-*.log"))


def test_input_assets_reach_the_picture(job: Callable[..., Job]) -> None:
    photos = {}
    for name, colour in (("red.png", (250, 10, 10)), ("blue.png", (10, 10, 250))):
        buffer = io.BytesIO()
        Image.new("RGB", (96, 64), colour).save(buffer, "PNG")
        photos[name] = buffer.getvalue()
    bindings = {**shards.BINDINGS, "photo": (shards.Binding(node="1", input="image"),)}
    for gone in ("width", "height"):
        del bindings[gone]
    chosen = [shards.item(n, workflow="photo", inputs={"photo": name}) for n, name in enumerate(photos)]
    document = shards.shard(
        chosen,
        workflows=[shards.bundle("photo", shards.PHOTO_GRAPH, **bindings)],
        inputs=tuple(shards.asset(name, data) for name, data in photos.items()),
    )
    one = job(document, photos)
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    with Image.open(one.places.output / "images" / f"{0:016x}.png") as red:
        assert red.convert("RGB").resize((1, 1)).getpixel((0, 0))[0] > 100  # type: ignore[index]
    with Image.open(one.places.output / "images" / f"{1:016x}.png") as blue:
        assert blue.convert("RGB").resize((1, 1)).getpixel((0, 0))[2] > 100  # type: ignore[index]


def test_duplicate_graphs_each_get_a_file_of_their_own(job: Callable[..., Job]) -> None:
    twins = [shards.item(n, headline="the same", seed=5).model_copy(update={"seed": 5}) for n in range(4)]
    one = job(shards.shard(twins))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    pixels = set()
    for name in one.images():
        with Image.open(one.places.output / f"images/{name}.png") as image:
            pixels.add(hashlib.sha256(image.tobytes()).hexdigest())
    assert len(one.images()) == 4
    assert len(pixels) == 1
    assert any(event["event"] == "cached" and int(event["detail"]) > 0 for event in one.events())


def test_another_shard_than_the_bought_one_is_refused(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(1)))
    assert one.run(PRESSRUN_SHARD_SHA256="0" * 64) == 65
    assert "the job was bought for 000000000000" in one.message
    assert one.images() == []


def test_a_final_shard_is_not_drawn_by_the_proof_press(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(1), engine="comfyui"))
    assert one.run(PRESSRUN_ENGINE="proof") == 65
    assert "a proof must never pass for a final image" in one.message


def test_a_corrupt_input_asset_is_refused_before_anything_is_rendered(job: Callable[..., Job]) -> None:
    document = shards.shard([shards.item(1, inputs={"photo": "p.png"})], inputs=(shards.asset("p.png", b"planned"),))
    one = job(document, {"p.png": b"changed"})
    assert one.run() == 65
    assert "asset p.png has SHA-256" in one.message


def test_no_comfyui_is_an_unavailable_engine(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(1), engine="comfyui"))
    assert one.run() == 69
    assert "COMFYUI_HOME" in one.message


def test_an_invalid_item_fails_with_its_reason_and_the_others_are_rendered(job: Callable[..., Job]) -> None:
    bad = shards.item(2, width=99_999)
    one = job(shards.shard([shards.item(1), bad, shards.item(3)]))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    (failed,) = [r for r in one.results() if r.outcome == "failed"]
    assert failed.item_id == bad.item_id
    assert failed.error is not None
    assert (failed.error.kind, failed.error.node, failed.tries) == ("validation", "1", 1)
    assert "99999" in failed.error.message
    assert one.message.startswith("2/3 rendered, 1 failed")


def test_too_many_failures_stop_the_shard_early(job: Callable[..., Job]) -> None:
    bad = [shards.item(n, width=99_999) for n in range(6)]
    one = job(shards.shard([*bad, *(shards.item(n, headline="zz") for n in range(6, 12))], failed_share=0.25))
    assert one.run() == 65
    assert sum(r.outcome == "failed" for r in one.results()) == 4
    assert len(one.results()) < 12
    assert "too many failures (4 validation)" in one.message


def test_an_error_is_tried_again(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(4)))
    assert one.run("error@2", "oom@4") == 0, one.log
    one.check_nothing_lost()
    results = one.results()
    assert {r.outcome for r in results} == {"rendered"}
    assert sorted(r.tries for r in results) == [1, 1, 2, 2]
    assert Counter(e["kind"] for e in one.events() if e["event"] == "retry") == {"engine": 1, "out-of-memory": 1}


def test_an_item_that_never_fits_is_given_back_for_a_larger_instance(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(1), failed_share=1.0))
    one.start(PRESSRUN_ENGINE_ARGS="--fault oom@1+")
    assert one.wait() == 0, one.log
    (result,) = one.results()
    assert result.error is not None
    assert (result.error.kind, result.error.larger_instance, result.tries) == ("out-of-memory", True, 2)
    assert "larger job.instance_type" in result.error.message


def test_a_cut_image_is_noticed_and_rendered_again(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(3)))
    assert one.run("truncate@2") == 0, one.log
    one.check_nothing_lost()
    assert sorted(r.tries for r in one.results()) == [1, 1, 2]


def test_an_engine_killed_while_it_writes_costs_one_item_at_most(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(10)))
    assert one.run("exit@4") == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    counted = Counter(event["event"] for event in one.events())
    assert counted["restart"] == 1
    assert counted["started"] <= 11
    assert "is restarted (exit -9)" in one.log


def test_a_dead_worker_thread_is_found_and_the_engine_restarted(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(6)))
    assert one.run("die-thread@3", PRESSRUN_STALL_SECONDS="2") == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    assert "no news for 2 s of prompt" in one.log


def test_an_item_beyond_its_deadline_is_interrupted_and_tried_again(job: Callable[..., Job]) -> None:
    # Four nodes of seconds each: the interrupt is seen between two of them, as in the real server.
    one = job(shards.shard(items(3), item_timeout=4))
    assert one.run("slow@2:16000") == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    assert [e["kind"] for e in one.events() if e["event"] == "retry"] == ["timeout"]
    assert "took longer than" in one.log


@pytest.mark.slow
def test_an_item_that_cannot_be_interrupted_costs_an_engine_and_nothing_else(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(4), item_timeout=4))
    assert one.run("hang@2") == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    assert "goes on 15 s after its interrupt" in one.log


def test_poison_is_quarantined_after_two_crashes(job: Callable[..., Job]) -> None:
    # Without a ledger each new engine dies again on its second prompt, so two items are met by a crash twice at most.
    one = job(shards.shard(items(3), failed_share=1.0))
    one.start(PRESSRUN_ENGINE_ARGS="--fault exit@1+")
    assert one.wait() in (0, 69), one.log
    failed = [r for r in one.results() if r.outcome == "failed"]
    assert failed
    assert all(r.error is not None and "quarantined: the engine ended 2 times" in r.error.message for r in failed)
    assert [r for r in one.results() if r.outcome == "rendered"] == []


def test_sigterm_drains_and_a_second_start_finishes_the_rest(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(40)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 100")
    one.until(lambda: len(one.images()) >= 5)
    assert one.process is not None
    os.killpg(one.process.pid, signal.SIGTERM)  # the whole group, as the local endpoint sends it
    assert one.wait() == 75, one.log
    first = one.results()
    assert 5 <= len(first) < 40
    assert sorted(r.item_id for r in first) == one.images()
    assert one.progress()[-1].state == "draining"
    assert "asked to stop" in one.message
    assert one.engines() == []

    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert f"resumed: {len(first)}/40" in one.log
    started = Counter(event["item_id"] for event in one.events() if event["event"] == "started")
    assert sum(started.values()) <= 41  # the item in flight was finished or dropped, never more


def test_a_killed_runner_resumes_with_what_its_segments_say(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(20)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 100")
    one.until(lambda: len(one.results()) >= 4)
    one.end()
    before = {r.item_id: r.outputs[0].sha256 for r in one.results()}
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    after = {r.item_id: r.outputs[0].sha256 for r in one.results()}
    assert before.items() <= after.items()


def test_it_stops_before_max_runtime(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(200), max_runtime=8))
    assert one.run(PRESSRUN_ENGINE_ARGS="--latency-ms 200", PRESSRUN_MARGIN_SECONDS="3") == 75, one.log
    assert "MaxRuntime is near" in one.message
    assert 1 <= len(one.results()) < 200
    assert sorted(r.item_id for r in one.results()) == one.images()


def test_two_engines_share_one_queue(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(16)))
    assert one.run(PRESSRUN_ENGINE_COUNT="2", PRESSRUN_ENGINE_ARGS="--latency-ms 50") == 0, one.log
    one.check_nothing_lost()
    assert len(list((one.places.output / "logs").glob("*-engine-1-*.log"))) == 1
    assert Counter(event["event"] for event in one.events())["engine_started"] == 2


def test_an_engine_that_never_starts_is_unavailable(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(2)))
    assert one.run(PRESSRUN_ENGINE_ARGS="--fault nonsense") == 69, one.log
    assert "0/2 rendered" in one.message
    assert "before it was ready" in one.message


@pytest.mark.slow
def test_three_hundred_items(job: Callable[..., Job]) -> None:
    one = job(shards.shard(items(300)))
    assert one.run() == 0, one.log
    one.check_nothing_lost()
    assert one.message.startswith("300/300 rendered, 0 failed")
    assert len(list((one.places.output / "results").iterdir())) >= 3


@pytest.mark.faults
@pytest.mark.parametrize("moment", range(5))
def test_kill_9_of_the_engine_at_any_moment_loses_nothing(job: Callable[..., Job], moment: int) -> None:
    one = job(shards.shard(items(30)))
    one.start(PRESSRUN_ENGINE_ARGS="--latency-ms 30")
    one.until(lambda: len(one.images()) >= 3 + 4 * moment)
    time.sleep(0.007 * moment)
    for pid in one.engines():
        os.kill(pid, signal.SIGKILL)
    assert one.wait() == 0, one.log
    one.check_nothing_lost()
    assert {r.outcome for r in one.results()} == {"rendered"}
    started = Counter(event["item_id"] for event in one.events() if event["event"] == "started")
    assert sum(count - 1 for count in started.values()) <= 1

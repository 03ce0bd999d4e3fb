"""Each fault does what it says, so that the tests of the runner and of whole runs may rely on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

pytestmark = [pytest.mark.network, pytest.mark.faults]

Press = Callable[..., Any]


def error_of(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    found = [message["data"] for message in messages if message["type"] == "execution_error"]
    return found[0] if found else None


def test_out_of_memory_strikes_the_sampler_once(press: Press, sampler_graph: Callable[..., Any]) -> None:
    server = press("--fault", "oom@2")
    assert error_of(server.run(sampler_graph(seed=1))) is None
    error = error_of(server.run(sampler_graph(seed=2)))
    assert error is not None
    assert (error["exception_type"], error["node_type"]) == ("torch.OutOfMemoryError", "KSampler")
    assert "out of memory" in error["exception_message"]
    assert error_of(server.run(sampler_graph(seed=2))) is None


def test_exit_kills_the_process_and_leaves_half_a_file(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press("--fault", "exit@2")
    server.run(free_graph(seed=1))
    server.post(free_graph(seed=2), "nobody")
    assert server.process.wait(10) == -9
    names = sorted(path.name for path in server.output.rglob("*.png"))
    assert names == ["free_00001_.png", "free_00002_.png"]
    with pytest.raises(OSError, match="truncated"), Image.open(server.output / "lab" / names[1]) as image:
        image.load()


def test_a_ledger_lets_a_fault_strike_once_for_all_processes(
    press: Press, free_graph: Callable[..., Any], tmp_path: Any
) -> None:
    arguments = ("--fault", "exit@1", "--fault-ledger", str(tmp_path / "ledger"))
    first = press(*arguments)
    first.post(free_graph(), "nobody")
    assert first.process.wait(10) == -9
    assert error_of(press(*arguments).run(free_graph())) is None


def test_dead_thread_and_hang_answer_but_never_finish(press: Press, free_graph: Callable[..., Any]) -> None:
    for fault in ("die-thread@1", "hang@1"):
        server = press("--fault", fault)
        prompt_id = server.post(free_graph(), "nobody").json()["prompt_id"]
        time.sleep(0.4)
        with server.http as http:
            http.post("/interrupt", json={})
            time.sleep(0.2)
            assert http.get(f"/api/jobs/{prompt_id}").json()["status"] == "in_progress"
            assert http.get("/prompt").json() == {"exec_info": {"queue_remaining": 1}}


def test_truncate_reports_success_over_a_broken_file(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press("--fault", "truncate@1")
    assert error_of(server.run(free_graph())) is None
    (path,) = server.output.rglob("*.png")
    assert not path.read_bytes().endswith(b"IEND\xaeB`\x82")


def test_slow_takes_its_time_and_a_wrong_fault_is_refused(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press("--fault", "slow@1:400")
    started = time.monotonic()
    server.run(free_graph())
    assert time.monotonic() - started > 0.4
    with pytest.raises(AssertionError, match="not a fault"):
        press("--fault", "explode@1")


def test_a_killed_server_forgets_its_queue(press: Press, sampler_graph: Callable[..., Any]) -> None:
    server = press("--latency-ms", "5000")
    server.post(sampler_graph(), "nobody")
    server.process.kill()
    server.process.wait(5)
    with pytest.raises(httpx.TransportError):
        server.post(sampler_graph(), "nobody")
    with press().http as http:
        assert http.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}

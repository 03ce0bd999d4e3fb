"""A proof press seen from outside: the order of events, the cache, errors, interrupts, reconnects."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from websockets.sync.client import ClientConnection

pytestmark = pytest.mark.network

Press = Callable[..., Any]


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages if message["type"] != "progress_state"]


def of_kind(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message["data"] for message in messages if message["type"] == kind]


def first(connection: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message = json.loads(connection.recv(timeout=100))
        if message["type"] == kind:
            data: dict[str, Any] = message["data"]
            return data


def test_a_prompt_runs_as_recorded(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press()
    messages = server.run(free_graph(), extra_data={"extra_pnginfo": {"lineage": {"item": "a1"}}})
    assert kinds(messages)[:5] == ["status", "status", "status", "execution_start", "execution_cached"]
    assert kinds(messages)[5:-1] == ["executing"] * 8 + ["executed", "execution_success", "status"]
    assert messages[0]["data"]["sid"]
    assert messages[-1]["data"]["node"] is None
    (executed,) = of_kind(messages, "executed")
    assert executed["output"] == {"images": [{"filename": "free_00001_.png", "subfolder": "lab", "type": "output"}]}
    prompt_id = executed["prompt_id"]
    with server.http as http:
        entry = http.get(f"/history/{prompt_id}").json()[prompt_id]
        job = http.get(f"/api/jobs/{prompt_id}").json()
        seen = http.get("/view", params={"filename": "free_00001_.png", "subfolder": "lab"})
    assert entry["status"]["status_str"] == "success"
    assert [name for name, _ in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert job["status"] == "completed"
    assert job["outputs"] == entry["outputs"]
    path = server.output / "lab" / "free_00001_.png"
    assert seen.content == path.read_bytes()
    with Image.open(path) as image:
        assert image.size == (96, 96)
        assert json.loads(image.info["prompt"])["8"]["class_type"] == "SaveImage"
        assert json.loads(image.info["lineage"]) == {"item": "a1"}
        assert image.info["pressrun_proof"] == "1"
    assert [entry.name for entry in path.parent.iterdir()] == ["free_00001_.png"], "nothing half-written is left"


def test_cache_follows_what_changed(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press()
    server.run(free_graph())
    again = server.run(free_graph())
    assert sorted(of_kind(again, "execution_cached")[0]["nodes"]) == list("12345678")
    assert of_kind(again, "executed")[0]["output"]["images"][0]["filename"] == "free_00001_.png"
    assert len(list(server.output.rglob("*.png"))) == 1
    other_seed = server.run(free_graph(seed=12))
    assert of_kind(other_seed, "execution_cached")[0]["nodes"] == list("12345")
    other_name = server.run(free_graph(seed=12, prefix="lab/renamed"))
    assert of_kind(other_name, "execution_cached")[0]["nodes"] == list("1234567")
    assert {path.name for path in server.output.rglob("*.png")} == {
        "free_00001_.png",
        "free_00002_.png",
        "renamed_00001_.png",
    }


def test_sampler_reports_steps(press: Press, sampler_graph: Callable[..., Any]) -> None:
    messages = press().run(sampler_graph(steps=4))
    assert [(data["value"], data["max"]) for data in of_kind(messages, "progress")] == [(n, 4) for n in range(1, 5)]
    assert kinds(messages)[-3:] == ["execution_success", "status", "executing"]


def test_prefix_outside_the_output_folder_is_an_execution_error(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press()
    messages = server.run(free_graph(prefix="../../escape/x"))
    (error,) = of_kind(messages, "execution_error")
    assert error["exception_type"] == "Exception"
    assert "Saving image outside the output folder is not allowed" in error["exception_message"]
    assert error["node_type"] == "SaveImage"
    with server.http as http:
        assert http.get(f"/api/jobs/{error['prompt_id']}").json()["status"] == "failed"
    assert not list(server.output.parent.rglob("*.png"))
    assert kinds(server.run(free_graph()))[-3] == "execution_success"


def test_broken_input_image_is_an_execution_error(press: Press) -> None:
    server = press()
    (server.input / "broken.png").write_bytes(b"not a picture")
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "broken.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (error,) = of_kind(server.run(graph), "execution_error")
    assert error["exception_type"] == "PIL.UnidentifiedImageError"


def test_interrupt_stops_the_running_prompt_only(press: Press, sampler_graph: Callable[..., Any]) -> None:
    server = press("--latency-ms", "20000")
    client_id = uuid.uuid4().hex
    with server.socket(client_id) as connection, server.http as http:
        running = server.post(sampler_graph(steps=500), client_id).json()["prompt_id"]
        waiting = server.post(sampler_graph(seed=2), client_id).json()["prompt_id"]
        first(connection, "progress")
        assert http.get(f"/api/jobs/{running}").json()["status"] == "in_progress"
        assert http.get(f"/api/jobs/{waiting}").json()["status"] == "pending"
        assert http.get(f"/history/{running}").json() == {}
        http.post("/interrupt", json={"prompt_id": waiting})
        http.post("/queue", json={"delete": [waiting]})
        assert http.get(f"/api/jobs/{waiting}").status_code == 404
        assert http.post("/api/jobs/cancel", json={"job_ids": [running]}).json() == {"cancelled": True}
        stopped = first(connection, "execution_interrupted")
        assert stopped["prompt_id"] == running
        assert first(connection, "executing") == {"node": None, "prompt_id": running}
        assert http.get(f"/api/jobs/{running}").json()["status"] == "cancelled"
        assert http.post(f"/api/jobs/{running}/cancel").json() == {"cancelled": False}


def test_reconnect_is_told_the_node_and_gets_the_rest(press: Press, sampler_graph: Callable[..., Any]) -> None:
    server = press("--latency-ms", "1500")
    client_id = uuid.uuid4().hex
    with server.socket(client_id) as connection:
        prompt_id = server.post(sampler_graph(steps=30), client_id).json()["prompt_id"]
        first(connection, "progress")
    with server.socket(client_id) as connection:
        assert json.loads(connection.recv(timeout=100))["data"]["sid"] == client_id
        assert json.loads(connection.recv(timeout=100)) == {"type": "executing", "data": {"node": "3"}}
        assert first(connection, "execution_success")["prompt_id"] == prompt_id


def test_other_clients_see_status_only(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press()
    with server.socket("watcher") as watcher:
        server.run(free_graph())
        # Greeting, queued, taken, done: whatever else was sent to all would stand among these.
        seen = [json.loads(watcher.recv(timeout=100)) for _ in range(4)]
    assert {message["type"] for message in seen} == {"status"}
    assert seen[-1]["data"]["status"]["exec_info"]["queue_remaining"] == 0


def test_prompt_ids_and_bodies(press: Press, free_graph: Callable[..., Any]) -> None:
    server = press()
    prompt_id = str(uuid.uuid4())
    assert server.post(free_graph(), prompt_id=prompt_id).json()["prompt_id"] == prompt_id
    assert server.post(free_graph(), prompt_id=prompt_id).status_code == 200
    assert server.post(free_graph(), prompt_id=prompt_id.upper()).json()["error"]["type"] == "invalid_prompt_id"
    assert server.post({"last_node_id": 9, "nodes": [], "links": []}).status_code == 500
    with server.http as http:
        assert http.post("/prompt", content=b"{not json").status_code == 500
        assert http.post("/prompt", json={}).json()["error"]["type"] == "no_prompt"
        assert http.post("/api/prompt", json={"prompt": free_graph()}).status_code == 200


def test_other_endpoints(press: Press) -> None:
    server = press()
    with server.http as http:
        stats = http.get("/system_stats").json()
        assert stats["system"]["comfyui_version"] == "0.33.0"
        assert stats["system"]["pressrun_proof"].startswith("proof:")
        assert len(http.get("/object_info").json()) == 117
        assert http.get("/object_info/NoSuchNode").json() == {}
        assert http.get("/models/nope").status_code == 404
        assert http.get("/api/features").json()["supports_preview_metadata"] is True
        assert http.get("/view", params={"filename": "../x.png"}).status_code == 400
        assert http.get("/view", params={"filename": "x.png", "subfolder": "../.."}).status_code == 403
        assert http.get("/view").status_code == 404
        assert http.get("/api/jobs", params={"status": "done"}).status_code == 400
        assert http.get("/api/jobs/not-a-uuid").status_code == 404
        names = [
            http.post("/upload/image", files={"image": ("up.png", data)}, data={"subfolder": "b"}).json()["name"]
            for data in (b"one", b"one", b"two")
        ]
        assert names == ["up.png", "up.png", "up (1).png"]
        refused = http.post("/upload/image", files={"image": ("up.png", b"x")}, data={"subfolder": "../.."})
        assert refused.status_code == 400
        assert http.post("/history", json={"clear": True}).status_code == 200
        assert http.get("/history").json() == {}


def test_a_node_without_inputs_kills_the_worker_thread(press: Press, free_graph: Callable[..., Any]) -> None:
    """What the recordings show, and what a runner's watchdog must notice."""
    server = press()
    graph = {**free_graph(), "90": {"class_type": "ImageInvert"}}
    prompt_id = server.post(graph).json()["prompt_id"]
    time.sleep(0.3)
    with server.http as http:
        assert http.get(f"/api/jobs/{prompt_id}").json()["status"] == "in_progress"
        later = server.post(free_graph()).json()["prompt_id"]
        time.sleep(0.3)
        assert http.get(f"/api/jobs/{later}").json()["status"] == "pending"

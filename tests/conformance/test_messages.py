"""The websocket: the order of messages, what they promise, and what a second look says."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import Any

from PIL import Image

from pressrun.comfy.protocol import PromptBook
from pressrun.comfy.wire import Message, job_view, output_refs

Graph = Callable[..., dict[str, Any]]


def types_of(messages: list[dict[str, Any]]) -> list[str]:
    return [m["type"] for m in messages if m["type"] not in ("status", "progress_state", "progress")]


def test_the_first_message_names_the_socket(engine: Any) -> None:
    client_id = uuid.uuid4().hex
    with engine.socket(client_id) as connection:
        first = json.loads(connection.recv(timeout=120))
    assert first["type"] == "status"
    assert first["data"]["sid"] == client_id


def test_a_prompt_begins_runs_succeeds_and_ends_with_null(engine: Any, graph: Graph) -> None:
    prompt_id, messages = engine.run(graph())
    names = types_of(messages)
    assert names[:2] == ["execution_start", "execution_cached"]
    assert names[-2:] == ["execution_success", "executing"]
    assert all(m["data"].get("prompt_id") == prompt_id for m in messages if m["type"].startswith("execut"))
    entered = [m["data"]["node"] for m in messages if m["type"] == "executing"]
    cached = next(m["data"]["nodes"] for m in messages if m["type"] == "execution_cached")
    assert entered[-1] is None
    assert {*entered[:-1], *cached} == {"1", "2", "3", "4"}
    assert isinstance(next(m for m in messages if m["type"] == "execution_start")["data"]["timestamp"], int)


def test_our_own_book_follows_every_message(engine: Any, graph: Graph) -> None:
    client_id, book = uuid.uuid4().hex, PromptBook()
    with engine.socket(client_id) as connection:
        prompt_id = str(uuid.uuid4())
        prompt = book.add(prompt_id, 0.0)
        engine.post(graph(), client_id=client_id, prompt_id=prompt_id)
        while not prompt.state.ended:
            raw = connection.recv(timeout=60)
            if isinstance(raw, str):
                message = json.loads(raw)
                book.feed(Message(message["type"], message["data"]), 1.0)
    assert (prompt.outcome, len(prompt.outputs)) == ("success", 1)


def test_a_file_that_executed_names_is_whole_and_can_be_fetched(engine: Any, graph: Graph) -> None:
    prefix = f"conformance/{uuid.uuid4().hex}"
    _, messages = engine.run(graph(prefix=prefix, size=80))
    output = next(m["data"]["output"] for m in messages if m["type"] == "executed")
    (ref,) = output_refs("4", output)
    assert (ref.subfolder, ref.type) == ("conformance", "output")
    assert ref.filename.startswith(prefix.rpartition("/")[2])
    answer = engine.http.get("/view", params={"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.type})
    assert answer.content.endswith(b"IEND\xaeB`\x82")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (80, 80)


def test_the_same_seed_draws_the_same_pixels_and_another_one_does_not(engine: Any, graph: Graph) -> None:
    def pixels(seed: int) -> bytes:
        _, messages = engine.run(graph(seed=seed))
        (ref,) = output_refs("4", next(m["data"]["output"] for m in messages if m["type"] == "executed"))
        query = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.type}
        with Image.open(io.BytesIO(engine.http.get("/view", params=query).content)) as image:
            return image.convert("RGB").tobytes()

    first = pixels(7)
    engine.http.post("/free", json={"unload_models": True, "free_memory": True})
    assert pixels(7) == first
    assert pixels(8) != first


def test_a_batch_s_files_are_named_in_the_order_of_its_pictures(engine: Any, graph: Graph) -> None:
    def pixels(changed: dict[str, Any]) -> list[bytes]:
        _, messages = engine.run(changed)
        found = []
        for ref in output_refs("4", next(m["data"]["output"] for m in messages if m["type"] == "executed")):
            query = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.type}
            with Image.open(io.BytesIO(engine.http.get("/view", params=query).content)) as image:
                found.append(image.convert("RGB").tobytes())
        return found

    def batch() -> dict[str, Any]:
        made = graph(seed=11)
        made["1"]["inputs"]["batch_size"] = 3
        return made

    def picked(place: int) -> dict[str, Any]:
        made = batch()
        made["5"] = {"class_type": "ImageFromBatch", "inputs": {"image": ["3", 0], "batch_index": place, "length": 1}}
        made["4"]["inputs"]["images"] = ["5", 0]
        return made

    pictures = pixels(batch())
    assert len(set(pictures)) == 3
    assert pictures == [picture for place in range(3) for picture in pixels(picked(place))]


def test_an_identical_prompt_runs_nothing_and_names_the_old_file(engine: Any, graph: Graph) -> None:
    same = graph()
    _, first = engine.run(same)
    _, again = engine.run(same)
    cached = next(m["data"]["nodes"] for m in again if m["type"] == "execution_cached")
    assert set(cached) == set(same)
    old, new = ([m["data"]["output"] for m in messages if m["type"] == "executed"] for messages in (first, again))
    assert old == new


def test_a_prefix_of_its_own_gives_a_duplicate_its_own_file(engine: Any, graph: Graph) -> None:
    names = set()
    for _ in range(2):
        _, messages = engine.run(graph(seed=5))
        names.add(next(m["data"]["output"]["images"][0]["filename"] for m in messages if m["type"] == "executed"))
    assert len(names) == 2
    cached = next(m["data"]["nodes"] for m in messages if m["type"] == "execution_cached")
    assert "4" not in cached
    assert "1" in cached


def test_a_node_that_raises_is_an_error_with_its_node_and_then_null(engine: Any, graph: Graph) -> None:
    wrong = graph(prefix="../../outside")
    prompt_id, messages = engine.run(wrong)
    assert types_of(messages)[-2:] == ["execution_error", "executing"]
    data = next(m["data"] for m in messages if m["type"] == "execution_error")
    assert (data["prompt_id"], data["node_id"], data["node_type"]) == (prompt_id, "4", "SaveImage")
    assert data["exception_type"]
    assert data["exception_message"]
    _, after = engine.run(graph())
    assert types_of(after)[-2:] == ["execution_success", "executing"]


def test_the_books_know_a_prompt_after_its_end(engine: Any, graph: Graph) -> None:
    prompt_id, _ = engine.run(graph())
    view = job_view(*engine.job(prompt_id))
    assert view is not None
    assert (view.status, len(view.outputs)) == ("success", 1)
    entry = engine.http.get(f"/history/{prompt_id}").json()[prompt_id]
    assert entry["status"]["status_str"] == "success"
    engine.http.post("/history", json={"delete": [prompt_id]})
    assert engine.http.get(f"/history/{prompt_id}").json() == {}
    unknown = job_view(*engine.job(str(uuid.uuid4())))
    assert unknown is not None
    assert unknown.status == "unknown"


def test_a_prompt_taken_from_the_queue_never_ran(engine: Any, graph: Graph) -> None:
    # Large pictures keep the server busy, so that the last one is still waiting when it is deleted.
    ids = [str(engine.post(graph(size=1024)).json()["prompt_id"]) for _ in range(4)]
    last = str(engine.post(graph()).json()["prompt_id"])
    engine.http.post("/queue", json={"delete": [last]})
    engine.http.post("/queue", json={"clear": True})
    view = job_view(*engine.job(last))
    assert view is not None
    assert view.status == "unknown"
    assert ids
    assert engine.http.get(f"/history/{last}").json() == {}


def test_interrupting_a_prompt_that_does_not_run_changes_nothing(engine: Any, graph: Graph) -> None:
    assert engine.http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())}).status_code == 200
    _, messages = engine.run(graph())
    assert types_of(messages)[-2] == "execution_success"


def test_lower_numbers_and_front_go_first(engine: Any, graph: Graph) -> None:
    client_id = uuid.uuid4().hex
    with engine.socket(client_id) as connection:
        posted = {}
        for name, more in (
            ("busy", {}),
            ("late", {"number": 50}),
            ("early", {"number": 40}),
            ("front", {"front": True}),
        ):
            size = 1024 if name == "busy" else 64
            answer = engine.post(graph(size=size), client_id=client_id, **more)
            posted[str(answer.json()["prompt_id"])] = name
        order: list[str] = []
        while len(order) < 4:
            raw = connection.recv(timeout=60)
            message = json.loads(raw) if isinstance(raw, str) else {"type": "", "data": {}}
            if message["type"] == "executing" and message["data"]["node"] is None:
                order.append(posted[message["data"]["prompt_id"]])
    assert order.index("front") < order.index("early") < order.index("late")


def test_a_closed_socket_can_be_opened_again_under_its_name(engine: Any, graph: Graph) -> None:
    client_id = uuid.uuid4().hex
    with engine.socket(client_id):
        pass
    with engine.socket(client_id) as connection:
        answer = engine.post(graph(), client_id=client_id)
        prompt_id = answer.json()["prompt_id"]
        while True:
            raw = connection.recv(timeout=60)
            message = json.loads(raw) if isinstance(raw, str) else {"type": "", "data": {}}
            if message["type"] == "executing" and message["data"]["node"] is None:
                assert message["data"]["prompt_id"] == prompt_id
                return

"""The state machine against every recording of a real server."""

from __future__ import annotations

import json

import comfy_recordings as recordings
import pytest

from pressrun.comfy import wire
from pressrun.comfy.protocol import PromptBook, PromptState

DONE = ("finished", "success")
FAILED = ("finished", "error")
STOPPED = ("finished", "interrupted")
WAITING = ("queued", None)
RUNNING = ("running", None)
UNSURE = ("judged", "success")
LOST = ("lost", None)

# What every prompt of a recording comes to, in the order of the POSTs.
ENDS = {
    "cached_rerun": [DONE, DONE, DONE],
    "execution_error": [FAILED, FAILED, FAILED, FAILED, DONE],
    "interrupt_and_cancel": [DONE, STOPPED, LOST, DONE, STOPPED, LOST, STOPPED, WAITING, WAITING, WAITING],
    "interrupt_blocking_node": [STOPPED],
    "nan_and_memory_error": [DONE, FAILED],
    "no_client_id": [WAITING, WAITING],
    "other_endpoints": [DONE],
    "out_of_memory_and_exceptions": [FAILED, FAILED, FAILED],
    "previews_binary": [DONE, DONE],
    "reconnect": [UNSURE, DONE],
    "same_client_id_twice": [DONE, DONE],
    "server_killed": [RUNNING, WAITING],
    "server_restarted": [DONE],
    "success_model_free": [DONE],
    "txt2img": [DONE, DONE, DONE],
}


def states(book: PromptBook, name: str) -> list[tuple[str, str | None]]:
    return [(book[p].state.value, book[p].outcome) for p in recordings.posted(name)]


@pytest.mark.parametrize("name", sorted(ENDS))
def test_every_prompt_of_a_recording_comes_to_its_end(name: str) -> None:
    book, _ = recordings.replay(name)
    assert states(book, name) == ENDS[name]


def test_every_recording_is_replayed() -> None:
    # validation_errors holds answers only (tests of the wire format read them); the other one has a test of its own.
    assert set(recordings.NAMES) - set(ENDS) == {"odd_unreachable_nodes", "validation_errors"}


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_transition_is_a_line_of_the_drawing(name: str) -> None:
    before: dict[str, str] = {}
    follows = {
        "started": {""},
        "cached": {"started"},
        "node": {"cached", "node", "executed", "progress", "started", ""},
        "executed": {"node", "cached", "executed", "progress"},
        "progress": {"node", "progress", ""},
        "judged": {"node", "cached", "executed", "progress"},
        "unsure": {"judged"},
        "finished": {"judged", "unsure", "", "node", "progress"},
        "lost": {"", "unsure"},
    }
    for transition in recordings.replay(name)[1]:
        last = before.get(transition.prompt.id, "")
        assert last in follows[transition.what], (transition.what, last)
        before[transition.prompt.id] = transition.what


def test_success_tells_file_time_and_nodes() -> None:
    book, seen = recordings.replay("success_model_free")
    prompt = book[recordings.posted("success_model_free")[0]]
    assert [(ref.node, ref.filename, ref.subfolder, ref.type) for ref in prompt.outputs] == [
        ("8", "free_00001_.png", "lab", "output")
    ]
    assert prompt.seconds == pytest.approx(0.050)
    assert set(prompt.node_seconds) == {"1", "2", "3", "4", "5", "6", "7", "8"}
    assert [t.what for t in seen][:2] == ["started", "cached"]
    assert [t.what for t in seen][-3:] == ["executed", "judged", "finished"]


def test_cached_graph_names_the_old_file_so_items_need_prefixes_of_their_own() -> None:
    book, _ = recordings.replay("cached_rerun")
    first, second, third = (book[p] for p in recordings.posted("cached_rerun"))
    assert len(first.cached) == 8
    assert first.outputs[0].filename == "free_00001_.png"
    assert second.outputs[0].filename == "free_00002_.png"
    assert third.outputs[0].filename == "renamed_00001_.png"


def test_errors_are_classified() -> None:
    book, _ = recordings.replay("out_of_memory_and_exceptions")
    kinds = [book[p].failure.kind for p in recordings.posted("out_of_memory_and_exceptions")]  # type: ignore[union-attr]
    assert kinds == ["out-of-memory", "out-of-memory", "engine"]
    book, _ = recordings.replay("nan_and_memory_error")
    failure = book[recordings.posted("nan_and_memory_error")[1]].failure
    assert failure is not None
    assert (failure.kind, failure.node) == ("out-of-memory", "2")
    book, _ = recordings.replay("execution_error")
    failure = book[recordings.posted("execution_error")[2]].failure
    assert failure is not None
    assert failure.kind == "engine"
    assert "PIL.UnidentifiedImageError" in failure.message
    assert "LoadImage (node 1)" in failure.message


def test_a_node_without_prompt_id_after_a_reconnect_belongs_to_the_oldest_open_prompt() -> None:
    book, seen = recordings.replay("reconnect", books=False)
    mid, missed = (book[p] for p in recordings.posted("reconnect"))
    assert mid.patchy
    assert [t.what for t in seen if t.prompt is mid][-2:] == ["judged", "unsure"]  # confirmed by /api/jobs only
    assert missed.state is PromptState.QUEUED  # nothing was replayed: only the books know


def test_books_settle_what_the_socket_missed() -> None:
    book, _ = recordings.replay("reconnect")
    missed = book[recordings.posted("reconnect")[1]]
    assert missed.outcome == "success"
    assert missed.outputs[0].type == "output"
    assert missed.seconds == pytest.approx(0.290)


def test_worker_death_leaves_the_prompt_running_and_the_next_queued() -> None:
    book, _ = recordings.replay("odd_unreachable_nodes")
    last = [book[p].state for p in recordings.posted("odd_unreachable_nodes")][-2:]
    assert last == [PromptState.RUNNING, PromptState.QUEUED]
    assert book.running is not None
    assert book.queue_remaining == 2


def test_progress_state_is_told_by_its_first_bytes() -> None:
    assert wire.parse_text('{"type": "progress_state", broken') is None
    assert wire.parse_text(b'{"type":"progress_state", broken') is None


def test_a_message_with_a_bare_nan_is_read() -> None:
    message = wire.parse_text('{"type": "execution_error", "data": {"current_inputs": {"v": [NaN]}, "node_id": "3"}}')
    assert message is not None
    assert message.data["node_id"] == "3"


def test_messages_about_others_and_after_the_end_change_nothing() -> None:
    book, _ = recordings.replay("success_model_free")
    ended = recordings.posted("success_model_free")[0]
    for prompt_id in (ended, "somebody-else"):
        text = json.dumps({"type": "execution_error", "data": {"prompt_id": prompt_id, "exception_type": "X"}})
        message = wire.parse_text(text)
        assert message is not None
        assert book.feed(message, 9.0) == []
    assert book[ended].outcome == "success"

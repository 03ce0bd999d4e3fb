"""The wire format: from what a socket or a route hands over to small typed values. Pure; raises EngineError only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from pressrun.comfy.errors import Failure, execution_failure
from pressrun.core.errors import EngineError

# One namespace for ever: the same (shard, item, try) has the same prompt id on every machine.
_NAMESPACE = uuid.UUID("6f1d0f0e-8f5c-5f0b-9d5e-7a1f6d2c4b10")
_PROGRESS_STATE = (b'{"type": "progress_state"', b'{"type":"progress_state"')

JobStatus = Literal["pending", "running", "success", "error", "interrupted", "unknown"]


@dataclass(frozen=True, slots=True)
class Message:
    """A text message of the websocket."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OutputRef:
    """A file the engine says it wrote. `channel` is the UI key (images, audio, …); `type` output, temp or input."""

    node: str
    channel: str
    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True, slots=True)
class JobView:
    """What the engine's books say of a prompt, whichever route told it."""

    status: JobStatus
    outputs: tuple[OutputRef, ...] = ()
    failure: Failure | None = None
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        return self.status in ("success", "error", "interrupted")


def prompt_id(shard: str, item: str, number: int) -> str:
    """A canonical lower-case UUID (5) of shard digest, item id and submission number; every engine takes it."""
    return str(uuid.uuid5(_NAMESPACE, f"{shard}/{item}/{number}"))


def parse_text(raw: str | bytes) -> Message | None:
    """A text frame as a Message; None for `progress_state`, which repeats every node so far and is never read.

    One prompt of 200 nodes sends 8 MB of it, so it is told by its first bytes, before any parsing.
    """
    data = raw.encode() if isinstance(raw, str) else raw
    if data.startswith(_PROGRESS_STATE):
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        # NaN in an input comes back bare in some messages: not JSON, yet the message must not be lost.
        value = _lenient(data)
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise EngineError("a websocket message without a type", where=repr(data[:80]))
    payload = value.get("data")
    return Message(value["type"], payload if isinstance(payload, dict) else {})


def loads(data: bytes) -> Any:
    """JSON of an HTTP answer, bare NaN allowed (engines print it); None where it is not JSON at all."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return _lenient(data)
        except EngineError:
            return None


def _lenient(data: bytes) -> Any:
    import json  # noqa: PLC0415 - only for the rare message that is not strict JSON

    try:
        return json.loads(data)
    except ValueError as exc:
        raise EngineError(f"a message that is not JSON: {exc}", where=repr(data[:80])) from exc


def output_refs(node: str, output: Any) -> tuple[OutputRef, ...]:
    """The files in a node's UI output: images, animations, video, audio and whatever a custom node calls its list."""
    if not isinstance(output, Mapping):
        return ()
    return tuple(
        OutputRef(node, str(channel), str(entry["filename"]), str(entry.get("subfolder") or ""), str(entry["type"]))
        for channel, entries in output.items()
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, Mapping) and "filename" in entry and "type" in entry
    )


def _all_refs(outputs: Any) -> tuple[OutputRef, ...]:
    if not isinstance(outputs, Mapping):
        return ()
    return tuple(ref for node, output in outputs.items() for ref in output_refs(str(node), output))


def job_view(status: int, body: Any) -> JobView | None:
    """Read GET /api/jobs/{id}. None where this engine has no such route (then ask /history)."""
    if not isinstance(body, Mapping) or (status != 200 and "error" not in body):
        return None
    if status == 404:
        return JobView("unknown")
    names: dict[str, JobStatus] = {
        "pending": "pending",
        "in_progress": "running",
        "completed": "success",
        "failed": "error",
        "cancelled": "interrupted",
    }
    state = names.get(str(body.get("status")))
    if state is None:
        return None
    begin, end = body.get("execution_start_time"), body.get("execution_end_time")
    error = body.get("execution_error")
    return JobView(
        status=state,
        outputs=_all_refs(body.get("outputs")),
        failure=execution_failure(error or {}) if state == "error" else None,
        seconds=(end - begin) / 1000 if isinstance(begin, int | float) and isinstance(end, int | float) else None,
    )


def history_view(body: Any, prompt: str) -> JobView:
    """Read GET /history/{id}: `unknown` also means pending or running, which history does not tell apart."""
    entry = body.get(prompt) if isinstance(body, Mapping) else None
    if not isinstance(entry, Mapping):
        return JobView("unknown")
    outputs = _all_refs(entry.get("outputs"))
    status = entry.get("status") or {}
    events = {str(name): data for name, data in status.get("messages") or () if isinstance(data, Mapping)}
    if status.get("status_str") == "success":
        return JobView("success", outputs)
    if "execution_interrupted" in events:
        return JobView("interrupted", outputs)
    return JobView("error", outputs, execution_failure(events.get("execution_error", {})))

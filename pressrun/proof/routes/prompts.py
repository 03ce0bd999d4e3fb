"""/prompt, /queue, /interrupt, /free: what goes in, what waits, what stops."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pressrun.proof.press import Press, empty, json_response, press_of
from pressrun.proof.queue import Item
from pressrun.proof.validation import MalformedGraphError, Verdict, error_entry, validate

_BROKEN = "500 Internal Server Error\n\nServer got itself in trouble"
_ID_RULE = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one"
)


async def post_prompt(request: Request) -> Response:
    try:
        body = json.loads(await request.body())
        if not isinstance(body, dict) or "prompt" not in body:
            return _refused(Verdict(error_entry("no_prompt", "No prompt provided", "No prompt provided")))
        prompt_id = body.get("prompt_id")
        if prompt_id is not None and not _is_canonical(prompt_id):
            return _refused(Verdict(error_entry("invalid_prompt_id", "prompt_id must be a valid UUID", _ID_RULE)))
        return _accept(press_of(request), body, prompt_id or str(uuid.uuid4()))
    except (ValueError, MalformedGraphError, AttributeError, TypeError):
        # Not JSON, or a graph in UI format: the recorded server falls over in exactly this way.
        return PlainTextResponse(_BROKEN, status_code=500)


def _accept(press: Press, body: dict[str, Any], prompt_id: str) -> Response:
    number = float(body["number"]) if "number" in body else press.queue.next_number(front=bool(body.get("front")))
    graph = body["prompt"]
    verdict = validate(graph, press.folders, press.models, body.get("partial_execution_targets"))
    if verdict.error is not None:
        return _refused(verdict)
    extra_data = dict(body.get("extra_data") or {})
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    extra_data["create_time"] = time.time_ns() // 1_000_000
    press.queue.put(Item(number, prompt_id, graph, extra_data, verdict.outputs))
    return json_response({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})


def _refused(verdict: Verdict) -> Response:
    return json_response({"error": verdict.error, "node_errors": verdict.node_errors}, 400)


def _is_canonical(prompt_id: Any) -> bool:
    try:
        return isinstance(prompt_id, str) and str(uuid.UUID(prompt_id)) == prompt_id
    except ValueError:
        return False


async def get_prompt(request: Request) -> Response:
    return json_response(press_of(request).exec_info())


async def get_queue(request: Request) -> Response:
    running, waiting = press_of(request).queue.snapshot()
    lists = [[item.as_list() for item in items] for items in (running, waiting)]
    return json_response({"queue_running": lists[0], "queue_pending": lists[1]})


async def post_queue(request: Request) -> Response:
    body = await body_of(request)
    queue = press_of(request).queue
    if body.get("clear"):
        queue.clear()
    if body.get("delete"):
        queue.delete(set(body["delete"]))
    return empty()


async def post_interrupt(request: Request) -> Response:
    press_of(request).worker.interrupt((await body_of(request)).get("prompt_id"))
    return empty()


async def post_free(request: Request) -> Response:
    body = await body_of(request)
    if body.get("unload_models") or body.get("free_memory"):
        press_of(request).worker.free()
    return empty()


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a body that may be absent."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

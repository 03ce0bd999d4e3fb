"""Replaying a recording of a real server through the state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pressrun.comfy import wire
from pressrun.comfy.errors import refusal
from pressrun.comfy.protocol import PromptBook, Transition

FOLDER = Path(__file__).parents[2] / "data/comfy"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def lines(name: str) -> Iterator[dict[str, Any]]:
    for line in (FOLDER / f"{name}.jsonl").read_text().splitlines():
        yield json.loads(line)


def posted(name: str) -> list[str]:
    """Ids of the prompts that were accepted as a whole, in the order of their POSTs."""
    return [
        entry["response"]["prompt_id"]
        for entry in lines(name)
        if entry["kind"] == "http"
        and entry["path"] == "/prompt"
        and entry["method"] == "POST"
        and refusal(entry["status"], entry["response"]) is None
    ]


def replay(name: str, *, books: bool = True) -> tuple[PromptBook, list[Transition]]:
    """Feed a whole recording; `books` also applies each recorded answer of /api/jobs/{id} to prompts that are open."""
    book, seen = PromptBook(), []
    waiting = posted(name)
    for entry in lines(name):
        now = entry.get("t", 0.0)
        text = json.dumps(entry)
        for prompt_id in [p for p in waiting if p in text]:
            waiting.remove(prompt_id)
            book.add(prompt_id, now)
        if entry["kind"] == "ws_closed":
            book.gap()
        elif entry["kind"] == "ws":
            message = wire.parse_text(json.dumps(entry["message"]))
            if message is not None:
                seen += book.feed(message, now)
        elif books and entry["kind"] == "http" and entry["path"].startswith("/api/jobs/") and entry["method"] == "GET":
            view = wire.job_view(entry["status"], entry["response"])
            if view is not None:
                seen += book.settle(entry["path"].rpartition("/")[2], view, now)
    return book, seen

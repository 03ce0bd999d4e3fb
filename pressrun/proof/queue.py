"""The prompt queue and the history: a heap under a lock, everything in memory, as in the recorded server."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAXIMUM_HISTORY = 10_000


@dataclass(order=True, slots=True)
class Item:
    """A prompt waiting or running. Lower numbers run first; ties by prompt id."""

    number: float
    prompt_id: str
    graph: dict[str, Any] = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)

    def as_list(self) -> list[Any]:
        """The form of /queue and /history: [number, id, graph, extra_data, outputs]."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    """Thread-safe. `changed` is called (from any thread) after every change of the queue's length."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._filled = threading.Condition(self._lock)
        self._waiting: list[Item] = []
        self._running: Item | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._counter = 0
        self._closed = False

    def next_number(self, *, front: bool) -> int:
        with self._lock:
            number = self._counter
            self._counter += 1
            return -number if front else number

    def put(self, item: Item) -> None:
        with self._lock:
            heapq.heappush(self._waiting, item)
            self._filled.notify()
        self._changed()

    def take(self, starting: Callable[[], None]) -> Item | None:
        """Wait for the next prompt and mark it running; None once the queue is closed.

        `starting` is called in the same moment, so that nobody can stop the new prompt before it.
        """
        with self._lock:
            while not self._waiting and not self._closed:
                self._filled.wait()
            if self._closed:
                return None
            self._running = heapq.heappop(self._waiting)
            item = self._running
            starting()
        self._changed()
        return item

    def while_running(self, prompt_id: str | None, action: Callable[[], None]) -> bool:
        """Call `action` if that prompt runs right now (None: in any case); True if it was called."""
        with self._lock:
            if prompt_id is not None and (self._running is None or self._running.prompt_id != prompt_id):
                return False
            action()
            return True

    def done(self, item: Item, record: dict[str, Any]) -> None:
        """The running prompt ended: its history entry appears before anyone is told."""
        with self._lock:
            self._running = None
            while len(self._history) > MAXIMUM_HISTORY:
                self._history.pop(next(iter(self._history)))
            self._history[item.prompt_id] = {"prompt": item.as_list(), **record}
        self._changed()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._filled.notify_all()

    def remaining(self) -> int:
        with self._lock:
            return len(self._waiting) + (self._running is not None)

    def snapshot(self) -> tuple[list[Item], list[Item]]:
        """Running and waiting prompts, the next one first."""
        with self._lock:
            return ([self._running] if self._running else []), sorted(self._waiting)

    def delete(self, prompt_ids: set[str]) -> bool:
        """Drop waiting prompts; True if there were any."""
        with self._lock:
            kept = [item for item in self._waiting if item.prompt_id not in prompt_ids]
            dropped = len(kept) < len(self._waiting)
            if dropped:
                self._waiting = kept
                heapq.heapify(self._waiting)
        if dropped:
            self._changed()
        return dropped

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
        self._changed()

    def history(self, prompt_id: str | None = None) -> dict[str, dict[str, Any]]:
        """One entry (or none) under its id, or all of them, oldest first."""
        with self._lock:
            if prompt_id is None:
                return dict(self._history)
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: entry}

    def forget(self, prompt_id: str | None = None) -> None:
        with self._lock:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

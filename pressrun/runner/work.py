"""The work of a shard: which prompts wait, which are under way, and what a failure means for one.

A prompt makes one item, or the items of a batch; these start, fail and are tried again together.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pressrun.comfy.errors import Failure
from pressrun.core.batch import pictures_of, prompts_of
from pressrun.core.item import Item
from pressrun.core.shard import ShardLimits

POISON_CRASHES = 2
MEMORY_TRIES = 2

Verdict = Literal["retry", "fail"]


@dataclass(slots=True)
class Ticket:
    """One prompt's items. `tries` counts runs that ended in a failure or a picture, `submissions` every POST."""

    items: tuple[Item, ...]
    tries: int = 0
    submissions: int = 0
    crashes: int = 0
    memory_failures: int = 0
    first_started: float | None = None

    @property
    def item(self) -> Item:
        """The item, or the first of a batch: its id names the prompt, and what all of them share is read from it."""
        return self.items[0]

    @property
    def pictures(self) -> int:
        """How many pictures the prompt makes; those that somebody has already are made, too, and thrown away."""
        return pictures_of(self.items)

    @property
    def label(self) -> str:
        """What a person calls it."""
        more = f" and {len(self.items) - 1} more of its batch" if len(self.items) > 1 else ""
        return f"{self.item.item_id} ({self.item.label}){more}"

    @property
    def names(self) -> dict[str, Any]:
        """What events call it: `item_id`, the first of `item_ids` where there are more."""
        more = {"item_ids": [item.item_id for item in self.items]} if len(self.items) > 1 else {}
        return {"item_id": self.item.item_id, **more}

    def start(self) -> None:
        if self.first_started is None:
            self.first_started = time.time()

    def after_failure(self, failure: Failure, limits: ShardLimits) -> Verdict:
        """Count a try that failed and say whether another one is worth it."""
        self.tries += 1
        if not failure.retryable:
            return "fail"
        if failure.kind == "out-of-memory":
            self.memory_failures += 1
            return "retry" if self.memory_failures < MEMORY_TRIES else "fail"
        return "retry" if self.tries < limits.item_tries else "fail"

    def after_crash(self) -> Verdict:
        """Count an engine that died or went silent on this item; poison is not tried a third time."""
        self.crashes += 1
        return "retry" if self.crashes < POISON_CRASHES else "fail"


@dataclass
class WorkQueue:
    """One queue for all engines of the machine. Single-threaded: only the event loop touches it."""

    waiting: deque[Ticket]
    undecided: set[str] = field(default_factory=set)
    stop_reason: str | None = None
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[Item]) -> WorkQueue:
        tickets = deque(Ticket(prompt) for prompt in prompts_of(items))
        return cls(waiting=tickets, undecided={item.item_id for item in items})

    def listen(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever something changes that an idle engine should look at."""
        self._listeners.append(wake)

    def take(self) -> Ticket | None:
        """The next prompt to send; None where nothing waits or nothing more is to be begun."""
        return self.waiting.popleft() if self.waiting and not self.stop_reason else None

    def give_back(self, ticket: Ticket) -> None:
        """Put a prompt back where it came from: nothing was learnt about it."""
        self.waiting.appendleft(ticket)
        self._wake()

    def again(self, ticket: Ticket) -> None:
        """Put a prompt at the end: the others come first."""
        self.waiting.append(ticket)
        self._wake()

    def decided(self, items: Iterable[Item]) -> None:
        self.undecided.difference_update(item.item_id for item in items)
        self._wake()

    def stop(self, reason: str) -> None:
        """Begin nothing more. The first reason counts."""
        self.stop_reason = self.stop_reason or reason
        self._wake()

    @property
    def settled(self) -> bool:
        return not self.undecided

    def _wake(self) -> None:
        for listener in self._listeners:
            listener()

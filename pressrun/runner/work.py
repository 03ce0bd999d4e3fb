"""The work of a shard: which items wait, which are under way, and what a failure means for one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from pressrun.comfy.errors import Failure
from pressrun.core.item import Item
from pressrun.core.shard import ShardLimits

POISON_CRASHES = 2
MEMORY_TRIES = 2

Verdict = Literal["retry", "fail"]


@dataclass(slots=True)
class Ticket:
    """One item under way. `tries` counts runs that ended in a failure or a picture, `submissions` every POST."""

    item: Item
    tries: int = 0
    submissions: int = 0
    crashes: int = 0
    memory_failures: int = 0
    first_started: float | None = None

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
    def of(cls, items: Iterable[Item]) -> WorkQueue:
        tickets = deque(Ticket(item) for item in items)
        return cls(waiting=tickets, undecided={ticket.item.item_id for ticket in tickets})

    def listen(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever something changes that an idle engine should look at."""
        self._listeners.append(wake)

    def take(self) -> Ticket | None:
        """The next item to send; None where nothing waits or nothing more is to be begun."""
        return self.waiting.popleft() if self.waiting and not self.stop_reason else None

    def give_back(self, ticket: Ticket) -> None:
        """Put an item back where it came from: nothing was learnt about it."""
        self.waiting.appendleft(ticket)
        self._wake()

    def again(self, ticket: Ticket) -> None:
        """Put an item at the end: the others come first."""
        self.waiting.append(ticket)
        self._wake()

    def decided(self, ticket: Ticket) -> None:
        self.undecided.discard(ticket.item.item_id)
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

"""Pace: how many prompts must wait in an engine so that it has work while this process looks elsewhere."""

from __future__ import annotations

import math

# A thread that encodes a large picture, or a neighbour on the same cores, may keep the event loop away for this long.
AHEAD_SECONDS = 0.5
MOST = 12
_WEIGHT = 0.2


class Pace:
    """The depth of one engine's queue: `least`, or as many short prompts as make half a second of work, at most 12."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._seconds: float | None = None

    def note(self, seconds: float | None) -> None:
        """A prompt took so many seconds, None where nobody knows."""
        if seconds is None:
            return
        mean = seconds if self._seconds is None else self._seconds
        self._seconds = mean + _WEIGHT * (seconds - mean)

    @property
    def depth(self) -> int:
        """Prompts to keep queued."""
        if self._seconds is None:
            return self._least
        return max(self._least, min(MOST, math.ceil(AHEAD_SECONDS / max(self._seconds, 0.001))))

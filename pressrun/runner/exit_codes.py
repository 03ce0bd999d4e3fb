"""What the runner's exit code tells the orchestrator. Numbers follow sysexits.h where it has a word for the case."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The runner ends with one of these and with a sentence in /opt/ml/output/message."""

    OK = 0
    """Every item of the shard has an end state: rendered, or failed with its reason."""
    BUG = 1
    """The runner itself broke. Look at the log; a retry may or may not help."""
    BAD_INPUT = 65
    """The shard, an asset or too many items are wrong in themselves: the same job would end the same way."""
    ENGINE_UNAVAILABLE = 69
    """The engine does not start, or keeps dying without finishing anything. Another machine may do better."""
    COME_AGAIN = 75
    """Stopped or out of time with work left; everything finished is kept. Send the missing items again."""

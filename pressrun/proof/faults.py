"""Faults that tests ask for: `--fault exit@3` kills the process on the third prompt it runs, and so on.

    die-thread@K    the worker thread dies: the server answers everything, and nothing runs any more
    exit@K          SIGKILL to the process, while it writes the image
    oom@K           the sampler (or the first drawing node) raises torch.OutOfMemoryError
    error@K         the same place raises RuntimeError
    hang@K          the prompt never ends and cannot be interrupted
    truncate@K      the image file is cut short, as after a kill -9 while writing
    slow@K:MS       the prompt takes MS milliseconds more

K counts the prompts this process has started, from 1; `K+` means K and every later one. With a ledger folder each fault
fires once for all processes that share it: a server that was restarted by its supervisor does not die again.
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from pressrun.core.errors import InputError

KINDS = ("die-thread", "exit", "oom", "error", "hang", "truncate", "slow")
_SPEC = re.compile(r"(?P<kind>[a-z-]+)@(?P<at>[1-9]\d*)(?P<on>\+?)(?::(?P<ms>\d+))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, the prompt it strikes, whether it goes on striking, and milliseconds for `slow`."""

    kind: str
    at: int
    onwards: bool = False
    milliseconds: int = 0

    def strikes(self, prompt: int) -> bool:
        return prompt >= self.at if self.onwards else prompt == self.at

    @staticmethod
    def parse(text: str) -> Fault:
        """Read "kind@K", "kind@K+" or "slow@K:MS". InputError names what is wrong."""
        match = _SPEC.fullmatch(text.strip())
        if match is None or match["kind"] not in KINDS:
            raise InputError(
                f"not a fault: {text!r}",
                where="--fault",
                remedy=f"one of {', '.join(KINDS)} as kind@K, kind@K+ or slow@K:MS",
            )
        return Fault(match["kind"], int(match["at"]), bool(match["on"]), int(match["ms"] or 0))


class DeadThreadError(BaseException):
    """Ends the worker thread, as any BaseException inside a node does in the real server."""


class OutOfMemoryError(RuntimeError):
    """Reported as torch.OutOfMemoryError."""


class Faults:
    """The faults of one server, asked at fixed points of every prompt."""

    def __init__(self, specs: list[str], ledger: Path | None = None) -> None:
        self.faults = [Fault.parse(part) for spec in specs for part in spec.split(",") if part.strip()]
        self.ledger = ledger
        self.prompt = 0
        self.active: set[str] = set()
        self.delay = 0.0

    def begin_prompt(self) -> None:
        """A prompt starts: decide which faults strike it, and strike at once with those that need no node."""
        self.prompt += 1
        struck = [fault for fault in self.faults if fault.strikes(self.prompt) and self._first_time(fault)]
        self.active = {fault.kind for fault in struck}
        self.delay = sum(fault.milliseconds for fault in struck) / 1000
        if "die-thread" in self.active:
            raise DeadThreadError("fault die-thread")
        if "hang" in self.active:
            while True:
                time.sleep(3600)
        if self.delay:
            time.sleep(self.delay)

    def at_drawing(self) -> None:
        """A node that would need the GPU is about to run."""
        if "oom" in self.active:
            self.active.discard("oom")
            raise OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 22.04 GiB of which "
                "1.00 GiB is free.\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the workflow "
                "worked before you might have accidentally set the batch_size to a large number."
            )
        if "error" in self.active:
            self.active.discard("error")
            raise RuntimeError("fault error: this node was told to fail")

    def at_write(self, path: Path, data: bytes) -> bytes:
        """An image is about to be written; returns the bytes to write, or never returns."""
        if "exit" in self.active:
            path.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        if "truncate" in self.active:
            return data[: len(data) // 2]
        return data

    def _first_time(self, fault: Fault) -> bool:
        if self.ledger is None:
            return True
        self.ledger.mkdir(parents=True, exist_ok=True)
        mark = self.ledger / f"{fault.kind}-at-{fault.at}"
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

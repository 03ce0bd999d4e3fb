"""What a drawing function may use besides its inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressrun.proof.drawing.values import Facts
from pressrun.proof.files import Folders

# The most pixels one node may make: what a 24 GB card would decode at once, near enough. Beyond it the proof fails as
# the real server does, instead of taking the machine down.
PIXEL_LIMIT = 96 * 1024 * 1024


class Interrupted(Exception):  # noqa: N818 - it is an outcome, not an error
    """Somebody asked for the running prompt to stop."""


@dataclass(slots=True)
class NodeContext:
    """The node being run. A function may set `ui` (what the node shows) and `facts` (for the caption)."""

    node_id: str
    class_type: str
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    folders: Folders
    latency: float
    interrupted: Callable[[], bool]
    progress: Callable[[int, int], None]
    before_write: Callable[[Path, bytes], bytes]
    ui: dict[str, Any] | None = None
    facts: Facts | None = None

    def wait(self, seconds: float) -> None:
        """Sleep, but notice an interrupt within a few hundredths of a second."""
        end = time.monotonic() + seconds
        while True:
            if self.interrupted():
                raise Interrupted
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.02))

    def steps(self, count: int) -> None:
        """Report `count` sampler steps, spread over the latency; an interrupt takes effect at a step's edge."""
        count = max(1, min(count, 10_000))
        for step in range(1, count + 1):
            self.wait(self.latency / count)
            self.progress(step, count)

    def allow(self, width: int, height: int, batch: int) -> None:
        """RuntimeError, as torch's allocator words it, for a picture too large to make."""
        if width * height * batch > PIXEL_LIMIT:
            size = width * height * batch * 12
            raise RuntimeError(
                f"[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
                f"to allocate {size} bytes. Error code 12 (Cannot allocate memory)"
            )

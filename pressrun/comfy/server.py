"""The engine's process: started, found ready, watched, stopped in the right order, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pressrun.comfy.errors import EngineGoneError
from pressrun.core.errors import EngineError, SetupError

READY_SECONDS = 300.0
TERM_SECONDS = 10.0
TAIL_BYTES = 4000


@dataclass(frozen=True)
class EngineSpec:
    """How to start an engine. `argv` holds everything but the port; `port` None means any free one."""

    argv: tuple[str, ...]
    cwd: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    ready_seconds: float = READY_SECONDS


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EngineServer:
    """One engine process at a time, leading its own session: a SIGTERM to the runner's group leaves it to us."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._process: subprocess.Popen[bytes] | None = None
        self.port = spec.port or 0
        self.starts = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs or was never started; negative for a signal."""
        return self._process.poll() if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def resident_bytes(self) -> int | None:
        """Memory the process holds now, where /proc tells; None elsewhere."""
        return self._memory("VmRSS")

    @property
    def peak_bytes(self) -> int | None:
        """The most memory the process ever held, where /proc tells; None elsewhere."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int | None:
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        found = next((line.split()[1] for line in lines if line.startswith(name + ":")), None)
        return int(found) * 1024 if found else None

    async def start(self) -> None:
        """Start and wait until GET /system_stats answers. EngineGoneError where it ends or stays silent."""
        if self.alive:
            raise EngineError("started twice", where=self.base_url)
        self.port = self._spec.port or free_port()
        self.starts += 1
        self._spec.log.parent.mkdir(parents=True, exist_ok=True)
        argv: Sequence[str] = (*self._spec.argv, "--port", str(self.port))
        with self._spec.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once; the child is polled, never waited for
                    argv,
                    cwd=self._spec.cwd,
                    env={**os.environ, **self._spec.env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as exc:
                raise SetupError(f"the engine cannot be started: {exc}", where=argv[0]) from exc
        await self._wait_ready()

    async def _wait_ready(self) -> None:
        # The port opens only after all nodes are loaded, so the first answer means ready.
        until = time.monotonic() + self._spec.ready_seconds
        pause = 0.02
        async with httpx.AsyncClient(base_url=self.base_url, timeout=5.0, trust_env=False) as http:
            while time.monotonic() < until:
                if not self.alive:
                    raise EngineGoneError(
                        f"the engine ended with {self.exit_code} before it was ready; its last words: {self.tail()}",
                        where=str(self._spec.log),
                    )
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get("/system_stats")).status_code == 200:
                        return
                await asyncio.sleep(pause)
                pause = min(0.5, pause * 1.3)
        self.kill()
        raise EngineGoneError(f"not ready after {self._spec.ready_seconds:.0f} s", where=str(self._spec.log))

    def tail(self) -> str:
        """The end of the engine's log as one line."""
        try:
            data = self._spec.log.read_bytes()[-TAIL_BYTES:]
        except OSError:
            return ""
        return " | ".join(line for line in data.decode(errors="replace").splitlines()[-5:] if line.strip())[-600:]

    def move_log(self, target: Path) -> None:
        """Move the log away, so that it is a finished file; the next start begins a new one. No log is fine."""
        with contextlib.suppress(FileNotFoundError):
            shutil.move(self._spec.log, target)

    async def stop(self, *, idle: bool = False) -> None:
        """Clear the queue, interrupt, wait for an empty queue, SIGTERM, SIGKILL. A dead engine is fine.

        SIGTERM alone ends a ComfyUI at once, in the middle of a file. `idle` skips the first steps.
        """
        if self.alive and not idle:
            await self._quiesce()
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, TERM_SECONDS)
        self.kill()

    async def _quiesce(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self.base_url, timeout=2.0, trust_env=False) as http:
                await http.post("/queue", json={"clear": True})
                await http.post("/interrupt", json={})
                until = time.monotonic() + TERM_SECONDS
                while time.monotonic() < until:
                    info = (await http.get("/prompt")).json()
                    if not info.get("exec_info", {}).get("queue_remaining"):
                        return
                    await asyncio.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the engine and its children; returns when the process is reaped."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

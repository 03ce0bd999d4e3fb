"""A lane: one engine kept alive until the work is settled. It starts, serves in sessions, renews, and stops."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from pathlib import Path

from pressrun.comfy.client import ComfyClient
from pressrun.comfy.server import EngineServer
from pressrun.core.errors import EngineError
from pressrun.runner.desk import log
from pressrun.runner.parts import JobParts
from pressrun.runner.session import HEARD, Inbox, Session

FRUITLESS_STARTS = 4


class Lane:
    """Keeps one engine alive and busy until the work is settled or stopped."""

    def __init__(self, number: int, server: EngineServer, output: Path, parts: JobParts) -> None:
        self.number, self._server, self._output, self._parts = number, server, output, parts
        self._work, self._desk, self._config = parts.work, parts.desk, parts.config
        self._inbox: Inbox = asyncio.Queue()
        self._work.listen(lambda: self._inbox.put_nowait(None))

    async def run(self) -> None:
        """Work until there is nothing left to begin. EngineError where the engine cannot be kept alive."""
        fruitless = 0
        while not (self._work.settled or self._work.stop_reason):
            before = self._desk.rendered + self._desk.failed
            try:
                if await self._serve():
                    await self._renew("its memory is above the limit", quietly=True)
            except EngineError as exc:
                fruitless = 0 if self._desk.rendered + self._desk.failed > before else fruitless + 1
                if fruitless >= FRUITLESS_STARTS:
                    raise
                await self._renew(str(exc))

    async def stop(self) -> None:
        """End the engine and keep its log."""
        self._desk.events.write("engine_stopped", engine=self.number, peak_bytes=self._server.peak_bytes)
        await self._server.stop()
        self._keep_log()

    async def _serve(self) -> bool:
        """One session with the engine, started if need be. True where it should be started afresh."""
        if not self._server.alive and not await self._start():
            return False
        inbox: Inbox = asyncio.Queue()
        self._inbox = inbox
        client = ComfyClient(
            self._server.base_url,
            lambda event: inbox.put_nowait(event) if isinstance(event, EngineError) or event.what in HEARD else None,
            stall_seconds=self._config.stall_seconds,
            alive=lambda: self._server.alive,
        )
        async with client:
            session = Session(client, self._server, self._output, self._parts, inbox)
            return await session.run()

    async def _start(self) -> bool:
        """Start the engine; False where the work was stopped meanwhile."""
        began = time.monotonic()
        starting = asyncio.create_task(self._server.start())
        while not starting.done():
            await asyncio.wait({starting}, timeout=0.2)
            if self._work.stop_reason and not starting.done():
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                self._server.kill()
                return False
        starting.result()
        seconds = time.monotonic() - began
        log(f"engine {self.number} is ready on port {self._server.port} after {seconds:.1f} s")
        self._desk.events.write("engine_started", engine=self.number, starts=self._server.starts, seconds=seconds)
        return True

    async def _renew(self, reason: str, *, quietly: bool = False) -> None:
        """End the engine for good and clear what it left behind; the next turn starts it again."""
        died = "" if self._server.alive else f" (exit {self._server.exit_code})"
        log(f"engine {self.number} is restarted{died}: {reason}")
        self._desk.events.write("restart", engine=self.number, exit_code=self._server.exit_code)
        if quietly:
            await self._server.stop(idle=True)
        self._server.kill()
        self._keep_log()
        # What a killed engine was writing is cut, and nobody will ever ask for it.
        await asyncio.to_thread(shutil.rmtree, self._output, ignore_errors=True)
        self._output.mkdir(parents=True, exist_ok=True)

    def _keep_log(self) -> None:
        name = f"{self._parts.host}-engine-{self.number}-{self._server.starts:02d}.log"
        self._server.move_log(self._parts.places.output / "logs" / name)

"""A session: one connection to one engine. Prompts queued a few deep, finished ones harvested beside the next.

The loop only posts, listens and decides. Files are checked, measured and moved in threads, so that the engine never
waits for them. A session ends with an EngineError where the engine died or went silent; what it had not finished is
back in the queue by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from pathlib import Path

from pressrun.comfy.client import ComfyClient
from pressrun.comfy.errors import EngineStalledError, Failure, PromptRefusedError
from pressrun.comfy.protocol import Prompt, PromptState, Transition
from pressrun.comfy.server import EngineServer
from pressrun.core.errors import EngineError
from pressrun.runner.desk import Run, log
from pressrun.runner.dispatch import Dispatch
from pressrun.runner.harvest import OutputError, harvest
from pressrun.runner.pace import Pace
from pressrun.runner.parts import Flight, JobParts
from pressrun.runner.pictures import taken
from pressrun.runner.sink import text_chunks
from pressrun.runner.work import Ticket

CANCEL_SECONDS = 15.0
HEARD = frozenset({"started", "cached", "executed", "finished", "lost"})

Inbox = asyncio.Queue[Transition | EngineError | None]


class Session:
    """Keeps one connected engine busy. `inbox` receives the client's transitions, and None to look around again."""

    def __init__(self, client: ComfyClient, server: EngineServer, output: Path, parts: JobParts, inbox: Inbox) -> None:
        self._client, self._server, self._output, self._parts, self._inbox = client, server, output, parts, inbox
        self._work, self._desk, self._config = parts.work, parts.desk, parts.config
        self._flights: dict[str, Flight] = {}
        self._harvests: set[asyncio.Task[None]] = set()
        self._dispatch = Dispatch(client, parts)
        self._pace = Pace(self._config.queue_depth)
        self._drain_until: float | None = None
        self._recycle = False

    async def run(self) -> bool:
        """Until nothing is left to do. True where the engine should be started afresh (its memory grew too large)."""
        try:
            await self._dispatch.meet()
            await self._loop()
        except EngineError as exc:
            self._recover(exc)
            raise
        finally:
            await asyncio.gather(*self._harvests, return_exceptions=True)
        return self._recycle

    # -- the loop -------------------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        while True:
            if self._work.stop_reason:
                await self._drain()
            elif not self._recycle:
                await self._fill()
            idle = not self._flights and not self._harvests
            if idle and (self._work.settled or self._work.stop_reason or self._recycle):
                return
            event = await self._next()
            if isinstance(event, EngineError):
                raise event
            if event is not None:
                await self._on(event)
            await self._check_deadlines()

    async def _next(self) -> Transition | EngineError | None:
        with contextlib.suppress(asyncio.QueueEmpty):
            return self._inbox.get_nowait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.25):
                return await self._inbox.get()
        return None

    async def _fill(self) -> None:
        """Keep the engine's queue a few prompts deep, but never run far ahead of the harvest."""
        depth = self._pace.depth
        while len(self._flights) < depth and len(self._harvests) < 4 * depth:
            ticket = self._work.take()
            if ticket is None:
                return
            await self._send(ticket)

    async def _send(self, ticket: Ticket) -> None:
        prompt_id = ""
        try:
            prompt_id, flight = self._dispatch.make(ticket)
            self._flights[prompt_id] = flight
            await self._dispatch.post(prompt_id, flight)
        except PromptRefusedError as exc:
            self._flights.pop(prompt_id, None)
            self._failed(ticket, exc.failure, prompt_id)

    async def _on(self, event: Transition) -> None:
        prompt = event.prompt
        if prompt.id in self._dispatch.warm_ups:
            await self._on_warm_up(event)
        flight = self._flights.get(prompt.id)
        if flight is None:
            return
        names = flight.ticket.names
        if event.what == "started":
            flight.ticket.start()
            flight.deadline = time.monotonic() + self._parts.shard.limits.item_timeout * flight.ticket.pictures
            params = flight.ticket.item.params if flight.ticket.submissions == 1 else None
            self._desk.events.write("started", **names, prompt_id=prompt.id, params=params)
        elif event.what in ("cached", "executed"):
            self._desk.events.write(event.what, **names, prompt_id=prompt.id, detail=event.detail)
        elif event.what == "lost":
            del self._flights[prompt.id]
            self._desk.events.write("lost", **names, prompt_id=prompt.id)
            self._client.book.forget(prompt.id)
            self._work.give_back(flight.ticket)
        elif event.what == "finished":
            del self._flights[prompt.id]
            await self._finished(flight, prompt)
        self._watch_memory()

    async def _on_warm_up(self, event: Transition) -> None:
        if event.what not in ("finished", "lost"):
            return
        prompt = event.prompt
        warm_up = self._dispatch.warm_ups.pop(prompt.id)
        self._desk.warmed_up(warm_up.workflow, warm_up.models, prompt.outcome or "lost", prompt.seconds or 0.0)
        self._client.consumed(prompt.id)

    def _watch_memory(self) -> None:
        limit = self._config.memory_limit_mb
        if limit and not self._recycle and (self._server.resident_bytes or 0) > limit * 1_000_000:
            self._recycle = True

    # -- what a finished prompt means -----------------------------------------------------------------------------

    async def _finished(self, flight: Flight, prompt: Prompt) -> None:
        patience = self._parts.shard.limits.item_timeout * flight.ticket.pictures
        self._pace.note(prompt.seconds)
        if prompt.outcome == "success":
            self._begin_harvest(flight, prompt)
            return
        if prompt.outcome == "interrupted" and flight.dropped:
            self._work.give_back(flight.ticket)
        elif prompt.outcome == "interrupted":
            failure = (
                Failure(kind="timeout", message=f"took longer than {patience:.0f} s", node=prompt.node)
                if flight.timed_out
                else Failure(kind="engine", message="interrupted by somebody else")
            )
            self._failed(flight.ticket, failure, prompt.id, prompt)
        else:
            failure = prompt.failure or Failure(kind="engine", message="the engine gave no reason")
            self._failed(flight.ticket, failure, prompt.id, prompt)
            if failure.kind == "out-of-memory":
                await self._client.free()
        self._client.consumed(prompt.id)

    def _begin_harvest(self, flight: Flight, prompt: Prompt) -> None:
        task = asyncio.create_task(self._harvest(flight, prompt))
        self._harvests.add(task)

        def done(_: asyncio.Task[None]) -> None:
            self._harvests.discard(task)
            self._inbox.put_nowait(None)

        task.add_done_callback(done)

    async def _harvest(self, flight: Flight, prompt: Prompt) -> None:
        ticket, parts = flight.ticket, self._parts
        raw = flight.sink == "pressrun"
        nodes = parts.shard.workflows[ticket.item.workflow].outputs
        take = functools.partial(
            harvest,
            nodes=nodes,
            engine_output=self._output,
            output=parts.places.output,
            scratch=parts.places.scratch,
            texts=text_chunks(flight.graph, self._dispatch.lineage(ticket)) if raw else None,
            proof=parts.shard.engine == "proof",
        )
        try:
            files = await taken(ticket.items, prompt.outputs, take=take, nodes=nodes, pool=parts.pool)
        except OutputError as exc:
            self._failed(ticket, exc.failure, prompt.id, prompt)
        except Exception as exc:  # one item's odd file must not take the shard with it
            self._failed(ticket, Failure(kind="output", message=f"{type(exc).__name__}: {exc}"), prompt.id, prompt)
        else:
            self._desk.render(ticket, Run.of(prompt, self._dispatch.version, flight.sink), files)
        self._client.consumed(prompt.id)

    def _failed(self, ticket: Ticket, failure: Failure, prompt_id: str, prompt: Prompt | None = None) -> None:
        if ticket.after_failure(failure, self._parts.shard.limits) == "retry":
            log(f"again {ticket.label} [{failure.kind}]: {failure.message}")
            self._desk.events.write("retry", **ticket.names, prompt_id=prompt_id, kind=failure.kind)
            self._work.again(ticket)
            return
        self._close_failed(ticket, failure, prompt_id, prompt)

    def _close_failed(self, ticket: Ticket, failure: Failure, prompt_id: str, prompt: Prompt | None) -> None:
        self._desk.events.write("error", **ticket.names, prompt_id=prompt_id, kind=failure.kind, node=failure.node)
        self._desk.fail(ticket, Run.of(prompt or Prompt(prompt_id), self._dispatch.version, "stock"), failure)

    # -- deadlines, stops, crashes --------------------------------------------------------------------------------

    async def _check_deadlines(self) -> None:
        now = time.monotonic()
        for prompt_id, flight in list(self._flights.items()):
            if flight.deadline is None or now < flight.deadline:
                continue
            if flight.timed_out:
                raise EngineStalledError(
                    f"{flight.ticket.label} goes on {CANCEL_SECONDS:.0f} s after its interrupt",
                    where=self._server.base_url,
                )
            flight.timed_out, flight.deadline = True, now + CANCEL_SECONDS
            await self._client.cancel(prompt_id)

    async def _drain(self) -> None:
        """Begin nothing, take back what has not started, give what runs a little time, then drop it."""
        now = time.monotonic()
        for prompt_id in list(self._dispatch.warm_ups):
            del self._dispatch.warm_ups[prompt_id]
            self._client.book.forget(prompt_id)
            await self._client.cancel(prompt_id)
        if self._drain_until is None:
            grace = 0.0 if self._work.stop_reason == "budget" else self._config.drain_seconds
            self._drain_until = now + grace
            for prompt_id, flight in list(self._flights.items()):
                if flight.deadline is None:
                    await self._take_back(prompt_id)
        elif now > self._drain_until + CANCEL_SECONDS / 3:
            for prompt_id in list(self._flights):
                await self._take_back(prompt_id)
        elif now > self._drain_until:
            for prompt_id, flight in self._flights.items():
                if not flight.dropped:
                    flight.dropped = True
                    await self._client.cancel(prompt_id)

    async def _take_back(self, prompt_id: str) -> None:
        flight = self._flights.pop(prompt_id)
        self._client.book.forget(prompt_id)
        self._work.give_back(flight.ticket)
        await self._client.cancel(prompt_id)

    def _recover(self, error: EngineError) -> None:
        """Sort a dead engine's prompts: finished ones are harvested, the one it died on is noted, others go back."""
        running = self._client.book.running
        if running is None and isinstance(error, EngineStalledError):
            running = next(iter(self._client.book.open), None)
        warm_up = self._dispatch.warm_ups.get(running.id) if running else None
        blamed = warm_up.before if warm_up else running.id if running else None
        for prompt_id, flight in reversed(list(self._flights.items())):
            prompt = self._client.book.get(prompt_id)
            ended = prompt is not None and prompt.state in (PromptState.JUDGED, PromptState.FINISHED)
            if prompt is not None and ended and prompt.outcome == "success" and not prompt.patchy:
                self._begin_harvest(flight, prompt)
            elif prompt_id == blamed and flight.ticket.after_crash() == "fail":
                flight.ticket.tries = max(1, flight.ticket.tries)
                text = (
                    f"quarantined: the engine ended {flight.ticket.crashes} times on this item, last: {error.message}"
                )
                node = prompt.node if prompt else None
                failure = Failure(kind="timeout" if flight.timed_out else "engine", message=text, node=node)
                self._close_failed(flight.ticket, failure, prompt_id, prompt)
            else:
                self._work.give_back(flight.ticket)
        self._flights.clear()

"""The client against the proof press: lost sockets, silent sockets, refused prompts, the order of stopping."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import runner_shards as shards

from pressrun.comfy import client as client_module
from pressrun.comfy import wire
from pressrun.comfy.client import ComfyClient
from pressrun.comfy.errors import EngineGoneError, PromptRefusedError
from pressrun.comfy.protocol import PromptState, Transition
from pressrun.comfy.server import EngineServer, EngineSpec
from pressrun.core.errors import EngineError

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


@contextlib.asynccontextmanager
async def engine(base: Path, *flags: str) -> AsyncIterator[EngineServer]:
    for name in ("in", "out"):
        (base / name).mkdir()
    argv = (sys.executable, "-m", "pressrun.proof", "--listen", "127.0.0.1", *flags)
    argv += ("--input-directory", str(base / "in"), "--output-directory", str(base / "out"))
    server = EngineServer(EngineSpec(argv=argv, cwd=base, log=base / "engine.log", ready_seconds=60))
    await server.start()
    try:
        yield server
    finally:
        server.kill()


class Wire:
    """A loopback relay that can drop every connection that is open, as a flaky network does, or swallow what comes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.deaf: set[asyncio.StreamWriter] = set()
        self.upgraded: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        for task in self._pumps:
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink, client=writer))
            self._pumps.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, client: Any) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if data.startswith(b"GET /ws"):
                    self.upgraded.append(client)
                if client in self.deaf and sink is client:
                    continue
                sink.write(data)
                await sink.drain()
        sink.close()

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def deafen(self) -> None:
        """The newest websocket stays open and hears nothing any more."""
        self.deaf.add(self.upgraded[-1])


def graph(seed: int) -> dict[str, Any]:
    made = copy.deepcopy(shards.GRAPH)
    made["2"]["inputs"]["seed"] = seed
    made["4"]["inputs"]["filename_prefix"] = f"t/{seed}"
    return made


async def ended(inbox: asyncio.Queue[Transition | EngineError], count: int, seconds: float = 120) -> list[Transition]:
    found: list[Transition] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            event = await inbox.get()
            if isinstance(event, EngineError):
                raise event
            if event.what in ("finished", "lost"):
                found.append(event)
    return found


async def test_a_socket_lost_in_mid_prompt_is_reopened_and_nothing_is_missed(tmp_path: Path) -> None:
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    async with engine(tmp_path, "--latency-ms", "600") as server, Wire(server.port) as relay:  # noqa: SIM117
        async with ComfyClient(f"http://127.0.0.1:{relay.port}", inbox.put_nowait) as client:
            ids = [wire.prompt_id("s", str(seed), 1) for seed in range(3)]
            for seed, prompt_id in enumerate(ids):
                await client.submit(prompt_id, graph(seed))
            await asyncio.sleep(0.3)
            relay.drop()
            events = await ended(inbox, 3)
            assert client.reconnects == 1
            assert [event.prompt.id for event in events] == ids
            for event in events:
                assert event.prompt.outcome == "success"
                (ref,) = event.prompt.outputs
                assert (tmp_path / "out" / ref.subfolder / ref.filename).is_file()


async def test_a_socket_that_hears_nothing_is_noticed_and_replaced(tmp_path: Path) -> None:
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    async with engine(tmp_path) as server, Wire(server.port) as relay:  # noqa: SIM117
        async with ComfyClient(f"http://127.0.0.1:{relay.port}", inbox.put_nowait, stall_seconds=2) as client:
            relay.deafen()
            await client.submit(wire.prompt_id("s", "a", 1), graph(1))
            (event,) = await ended(inbox, 1)
            assert event.prompt.outcome == "success"
            async with asyncio.timeout(120):
                while client.reconnects == 0:  # noqa: ASYNC110 - the client tells nobody that it reconnected
                    await asyncio.sleep(0.05)
            await client.submit(wire.prompt_id("s", "b", 1), graph(2))
            (event,) = await ended(inbox, 1)
            assert event.prompt.outcome == "success"
            assert not event.prompt.patchy


async def test_history_is_deleted_in_batches_and_the_rest_on_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "HISTORY_BATCH", 2)
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    one, two, three = (wire.prompt_id("s", name, 1) for name in "abc")
    async with engine(tmp_path) as server:
        async with ComfyClient(server.base_url, inbox.put_nowait) as client:
            for number, prompt_id in enumerate((one, two, three)):
                await client.submit(prompt_id, graph(number))
            await ended(inbox, 3)
            client.consumed(one)
            assert one not in client.book
            assert (await client.look_up(one)).status == "success"
            client.consumed(two)
            async with asyncio.timeout(120):
                while (await client.look_up(two)).status != "unknown":  # noqa: ASYNC110 - nobody is told of it
                    await asyncio.sleep(0.02)
            assert (await client.look_up(one)).status == "unknown"
            client.consumed(three)
            assert (await client.look_up(three)).status == "success"
        async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as http:
            assert (await http.get("/history")).json() == {}


async def test_a_refused_prompt_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    async with engine(tmp_path) as server, ComfyClient(server.base_url, inbox.put_nowait) as client:
        wrong = graph(1)
        wrong["1"]["inputs"]["width"] = 99_999
        with pytest.raises(PromptRefusedError) as caught:
            await client.submit(wire.prompt_id("s", "a", 1), wrong)
        assert (caught.value.failure.kind, caught.value.failure.node) == ("validation", "1")
        half = graph(2)
        half["5"] = {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}
        with pytest.raises(PromptRefusedError, match="filename_prefix"):
            await client.submit(wire.prompt_id("s", "b", 1), half)
        assert client.book.open == []


async def test_a_killed_engine_is_told_at_once(tmp_path: Path) -> None:
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    async with engine(tmp_path, "--latency-ms", "5000") as server:
        alive = lambda: server.alive  # noqa: E731
        async with ComfyClient(server.base_url, inbox.put_nowait, alive=alive) as client:
            await client.submit(wire.prompt_id("s", "a", 1), graph(1))
            await asyncio.sleep(0.2)
            server.kill()
            with pytest.raises(EngineGoneError, match="process ended"):
                await ended(inbox, 1, seconds=10)


async def test_stopping_interrupts_first_so_that_no_file_is_cut(tmp_path: Path) -> None:
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    async with engine(tmp_path, "--latency-ms", "3000") as server:
        async with ComfyClient(server.base_url, inbox.put_nowait) as client:
            for seed in range(3):
                await client.submit(wire.prompt_id("s", str(seed), 1), graph(seed))
            await asyncio.sleep(0.3)
            await server.stop()
            assert not server.alive
            first = client.book.get(wire.prompt_id("s", "0", 1))
            assert first is not None
            assert first.outcome == "interrupted" or first.state is PromptState.LOST
        assert list((tmp_path / "out").rglob("*.png")) == []


async def test_an_engine_that_cannot_start_shows_its_last_words(tmp_path: Path) -> None:
    server = EngineServer(
        EngineSpec(argv=(sys.executable, "-c", "raise SystemExit('no such device')"), cwd=tmp_path, log=tmp_path / "l")
    )
    with pytest.raises(EngineGoneError, match="no such device"):
        await server.start()

"""The client of one engine: HTTP for orders, one websocket for news, and a book of prompts between them.

The socket is open before the first POST, because messages are not replayed. There is never a second socket with the
same client id: when the older of two closes, the server drops the id and the newer goes silent for good. The reader
does nothing but parse and hand on, because a socket that does not read stalls every client of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from pressrun.comfy import wire
from pressrun.comfy.errors import EngineGoneError, EngineStalledError, PromptRefusedError, refusal
from pressrun.comfy.protocol import Prompt, PromptBook, PromptState, Transition
from pressrun.comfy.wire import JobView
from pressrun.core.errors import EngineError

RECONNECT_PAUSE = 0.5
RECONNECT_TRIES = 6
HTTP_TIMEOUT = 30.0
# Ended prompts that the engine's history may hold before they are deleted together: 7 kB each, and one request for all
# of them. A request for each would take the interpreter from the engine's worker once for every picture.
HISTORY_BATCH = 50

Deliver = Callable[[Transition | EngineError], None]


class ComfyClient:
    """Posts prompts and delivers their transitions; `deliver` is called in the event loop and must not block.

    `alive` tells whether the engine's process is there at all, so that nobody waits for a dead one.
    An EngineError is delivered once, when the engine is gone or its worker is dead; after that the client is of no use.
    """

    def __init__(
        self,
        base_url: str,
        deliver: Deliver,
        *,
        stall_seconds: float = 120.0,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._deliver = deliver
        self._stall_seconds, self._alive = stall_seconds, alive
        self._client_id = uuid.uuid4().hex
        self._http = httpx.AsyncClient(
            base_url=self._base_url, timeout=HTTP_TIMEOUT, trust_env=False, limits=httpx.Limits(max_connections=8)
        )
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._ended: list[str] = []
        self._closing = self._failed = False
        self.reconnects = 0
        self.book = PromptBook()

    async def __aenter__(self) -> ComfyClient:
        try:
            await self._open_socket()
        except EngineError:
            await self._http.aclose()
            raise
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for task in (*self._tasks, *self._errands):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._errands, return_exceptions=True)
        await self._close_socket()
        if not self._failed and self._alive():
            await self._sweep()
        await self._http.aclose()

    # -- orders ---------------------------------------------------------------------------------------------------

    async def submit(
        self,
        prompt_id: str,
        graph: Mapping[str, Any],
        extra: Mapping[str, Any] | None = None,
        *,
        patience: float = 0.0,
    ) -> Prompt:
        """Queue a graph under this prompt id. PromptRefusedError where the engine does not accept all of it.

        `patience` is how many seconds it may run in silence, where that is more than the client's stall time.
        """
        prompt = self.book.add(prompt_id, time.monotonic())
        prompt.patience = patience
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": self._client_id}
        if extra:
            body["extra_data"] = {"extra_pnginfo": dict(extra)}
        try:
            answer = await self._request("POST", "/prompt", json=body)
        except EngineGoneError:
            self.book.forget(prompt_id)
            raise
        content = wire.loads(answer.content)
        failure = refusal(answer.status_code, content)
        if failure is not None:
            self.book.forget(prompt_id)
            if answer.status_code == 200:
                await self.cancel(prompt_id)  # its other outputs would run although the item has failed
            raise PromptRefusedError(failure, where=f"POST {self._base_url}/prompt")
        return prompt

    async def cancel(self, prompt_id: str) -> None:
        """Take a prompt out of the queue, or interrupt it if it runs; does nothing to others."""
        await self._request("POST", "/queue", json={"delete": [prompt_id]})
        await self._request("POST", "/interrupt", json={"prompt_id": prompt_id})

    async def clear(self) -> None:
        """Empty the queue and interrupt what runs."""
        await self._request("POST", "/queue", json={"clear": True})
        await self._request("POST", "/interrupt", json={})

    async def free(self) -> None:
        """Ask the engine to unload models and drop caches before its next prompt."""
        await self._request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def consumed(self, prompt_id: str) -> None:
        """Forget an ended prompt: here at once, in the engine's history together with its next neighbours.

        The history would otherwise grow without end; what is left of it goes when the client closes.
        """
        self.book.forget(prompt_id)
        self._ended.append(prompt_id)
        if len(self._ended) >= HISTORY_BATCH:
            self._run_errand(self._sweep())

    async def _sweep(self) -> None:
        ended, self._ended = self._ended, []
        if ended:
            with contextlib.suppress(EngineGoneError):  # an engine that is gone has no history either
                await self._request("POST", "/history", json={"delete": ended})

    async def system_stats(self) -> dict[str, Any]:
        """GET /system_stats; EngineError where the answer is not what the protocol says."""
        answer = await self._request("GET", "/system_stats")
        content = wire.loads(answer.content)
        if answer.status_code != 200 or not isinstance(content, dict) or "system" not in content:
            raise EngineError(f"HTTP {answer.status_code} without system figures", where=str(answer.url))
        return content

    async def knows(self, class_type: str) -> bool:
        """Whether the engine has a node of this class."""
        answer = await self._request("GET", f"/object_info/{class_type}")
        content = wire.loads(answer.content)
        return answer.status_code == 200 and isinstance(content, dict) and class_type in content

    async def look_up(self, prompt_id: str) -> JobView:
        """What the engine's books say of a prompt: /api/jobs, or /history where the engine is older than that."""
        answer = await self._request("GET", f"/api/jobs/{prompt_id}")
        view = wire.job_view(answer.status_code, wire.loads(answer.content))
        if view is not None:
            return view
        answer = await self._request("GET", f"/history/{prompt_id}")
        view = wire.history_view(wire.loads(answer.content), prompt_id)
        if view.status != "unknown":
            return view
        # History does not tell "queued" and "running" from "never heard of it"; the queue does.
        answer = await self._request("GET", "/queue")
        queue = wire.loads(answer.content) or {}
        for name, status in (("queue_running", "running"), ("queue_pending", "pending")):
            if any(len(entry) > 1 and entry[1] == prompt_id for entry in queue.get(name, ())):
                return JobView("running" if status == "running" else "pending")
        return view

    async def _request(self, method: str, path: str, *, json: Any = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=json)
        except httpx.HTTPError as exc:
            raise EngineGoneError(
                f"{method} {path}: {type(exc).__name__}: {exc}", where=self._base_url, remedy="the engine is restarted"
            ) from exc

    # -- news -----------------------------------------------------------------------------------------------------

    async def _open_socket(self) -> None:
        address = self._base_url.replace("http", "ws", 1) + f"/ws?clientId={self._client_id}"
        try:
            # No size limit: an execution_error may hold the whole graph; no pings: the server answers while it works.
            self._socket = await websockets.connect(
                address, max_size=None, max_queue=None, ping_interval=None, compression=None, proxy=None
            )
        except (OSError, websockets.WebSocketException, TimeoutError) as exc:
            raise EngineGoneError(f"no websocket: {type(exc).__name__}: {exc}", where=address) from exc

    async def _close_socket(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                await socket.close()

    async def _read(self) -> None:
        while not self._closing:
            assert self._socket is not None
            try:
                async for raw in self._socket:
                    self._take(raw)
            except websockets.ConnectionClosed:
                pass
            if self._closing or not await self._reopen():
                return

    def _take(self, raw: str | bytes) -> None:
        now = time.monotonic()
        if isinstance(raw, bytes):  # previews and texts: a sign of life, nothing more
            self.book.last_activity = now
            return
        try:
            message = wire.parse_text(raw)
        except EngineError as exc:
            self._fail(exc)
            return
        if message is None:
            self.book.last_activity = now
            return
        for transition in self.book.feed(message, now):
            if transition.what == "unsure":
                self._run_errand(self._reconcile([transition.prompt.id]))
            else:
                self._deliver(transition)

    def _run_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _reopen(self) -> bool:
        """Close fully, wait, open again, then ask for what was missed. False where the engine is gone."""
        await self._close_socket()
        for attempt in range(RECONNECT_TRIES):
            await asyncio.sleep(RECONNECT_PAUSE * (1 + attempt / 2) if self._alive() else 0)
            if self._closing:
                return False
            if not self._alive():
                break
            with contextlib.suppress(EngineGoneError):
                await self._open_socket()
                self.reconnects += 1
                self.book.gap()
                await self._reconcile([prompt.id for prompt in self.book.open])
                return True
            if self._failed:
                return False
        why = "the websocket closed and cannot be opened again" if self._alive() else "the engine's process ended"
        self._fail(EngineGoneError(why, where=self._base_url))
        return False

    async def _reconcile(self, prompt_ids: list[str]) -> None:
        try:
            for prompt_id in prompt_ids:
                view = await self.look_up(prompt_id)
                for transition in self.book.settle(prompt_id, view, time.monotonic()):
                    self._deliver(transition)
        except EngineGoneError as exc:
            self._fail(exc)

    async def _watch(self) -> None:
        """The watchdog: a silent socket, or a worker thread that died while the server goes on answering."""
        while not self._failed:
            await asyncio.sleep(min(1.0, self._stall_seconds / 4))
            waiting = self.book.open
            # The engine works in order: it is the oldest that it is silent about.
            patience = max([self._stall_seconds, *(prompt.patience for prompt in waiting[:1])])
            if not waiting or time.monotonic() - self.book.last_activity < patience:
                continue
            await self._reconcile([prompt.id for prompt in waiting])
            if any(prompt.state.ended for prompt in waiting):
                # The engine worked on and told nobody: this socket is dead although it is open.
                if self._socket is not None:
                    await self._socket.close()
                self.book.last_activity = time.monotonic()
            elif not self._failed:
                self._fail(self._stalled(waiting))

    def _stalled(self, waiting: list[Prompt]) -> EngineStalledError:
        running = next((prompt for prompt in waiting if prompt.state is not PromptState.QUEUED), waiting[0])
        place = f"node {running.node}" if running.node else "before its first node"
        return EngineStalledError(
            f"no news for {self._stall_seconds:.0f} s of prompt {running.id} ({place}), {len(waiting)} waiting",
            where=self._base_url,
            remedy="the engine is restarted and the prompts are sent again",
        )

    def _fail(self, error: EngineError) -> None:
        if not (self._failed or self._closing):
            self._failed = True
            self._deliver(error)

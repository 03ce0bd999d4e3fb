"""One graph on a server that somebody else runs: posted, waited for, told how it went. For checks, not for jobs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pressrun.comfy.client import ComfyClient
from pressrun.comfy.errors import Failure, PromptRefusedError
from pressrun.comfy.protocol import Prompt, Transition
from pressrun.comfy.wire import OutputRef
from pressrun.core.errors import EngineError


@dataclass(frozen=True, slots=True)
class Trial:
    """How a graph went. `outcome`: success, error, interrupted, refused or timeout; seconds by the server's clock."""

    outcome: str
    seconds: float
    failure: Failure | None = None
    outputs: tuple[OutputRef, ...] = ()
    cached: tuple[str, ...] = ()
    node_seconds: Mapping[str, float] | None = None

    @property
    def good(self) -> bool:
        return self.outcome == "success"


async def try_graph(base_url: str, graph: Mapping[str, Any], *, timeout_seconds: float = 120.0) -> Trial:
    """Run a graph and wait for its end. EngineError where the server is gone or falls silent.

    A prompt that takes longer than `timeout_seconds` is cancelled; its outcome is then "timeout".
    """
    inbox: asyncio.Queue[Transition | EngineError] = asyncio.Queue()
    prompt_id = str(uuid.uuid4())
    async with ComfyClient(base_url, inbox.put_nowait, stall_seconds=timeout_seconds) as client:
        try:
            prompt = await client.submit(prompt_id, graph)
        except PromptRefusedError as exc:
            return Trial("refused", 0.0, exc.failure)
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    event = await inbox.get()
                    if isinstance(event, EngineError):
                        raise event
                    if event.what == "lost":
                        raise EngineError("the server forgot the prompt: was it restarted?", where=base_url)
                    if event.what == "finished":
                        break
        except TimeoutError:
            await client.cancel(prompt_id)
            return Trial("timeout", timeout_seconds, Failure("timeout", f"no end after {timeout_seconds:.0f} s"))
        client.consumed(prompt_id)
        return _trial(prompt)


def _trial(prompt: Prompt) -> Trial:
    return Trial(
        outcome=prompt.outcome or "error",
        seconds=prompt.seconds or 0.0,
        failure=prompt.failure,
        outputs=tuple(prompt.outputs),
        cached=prompt.cached,
        node_seconds=dict(prompt.node_seconds),
    )


async def view(base_url: str, ref: OutputRef) -> bytes:
    """The bytes of an output through GET /view. EngineError where the server does not give them."""
    query = {"filename": ref.filename, "subfolder": ref.subfolder, "type": ref.type}
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=30.0, trust_env=False) as http:
            answer = await http.get("/view", params=query)
    except httpx.HTTPError as exc:
        raise EngineError(f"GET /view: {type(exc).__name__}: {exc}", where=base_url) from exc
    if answer.status_code != 200:
        raise EngineError(f"HTTP {answer.status_code} for output {ref.filename}", where=str(answer.url))
    return answer.content

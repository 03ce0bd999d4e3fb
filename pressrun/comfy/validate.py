"""One graph held against a server's own validation: posted, and taken from the queue again before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from pressrun.comfy.errors import Failure, refusal
from pressrun.core.errors import EngineError

SECONDS = 60.0


async def validate_graph(base_url: str, graph: Mapping[str, Any]) -> Failure | None:
    """What the server says against a graph, None where it would run it. EngineError where the server is gone."""
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS, trust_env=False) as http:
            answer = await http.post("/prompt", json={"prompt": graph})
            body = answer.json()
            failure = refusal(answer.status_code, body)
            if failure is None:
                # Only its word is wanted; an engine on a CPU would sample for minutes.
                await http.post("/queue", json={"delete": [body["prompt_id"]]})
                await http.post("/interrupt", json={"prompt_id": body["prompt_id"]})
    except (httpx.HTTPError, ValueError, KeyError) as exc:
        raise EngineError(f"POST /prompt: {type(exc).__name__}: {exc}", where=base_url) from exc
    return failure

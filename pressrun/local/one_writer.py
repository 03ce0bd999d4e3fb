"""Where Airflow's database is SQLite, its API server answers one writing request at a time.

Airflow's audit log is committed on the event loop, before the route itself runs in a thread. SQLite has one writer:
while another request's thread holds the write lock, that commit blocks the loop, and the thread needs the loop to
finish and let go of the lock. Two triggers at the same moment then hang the whole server until SQLite gives up waiting,
and one of them fails. In turns neither happens. Other databases have no such lock and get no such middleware.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OneWriter:
    """ASGI middleware. Requests below `apart` (a path prefix) never write to Airflow's database and do not wait."""

    def __init__(self, app: ASGIApp, *, apart: str) -> None:
        self._app, self._apart = app, apart.rstrip("/") + "/"
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READING or scope["path"].startswith(self._apart):
            await self._app(scope, receive, send)
            return
        async with self._turn:
            await self._app(scope, receive, send)

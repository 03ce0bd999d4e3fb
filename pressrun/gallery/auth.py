"""Who is asking, and may they: the gate in front of every byte that the gallery serves.

The gate is ASGI, outside the router: pages, files, documents, unknown paths and odd methods are all behind it, and a
route that is added tomorrow is too. Nothing here knows Airflow.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pressrun.gallery.errors import error_response

log = logging.getLogger(__name__)

Action = Literal["look", "decide"]
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_STATE = "pressrun_user"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class User:
    """The person asking. `id` is what reviewer lists name; `principal` is what the deployment's own auth knows."""

    id: str
    name: str
    principal: object = field(default=None, repr=False)


CurrentUser = Callable[[Request], Awaitable[User]]
"""Who sends this request; raises HTTPException 401 (nobody) or 403 (a credential that is not good)."""

RequireAccess = Callable[[User, str, Action], bool]
"""Whether the user may look at, or decide in, this DAG id. Called in a worker thread; False where in doubt."""


def signed_in(request: Request) -> User:
    """The user the gate let in. Also a dependency of the whole app: without the gate, nothing is served."""
    user = request.scope.get("state", {}).get(_STATE)
    if not isinstance(user, User):
        raise HTTPException(401, "not signed in")
    return user


class Gate:
    """Lets signed-in people through, refuses writes that another site could have sent, and sets security headers."""

    def __init__(self, app: ASGIApp, *, current_user: CurrentUser, origins: Sequence[str]) -> None:
        self._app, self._current_user = app, current_user
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        guarded = _with_headers(send)
        refusal = await self._refusal(request)
        if refusal is not None:
            await error_response(request, *refusal)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    async def _refusal(self, request: Request) -> tuple[int, str] | None:
        try:
            user = await self._current_user(request)
        except HTTPException as exc:
            return (exc.status_code if exc.status_code in (401, 403) else 401), "sign in to Airflow first"
        except Exception:
            log.exception("the deployment's authentication failed; refusing the request")
            return 401, "sign in to Airflow first"
        if not isinstance(user, User) or not user.id:
            return 401, "sign in to Airflow first"
        # A copy: the outer app shares its state dict with this mount.
        request.scope["state"] = {**request.scope.get("state", {}), _STATE: user}
        return None if request.method in _SAFE_METHODS else self._cross_site(request)

    def _cross_site(self, request: Request) -> tuple[int, str] | None:
        """A session cookie travels with forged requests, so a write must prove that our own page sent it."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "send application/json"
        origin = request.headers.get("origin")
        if origin is None:
            # Scripts send a bearer token, which no other site can make a browser add.
            bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
            return None if bearer else (403, "a request without Origin needs a bearer token")
        own = origin in self._origins or urlsplit(origin).netloc == request.headers.get("host", "")
        return None if own and origin != "null" else (403, "this request came from another site")


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded

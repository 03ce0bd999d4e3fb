"""The app factory. Authentication comes as arguments and has no default: an unauthenticated gallery cannot be built."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from pressrun.core.errors import PressrunError
from pressrun.gallery import api, files, pages
from pressrun.gallery.auth import CurrentUser, Gate, RequireAccess, signed_in
from pressrun.gallery.desk import ReviewDesk
from pressrun.gallery.errors import NOT_FOUND, on_http_error, on_pressrun_error, on_validation_error
from pressrun.steps.workspace import Workspace


def create_app(
    *,
    workspace: Callable[[], Workspace],
    current_user: CurrentUser,
    require_access: RequireAccess,
    origins: Sequence[str] = (),
) -> FastAPI:
    """The gallery as an ASGI app, to be mounted anywhere.

    `workspace` is called for every request and should return the same object every time. `current_user` says who asks
    and `require_access` whether they may look at, or decide in, a DAG id; on top of that, only people on the campaign's
    reviewer list decide. `origins` are further origins ("https://airflow.example.com") that the pages may be served
    from, for proxies that change the Host header.
    """
    app = FastAPI(
        title="Pressrun gallery",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # The gate below is what keeps strangers out; this keeps the router shut if it should ever be taken away.
        dependencies=[Depends(signed_in)],
    )
    app.state.desk = ReviewDesk(workspace)
    app.state.require_access = require_access
    for router in (api.router, files.router, pages.router):
        app.include_router(router)
    app.add_api_route(
        "/{path:path}",
        _nothing_here,
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        include_in_schema=False,
    )
    app.add_exception_handler(PressrunError, on_pressrun_error)
    app.add_exception_handler(StarletteHTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_middleware(Gate, current_user=current_user, origins=origins)
    return app


def _nothing_here() -> None:
    """Unknown paths and methods alike."""
    raise HTTPException(404, NOT_FOUND)

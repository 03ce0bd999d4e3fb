"""Errors as answers: JSON for programs, a small page for people; what is missing and what is not yours look alike."""

from __future__ import annotations

from html import escape

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from pressrun.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError, PressrunError

NOT_FOUND = "there is nothing here, or it is not yours to see"
_STATUS: tuple[tuple[type[PressrunError], int], ...] = (
    (NotFoundError, 404),
    (NotAllowedError, 403),
    (ConflictError, 409),
    (InputError, 422),
)


def status_of(error: PressrunError) -> int:
    """The HTTP status of an error; 503 for what only an operator can mend."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def body_of(error: PressrunError) -> dict[str, str | None]:
    """What an API client is told. No places: object keys are not for clients."""
    status = status_of(error)
    if status == 404:
        return {"error": NOT_FOUND, "remedy": None}
    if status == 503:
        return {"error": "the object store did not answer", "remedy": "try again in a moment"}
    return {"error": error.message, "remedy": error.remedy}


def error_response(request: Request, status: int, message: str, remedy: str | None = None) -> Response:
    """JSON, or a page where the asker is a browser that wants one."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    if "text/html" in request.headers.get("accept", ""):
        text = f"<!doctype html><meta charset=utf-8><title>{status}</title><p>{escape(message)}</p>"
        return HTMLResponse(text, status, headers)
    return JSONResponse({"error": message, "remedy": remedy}, status, headers)


def not_found() -> HTTPException:
    """The one 404, whether a thing does not exist or may not be seen."""
    return HTTPException(404, NOT_FOUND)


async def on_pressrun_error(request: Request, error: Exception) -> Response:
    """Handler for errors raised on purpose."""
    assert isinstance(error, PressrunError)
    body = body_of(error)
    return error_response(request, status_of(error), str(body["error"]), body["remedy"])


async def on_http_error(request: Request, error: Exception) -> Response:
    """Handler for HTTPException, Starlette's own 404 and 405 among them."""
    assert isinstance(error, StarletteHTTPException)
    return error_response(request, error.status_code, str(error.detail))


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Handler for a malformed request; names fields, never echoes what was sent."""
    assert isinstance(error, RequestValidationError)
    places = "; ".join(".".join(str(part) for part in item["loc"]) + ": " + item["msg"] for item in error.errors()[:5])
    return error_response(request, 422, f"malformed request: {places}")

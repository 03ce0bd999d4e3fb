"""Bytes: pictures of a round, its contact sheet, the page's own files. Through the app, never by presigned URL."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from pressrun.core import keys
from pressrun.core.codec import sha256_hex
from pressrun.core.collection import CollectedItem
from pressrun.core.errors import ConflictError, NotFoundError
from pressrun.gallery.access import Seat, seat
from pressrun.gallery.errors import not_found

router = APIRouter()
Here = Annotated[Seat, Depends(seat)]

# Nothing else is ever served as a picture: no SVG, no HTML that calls itself one.
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
STATIC = {
    "app.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "gallery.js": "text/javascript; charset=utf-8",
    "gallery-model.js": "text/javascript; charset=utf-8",
    "gallery-cards.js": "text/javascript; charset=utf-8",
    "gallery-panels.js": "text/javascript; charset=utf-8",
}
_PRIVATE = "private, max-age=86400"


@router.get("/static/{name}")
def get_static(request: Request, name: str) -> Response:
    """One of the page's own files, by exact name."""
    if name not in STATIC:
        raise not_found()
    data = files("pressrun.gallery").joinpath("static", name).read_bytes()
    return _answer(request, data, STATIC[name], etag=sha256_hex(data)[:32], cache="private, no-cache")


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/image")
def get_image(request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str) -> Response:
    """The picture itself, exactly the bytes that a decision will name; 409 where the stored bytes are others."""
    item = here.item(here.round(campaign, run_key, number).round, item_id)
    if item.image_uri is None or item.sha256 is None or item.media_type not in PICTURES:
        raise not_found()
    unchanged = _not_modified(request, item.sha256)
    if unchanged:
        return unchanged
    data = _read(here, item.image_uri)
    if sha256_hex(data) != item.sha256:
        raise ConflictError(
            "the stored picture is not the one that was collected", where=item.label, remedy="do not review this item"
        )
    return _picture(request, item, data, item.media_type, etag=item.sha256)


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/thumb")
def get_thumb(request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str) -> Response:
    """The thumbnail, or the picture where there is none."""
    item = here.item(here.round(campaign, run_key, number).round, item_id)
    if item.thumb_uri is None:
        return get_image(request, here, campaign, run_key, number, item_id)
    etag = f"{item.sha256}-thumb"
    return _not_modified(request, etag) or _picture(request, item, _read(here, item.thumb_uri), "image/webp", etag=etag)


@router.get("/api/rounds/{campaign}/{run_key}/{number}/contact-sheet")
def get_contact_sheet(request: Request, here: Here, campaign: str, run_key: str, number: int) -> Response:
    """The round's contact sheet, one JPEG."""
    here.round(campaign, run_key, number)
    try:
        data = here.desk.ws.work.get(keys.contact_sheet(campaign, run_key, number))
    except NotFoundError:
        raise not_found() from None
    return _answer(request, data, "image/jpeg", etag=sha256_hex(data)[:32], cache=_PRIVATE)


def _read(here: Seat, uri: str) -> bytes:
    """Bytes of the work bucket by a collection's own URI; a URI into any other bucket is not served."""
    ws = here.desk.ws
    store, key = ws.store_of(uri)
    if store is not ws.work:
        raise not_found()
    try:
        return store.get(key)
    except NotFoundError:
        raise not_found() from None


def _picture(request: Request, item: CollectedItem, data: bytes, media_type: str, *, etag: str) -> Response:
    answer = _answer(request, data, media_type, etag=etag, cache=_PRIVATE)
    # A file name made of the id alone: axis values are authored and stay out of headers.
    answer.headers["Content-Disposition"] = f'inline; filename="{item.item_id}.{PICTURES[media_type]}"'
    return answer


def _answer(request: Request, data: bytes, media_type: str, *, etag: str, cache: str) -> Response:
    unchanged = _not_modified(request, etag)
    if unchanged:
        unchanged.headers["Cache-Control"] = cache
        return unchanged
    return Response(data, media_type=media_type, headers={"ETag": f'"{etag}"', "Cache-Control": cache})


def _not_modified(request: Request, etag: str) -> Response | None:
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return (
        Response(status_code=304, headers={"ETag": f'"{etag}"', "Cache-Control": _PRIVATE})
        if f'"{etag}"' in known
        else None
    )

"""Bytes: pictures of a round, its contact sheet, the page's own files. Through the app, never by presigned URL."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from pressrun.core import keys
from pressrun.core.codec import sha256_hex
from pressrun.core.collection import CollectedItem
from pressrun.core.errors import ConflictError, NotFoundError
from pressrun.core.graph_svg import DARK_STYLE
from pressrun.core.media import DELIVERED
from pressrun.core.render import RenderedFile
from pressrun.gallery.access import Seat, seat
from pressrun.gallery.errors import not_found
from pressrun.gallery.runs import run_page

router = APIRouter()
Here = Annotated[Seat, Depends(seat)]

# Nothing else is ever served: no SVG, no HTML that calls itself a picture.
SERVED = {"image/jpeg": "jpg", **DELIVERED}
STATIC = {
    "app.css": "text/css; charset=utf-8",
    "workflow.css": "text/css; charset=utf-8",
    "plan.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "gallery.js": "text/javascript; charset=utf-8",
    "gallery-model.js": "text/javascript; charset=utf-8",
    "gallery-cards.js": "text/javascript; charset=utf-8",
    "gallery-panels.js": "text/javascript; charset=utf-8",
}
_PRIVATE = "private, max-age=86400"
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@router.get("/static/{name}")
def get_static(request: Request, name: str) -> Response:
    """One of the page's own files, by exact name."""
    if name not in STATIC:
        raise not_found()
    # A drawing's colours are told once, where it is drawn: within a page, its policy forbids a style in the picture.
    own = name != "workflow.css"
    data = files("pressrun.gallery").joinpath("static", name).read_bytes() if own else DARK_STYLE.encode()
    return _answer(request, data, STATIC[name], etag=sha256_hex(data)[:32], cache="private, no-cache")


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/image")
def get_image(request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str) -> Response:
    """The file that stands for the item; see `files`."""
    return get_file(request, here, campaign, run_key, number, item_id, 0)


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/thumb")
def get_thumb(request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str) -> Response:
    """The thumbnail of that file."""
    return get_file_thumb(request, here, campaign, run_key, number, item_id, 0)


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/files/{part}")
def get_file(
    request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str, part: int
) -> Response:
    """A file of an item, exactly the bytes that a decision binds; 409 where the stored bytes are others.

    One byte range is honoured: a browser asks for them to move inside a film or a sound.
    """
    item, file = _file(here, campaign, run_key, number, item_id, part)
    if file.media_type not in SERVED:
        raise not_found()
    unchanged = _not_modified(request, file.sha256)
    if unchanged:
        return unchanged
    data = _read(here, file.image_uri)
    if sha256_hex(data) != file.sha256:
        raise ConflictError(
            "the stored file is not the one that was collected", where=item.label, remedy="do not review this item"
        )
    return _ranged(request, _served(request, item, data, file.media_type, etag=file.sha256))


@router.get("/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/files/{part}/thumb")
def get_file_thumb(
    request: Request, here: Here, campaign: str, run_key: str, number: int, item_id: str, part: int
) -> Response:
    """A file's thumbnail: of a film one frame, of a sound its wave. The file itself where a picture has none."""
    item, file = _file(here, campaign, run_key, number, item_id, part)
    if file.thumb_uri is None:
        if not file.media_type.startswith("image/"):
            raise not_found()
        return get_file(request, here, campaign, run_key, number, item_id, part)
    etag = f"{file.sha256}-thumb"
    return _not_modified(request, etag) or _served(request, item, _read(here, file.thumb_uri), "image/webp", etag=etag)


@router.get("/api/rounds/{campaign}/{run_key}/{number}/contact-sheet")
def get_contact_sheet(request: Request, here: Here, campaign: str, run_key: str, number: int) -> Response:
    """The round's contact sheet, one JPEG."""
    here.round(campaign, run_key, number)
    try:
        data = here.desk.ws.work.get(keys.contact_sheet(campaign, run_key, number))
    except NotFoundError:
        raise not_found() from None
    return _answer(request, data, "image/jpeg", etag=sha256_hex(data)[:32], cache=_PRIVATE)


@router.get("/dags/{dag_id}/runs/{run_id}/canary.jpg")
def get_canary(request: Request, here: Here, dag_id: str, run_id: str, edition: str | None = None) -> Response:
    """The canary's pictures on one sheet, of the run's newest edition unless another is asked for."""
    page = run_page(here, dag_id, run_id, edition)
    try:
        data = here.desk.ws.work.get(keys.canary_sheet(page.run_key or ""))
    except NotFoundError:
        raise not_found() from None
    return _answer(request, data, "image/jpeg", etag=sha256_hex(data)[:32], cache="private, no-cache")


def _file(
    here: Seat, campaign: str, run_key: str, number: int, item_id: str, part: int
) -> tuple[CollectedItem, RenderedFile]:
    item = here.item(here.round(campaign, run_key, number).round, item_id)
    if not 0 <= part < len(item.files):
        raise not_found()
    return item, item.files[part]


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


def _served(request: Request, item: CollectedItem, data: bytes, media_type: str, *, etag: str) -> Response:
    answer = _answer(request, data, media_type, etag=etag, cache=_PRIVATE)
    # A file name made of the id alone: axis values are authored and stay out of headers.
    answer.headers["Content-Disposition"] = f'inline; filename="{item.item_id}.{SERVED[media_type]}"'
    return answer


def _ranged(request: Request, whole: Response) -> Response:
    """The part that was asked for, where it is one plain range of the whole; otherwise the whole."""
    whole.headers["Accept-Ranges"] = "bytes"
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    total = len(whole.body)
    if asked is None or asked[0] == "bytes=-":
        return whole
    first, last = asked[1], asked[2]
    start = int(first) if first else max(0, total - int(last))
    end = min(total, int(last) + 1) if first and last else total
    if start >= end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{total}"})
    headers = {name: value for name, value in whole.headers.items() if name != "content-length"}
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    return Response(bytes(whole.body[start:end]), 206, headers=headers)


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

"""/view and /upload: files in and out."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pressrun.proof.files import inside, write_atomically
from pressrun.proof.press import empty, json_response, press_of

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif"}
MAXIMUM_UPLOAD = 104_857_600


async def get_view(request: Request) -> Response:
    query = request.query_params
    name = query.get("filename", "")
    if not name:
        return empty(404)
    if name.startswith("/") or ".." in name:
        return empty(400)
    root = press_of(request).folders.of(query.get("type", "output"))
    folder = inside(root, query.get("subfolder", "")) if root is not None else None
    if folder is None:
        return empty(400 if root is None else 403)
    path = folder / Path(name).name
    if not path.is_file():
        return empty(404)
    if "preview" in query:
        return _preview(path, query["preview"])
    kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, media_type=kind, headers={"Content-Disposition": f'filename="{path.name}"'})


def _preview(path: Path, wanted: str) -> Response:
    """ "webp;80": the picture in another format and quality."""
    kind, _, quality = wanted.partition(";")
    kind = kind if kind in {"webp", "jpeg"} else "webp"
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB" if kind == "jpeg" else image.mode).save(stream, kind, quality=int(quality or 90))
    return Response(stream.getvalue(), media_type=f"image/{kind}")


async def post_upload(request: Request) -> Response:
    """Store a file; the same bytes keep their name, other bytes get the next free one unless `overwrite` says true."""
    fields = _multipart(request.headers.get("content-type", ""), await request.body())
    name, data = fields.get("image", ("", b""))
    if not name or len(data) > MAXIMUM_UPLOAD:
        return empty(400)
    kind = fields.get("type", ("", b"input"))[1].decode()
    subfolder = fields.get("subfolder", ("", b""))[1].decode()
    root = press_of(request).folders.of(kind)
    folder = inside(root, subfolder) if root is not None else None
    path = inside(folder, name.replace("/", "%2F")) if folder is not None else None
    if folder is None or path is None or path == folder:
        return empty(400)
    folder.mkdir(parents=True, exist_ok=True)
    if fields.get("overwrite", ("", b""))[1] not in {b"true", b"1"}:
        path = _free_name(path, data)
    write_atomically(path, data)
    return json_response({"name": path.name, "subfolder": subfolder, "type": kind})


async def post_mask(request: Request) -> Response:
    """The original with the uploaded picture's transparency, stored under the uploaded name."""
    fields = _multipart(request.headers.get("content-type", ""), await request.body())
    name, data = fields.get("image", ("", b""))
    reference: dict[str, Any] = json.loads(fields.get("original_ref", ("", b"{}"))[1])
    folders = press_of(request).folders
    root = folders.of(reference.get("type", "output"))
    original = inside(root, f"{reference.get('subfolder', '')}/{reference.get('filename', '')}") if root else None
    target = inside(folders.input, name.replace("/", "%2F")) if name else None
    if original is None or not original.is_file() or target is None:
        return empty(400)
    stream = io.BytesIO()
    with Image.open(original) as opened, Image.open(io.BytesIO(data)) as drawn:
        picture = opened.convert("RGBA")
        picture.putalpha(drawn.convert("RGBA").getchannel("A").resize(picture.size))
        picture.save(stream, "PNG", compress_level=4)
    write_atomically(target, stream.getvalue())
    return json_response({"name": target.name, "subfolder": "", "type": "input"})


def _free_name(path: Path, data: bytes) -> Path:
    trial, number = path, 1
    while trial.exists() and trial.read_bytes() != data:
        trial = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return trial


def _multipart(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """Form fields: name -> (file name or "", bytes)."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, tuple[str, bytes]] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = (part.get_filename() or "", content)
    return fields

"""Harvest: an engine's file becomes the job's: checked, measured, digested, with a thumbnail. Runs in a thread."""

from __future__ import annotations

import hashlib
import mimetypes
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from pressrun.comfy.errors import Failure
from pressrun.comfy.wire import OutputRef
from pressrun.core.errors import EngineError
from pressrun.core.item import Item
from pressrun.core.result import Measurements, OutputFile
from pressrun.runner.atomic import move_atomic, write_atomic
from pressrun.runner.measure import measure, thumbnail
from pressrun.runner.sink import RAW_SUFFIX, read_raw, write_png

_PNG_HEAD, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"
_MEDIA = {".webp": "image/webp", ".flac": "audio/flac", ".opus": "audio/ogg", ".glb": "model/gltf-binary"}
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".apng", ".tif", ".tiff", ".avif"}


class OutputError(EngineError):
    """An engine's output is missing, cut, or not what the item asked for."""

    def __init__(self, message: str, *, node: str | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(kind="output", message=message, node=node)


def wanted(refs: Sequence[OutputRef], nodes: Sequence[str]) -> list[OutputRef]:
    """The files to keep, in a fixed order (an engine's own varies): pictures first, then by the workflow's outputs."""
    order = {node: place for place, node in enumerate(nodes)}
    kept = [ref for ref in refs if ref.type == "output" and (ref.node in order or not order)]
    return sorted(kept, key=lambda ref: (Path(ref.filename).suffix.lower() not in _PICTURES, order.get(ref.node, 0)))


def harvest(
    item: Item,
    refs: Sequence[OutputRef],
    *,
    nodes: Sequence[str],
    engine_output: Path,
    output: Path,
    scratch: Path,
    texts: Mapping[str, str] | None = None,
) -> tuple[OutputFile, ...]:
    """Take all files of an item. The first picture is images/{item_id}.png (or its own suffix), others get a sub-name.

    With `texts`, raw pixels are accepted and become PNG files that hold these text chunks.
    OutputError where there is none, or one is not complete; then nothing of this item is in the output tree but
    perhaps files without a result line, which nobody counts.
    """
    chosen = wanted(refs, nodes)
    if not chosen:
        raise OutputError("the engine reports success without any output file")
    taken = []
    for place, ref in enumerate(chosen):
        source = _locate(ref, engine_output)
        name = item.item_id if place == 0 else f"{item.item_id}-{ref.node}-{place:02d}"
        picture: Image.Image | None
        if texts is not None and source.suffix == RAW_SUFFIX:
            picture = _raw(source, ref)
            source = _encoded(picture, source, texts)
        else:
            picture = _decoded(source, ref) if source.suffix.lower() in _PICTURES else None
        taken.append(_take(item, ref, source, picture, name=name, output=output, scratch=scratch))
    return tuple(taken)


def _locate(ref: OutputRef, engine_output: Path) -> Path:
    root = engine_output.resolve()
    path = (root / ref.subfolder / ref.filename).resolve()
    if not path.is_relative_to(root):
        raise OutputError(f"output {ref.filename!r} lies outside the engine's output folder", node=ref.node)
    if not path.is_file() or path.stat().st_size == 0:
        raise OutputError(f"output {ref.filename!r} is not there", node=ref.node)
    return path


def _take(
    item: Item,
    ref: OutputRef,
    source: Path,
    picture: Image.Image | None,
    *,
    name: str,
    output: Path,
    scratch: Path,
) -> OutputFile:
    suffix = source.suffix.lower()
    width = height = None
    thumb = None
    measurements: Measurements | None = None
    if picture is not None:
        width, height = picture.size
        _check_size(item, width, height, ref)
        measurements = measure(picture)
        thumb = f"thumbs/{name}.webp"
        write_atomic(output / thumb, thumbnail(picture), scratch=scratch)
    digest, size = _digest(source)
    file = f"images/{name}{suffix}"
    move_atomic(source, output / file)
    return OutputFile(
        node=ref.node,
        file=file,
        sha256=digest,
        size=size,
        media_type=media_type(suffix),
        width=width,
        height=height,
        thumb=thumb,
        measurements=measurements,
    )


def media_type(suffix: str) -> str:
    """The media type of a file name's suffix; application/octet-stream where nobody knows."""
    return _MEDIA.get(suffix) or mimetypes.types_map.get(suffix) or "application/octet-stream"


def _check_end(source: Path, ref: OutputRef) -> None:
    # An engine that is killed leaves a cut PNG, which many decoders show without a word.
    with source.open("rb") as file:
        if file.read(8) != _PNG_HEAD:
            return
        file.seek(-12, 2)
        if file.read() != _PNG_END:
            raise OutputError(f"{source.name} is cut: a PNG without its end", node=ref.node)


def _decoded(source: Path, ref: OutputRef) -> Image.Image:
    _check_end(source, ref)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own engine's file; 16k² is allowed
            with Image.open(source) as image:
                image.load()
                return image.copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise OutputError(f"{source.name} cannot be decoded: {exc}", node=ref.node) from exc


def _raw(source: Path, ref: OutputRef) -> Image.Image:
    try:
        return read_raw(source)
    except (OSError, ValueError) as exc:
        raise OutputError(f"{source.name} cannot be read: {exc}", node=ref.node) from exc


def _encoded(picture: Image.Image, source: Path, texts: Mapping[str, str]) -> Path:
    target = source.with_suffix(".png")
    write_png(picture, target, texts)
    source.unlink()
    return target


def _check_size(item: Item, width: int, height: int, ref: OutputRef) -> None:
    """Where an item asks for a size, its picture has it, or that shape larger (a graph may end with an upscaler)."""
    across, down = item.params.get("width"), item.params.get("height")
    if not isinstance(across, int) or not isinstance(down, int) or min(across, down) < 1:
        return
    if width < across or height < down or abs(width * down - height * across) > max(width, height):
        raise OutputError(f"the picture is {width} x {height}, asked for {across} x {down}", node=ref.node)


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size

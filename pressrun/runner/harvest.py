"""Harvest: an engine's file becomes the job's: checked, measured, digested, with a thumbnail. Runs in a thread."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pressrun.comfy.errors import Failure
from pressrun.comfy.wire import OutputRef
from pressrun.core.errors import EngineError
from pressrun.core.item import Item
from pressrun.core.media import Playback, media_type
from pressrun.core.proof_marks import unmarked
from pressrun.core.quality import fits, size_wanted
from pressrun.core.result import Measurements, OutputFile
from pressrun.runner.atomic import move_atomic, write_atomic
from pressrun.runner.footage import PLAYED, Footage, animation, footage
from pressrun.runner.measure import measure, thumbnail
from pressrun.runner.sink import RAW_SUFFIX, Pixels, picture_of, read_raw, write_png

_PNG_HEAD, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".apng", ".tif", ".tiff", ".avif"}


class OutputError(EngineError):
    """An engine's output is missing, cut, or not what the item asked for."""

    def __init__(self, message: str, *, node: str | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(kind="output", message=message, node=node)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was decoded of a file: a picture to know it by, and how it plays where it does."""

    still: Image.Image
    width: int | None
    height: int | None
    playback: Playback | None = None

    @classmethod
    def of(cls, found: Footage) -> _Seen:
        return cls(found.still, found.width, found.height, found.playback)


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
    proof: bool = False,
) -> tuple[OutputFile, ...]:
    """Take all files of an item. The first picture is images/{item_id}.png (or its own suffix), others get a sub-name.

    With `texts`, raw pixels are accepted and become PNG files that hold these text chunks. Of a `proof` is measured
    what its marks leave alone: they are the same on every picture, also on a blank one.
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
        if texts is not None and source.suffix == RAW_SUFFIX:
            pixels = _raw(source, ref)
            picture = picture_of(pixels)
            seen: _Seen | None = _Seen(picture, *picture.size)
            source = _encoded(pixels, source, texts)
        else:
            seen = _seen(source, ref)
        if seen is not None and seen.width and seen.height and place == 0:
            _check_size(item, seen.width, seen.height, ref)
        taken.append(_take(ref, source, seen, name=name, output=output, scratch=scratch, proof=proof))
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
    ref: OutputRef, source: Path, seen: _Seen | None, *, name: str, output: Path, scratch: Path, proof: bool
) -> OutputFile:
    suffix = source.suffix.lower()
    thumb = None
    if seen is not None:
        thumb = f"thumbs/{name}.webp"
        write_atomic(output / thumb, thumbnail(seen.still), scratch=scratch)
    digest, size = _digest(source)
    file = f"images/{name}{suffix}"
    move_atomic(source, output / file)
    return OutputFile(
        node=ref.node,
        file=file,
        sha256=digest,
        size=size,
        media_type=media_type(suffix),
        width=seen.width if seen else None,
        height=seen.height if seen else None,
        thumb=thumb,
        measurements=_measured(seen.still, proof=proof) if seen and seen.width else None,
        playback=seen.playback if seen else None,
    )


def _measured(still: Image.Image, *, proof: bool) -> Measurements:
    return measure(still.crop(unmarked(*still.size)) if proof else still)


def _seen(source: Path, ref: OutputRef) -> _Seen | None:
    """The file, decoded to the end; None for a kind of file that nothing here decodes."""
    suffix = source.suffix.lower()
    if suffix in _PICTURES:
        return _decoded(source, ref)
    if suffix not in PLAYED:
        return None
    try:
        return _Seen.of(footage(source))
    except ValueError as exc:
        raise OutputError(f"{source.name} {exc}", node=ref.node) from exc


def _check_end(source: Path, ref: OutputRef) -> None:
    # An engine that is killed leaves a cut PNG, which many decoders show without a word.
    with source.open("rb") as file:
        if file.read(8) != _PNG_HEAD:
            return
        file.seek(-12, 2)
        if file.read() != _PNG_END:
            raise OutputError(f"{source.name} is cut: a PNG without its end", node=ref.node)


def _decoded(source: Path, ref: OutputRef) -> _Seen:
    _check_end(source, ref)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own engine's file; 16k² is allowed
            with Image.open(source) as image:
                image.load()
                moving = animation(image)
                return _Seen.of(moving) if moving else _Seen(image.copy(), *image.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise OutputError(f"{source.name} cannot be decoded: {exc}", node=ref.node) from exc


def _raw(source: Path, ref: OutputRef) -> Pixels:
    try:
        return read_raw(source)
    except (OSError, ValueError) as exc:
        raise OutputError(f"{source.name} cannot be read: {exc}", node=ref.node) from exc


def _encoded(pixels: Pixels, source: Path, texts: Mapping[str, str]) -> Path:
    target = source.with_suffix(".png")
    write_png(pixels, target, texts)
    source.unlink()
    return target


def _check_size(item: Item, width: int, height: int, ref: OutputRef) -> None:
    wanted = size_wanted(item.params)
    if wanted and not fits(width, height, *wanted):
        raise OutputError(f"the picture is {width} x {height}, asked for {wanted[0]} x {wanted[1]}", node=ref.node)


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size

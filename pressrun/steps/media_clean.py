"""Delivered files of every kind, and what is left out of them: prompts, graphs, comments, whatever a tool left behind.

A still is drawn again from its pixels (core.image_clean). Films and sounds would lose quality by that, so their coded
frames go over as they are, into a new container that holds nothing else: WebP and PNG chunk by chunk from a short list,
everything else through FFmpeg's muxers, one video and one sound stream at most. All of it is deterministic.
"""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from PIL import Image

from pressrun.core.errors import InputError
from pressrun.core.image_clean import FINAL_SOURCE_TYPE, PROOF_KEY, PROOF_SOURCE_TYPE, XMP_KEY, clean_image, xmp
from pressrun.core.media import DELIVERED, Playback

MAX_BYTES = 512 << 20
_MUXERS = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
}
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"acTL", b"fcTL", b"fdAT", b"IDAT"}
_WEBP_KEPT = {b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
_WEBP_HAS_EXIF, _WEBP_HAS_XMP = 0x08, 0x04


@dataclass(frozen=True, slots=True)
class CleanFile:
    """A file ready for delivery. The size is in pixels; None for a sound."""

    data: bytes
    media_type: str
    width: int | None
    height: int | None
    playback: Playback | None = None

    @property
    def extension(self) -> str:
        return DELIVERED[self.media_type]


def clean_file(
    data: bytes,
    *,
    media_type: str,
    size: tuple[int | None, int | None],
    playback: Playback | None,
    identifier: str,
    proof: bool,
    where: str | None = None,
) -> CleanFile:
    """The file without anything but what is seen and heard, and our identifier. The same bytes in give the same out.

    `size` and `playback` are what the runner measured. InputError for a kind that is not delivered, or a damaged file.
    """
    if media_type.startswith("image/") and playback is None:
        still = clean_image(data, identifier=identifier, proof=proof, where=where)
        return CleanFile(still.data, "image/png", still.width, still.height)
    if media_type not in DELIVERED:
        raise InputError(
            f"files of the type {media_type} are not published",
            where=where,
            remedy=f"have the workflow save one of {', '.join(sorted(DELIVERED.values()))}",
        )
    if not 0 < len(data) <= MAX_BYTES:
        raise InputError(f"a file of {len(data)} bytes; at most {MAX_BYTES} are published", where=where)
    source_type = PROOF_SOURCE_TYPE if proof else FINAL_SOURCE_TYPE
    note = xmp(identifier, source_type).encode()
    if media_type == "image/webp":
        clean = _webp(data, note, where)
    elif media_type == "image/png":
        clean = _png(data, note, proof=proof, where=where)
    else:
        comment = " ".join([identifier, source_type, *(["PROOF"] if proof else [])])
        clean = _remuxed(data, _MUXERS[media_type], comment, where)
    return CleanFile(clean, media_type, *size, playback)


def _webp(data: bytes, note: bytes, where: str | None) -> bytes:
    """The RIFF chunks that make the picture, the flags telling the truth, and our XMP at the end."""
    kept: list[bytes] = []
    for name, body in _riff(data, where):
        if name == b"VP8X":
            body = bytes([(body[0] & ~_WEBP_HAS_EXIF) | _WEBP_HAS_XMP]) + body[1:]  # noqa: PLW2901
        if name in _WEBP_KEPT:
            kept.append(_chunk(name, body))
    kept.append(_chunk(b"XMP ", note))
    inside = b"WEBP" + b"".join(kept)
    return _readable(b"RIFF" + struct.pack("<I", len(inside)) + inside, "WEBP", where)


def _riff(data: bytes, where: str | None) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise InputError("is not a WebP", where=where)
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise InputError("is a WebP that was cut", where=where)
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _png(data: bytes, note: bytes, *, proof: bool, where: str | None) -> bytes:
    """The chunks that make the picture, each with its checksum, and ours in front of the last."""
    parts = [_PNG_HEAD]
    for name, body in _png_chunks(data, where):
        if name in _PNG_KEPT:
            parts.append(_png_chunk(name, body))
    if proof:
        parts.append(_png_chunk(b"tEXt", PROOF_KEY.encode() + b"\0proof"))
    parts.append(_png_chunk(b"iTXt", XMP_KEY.encode() + b"\0\0\0\0\0" + note))
    parts.append(_png_chunk(b"IEND", b""))
    return _readable(b"".join(parts), "PNG", where)


def _png_chunks(data: bytes, where: str | None) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(_PNG_HEAD):
        raise InputError("is not a PNG", where=where)
    at, name = len(_PNG_HEAD), b""
    while at + 12 <= len(data) and name != b"IEND":
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            break
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size
    if name != b"IEND":
        raise InputError("is a PNG that was cut", where=where)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _readable(data: bytes, kind: str, where: str | None) -> bytes:
    """The bytes, after every frame of them was decoded once."""
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
    except Exception as exc:  # Pillow raises anything from SyntaxError to struct.error on hostile bytes
        raise InputError(f"cannot be read: {type(exc).__name__}", where=where) from exc
    return data


def _remuxed(data: bytes, muxer: str, comment: str, where: str | None) -> bytes:
    """Packets as they are, in a new container without tags, chapters and attachments; ours is the only comment."""
    # `bitexact` keeps FFmpeg's version and the hour out; `faststart` lets a browser begin before it has all.
    options = {"fflags": "+bitexact", **({"movflags": "+faststart"} if muxer == "mp4" else {})}
    try:
        # A file, not memory: to put an MP4's table of contents first, FFmpeg opens what it has written again.
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "clean"
            with (
                av.open(io.BytesIO(data), format="mov" if muxer == "mp4" else None) as source,
                av.open(str(out), "w", format=muxer, options=options) as target,
            ):
                _copy(source, target, comment)
            return out.read_bytes()
    except (av.FFmpegError, ValueError, KeyError) as exc:
        raise InputError(f"cannot be read as {muxer}: {exc}", where=where) from exc


def _copy(source: Any, target: Any, comment: str) -> None:
    target.metadata["comment"] = comment
    streams = [*source.streams.video[:1], *source.streams.audio[:1]]
    copies = {stream.index: target.add_stream_from_template(stream) for stream in streams}
    for copy in copies.values():
        copy.metadata.clear()
    for packet in source.demux(*streams):
        if packet.dts is None:  # the end of a stream
            continue
        packet.stream = copies[packet.stream.index]
        target.mux(packet)

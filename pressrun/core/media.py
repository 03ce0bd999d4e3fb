"""Media types: what a file name's suffix means, what a delivered file is called, and how long something plays."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

Medium = Literal["picture", "film", "sound", "other"]
SILENCE = -120.0
"""Loudness in dBFS of nothing at all: no logarithm goes there, and no ear."""

_TYPES = {
    ".png": "image/png",
    ".apng": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".glb": "model/gltf-binary",
}
DELIVERED: Mapping[str, str] = {
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "opus",
}
"""Media types that are published, and their extensions. Stills of any kind are delivered as PNG."""


class Playback(BaseModel):
    """How a file plays: seconds; frames, 0 for sound alone; loudness as RMS in dBFS, None where there is no sound.

    `motion` is the mean difference of luma (0-255) between frames; 0 where nothing moves.
    """

    model_config = {"extra": "forbid", "frozen": True}

    seconds: float
    frames: int = 0
    motion: float | None = None
    loudness: float | None = None


def media_type(suffix: str) -> str:
    """The media type of a file name's suffix (with its dot); application/octet-stream where nobody knows."""
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix) or "application/octet-stream"


def medium_of(kind: str, playback: Playback | None) -> Medium:
    """What a person would call a file of this media type: a moving picture is a film, whatever holds it."""
    family = kind.partition("/")[0]
    if family == "image":
        return "film" if playback is not None and playback.frames > 1 else "picture"
    return {"video": "film", "audio": "sound"}.get(family, "other")  # type: ignore[return-value]

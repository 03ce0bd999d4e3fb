"""Films and sounds: decoded to the end, measured, and given a still to be known by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageSequence

from pressrun.core.media import SILENCE, Playback

PLAYED = (".mp4", ".webm", ".flac", ".mp3", ".wav", ".opus", ".ogg")
"""Suffixes of what is decoded as a stream; animated pictures are decoded as pictures."""
_SMALL = 96
_WAVE_SIZE = (384, 216)
_BARS = 96
_RATE = 16_000
_NIGHT, _WAVE = (24, 28, 34), (120, 190, 255)

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Footage:
    """What a file turned out to be. `still` is its richest frame, or the sound's wave; the size is that of a frame."""

    playback: Playback
    still: Image.Image
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class _Frames:
    """Counts frames, keeps the one with the most contrast, and adds up how much they differ."""

    count: int = 0
    best: Image.Image | None = None
    _contrast: float = -1.0
    _moved: float = 0.0
    _last: Samples | None = None

    def add(self, frame: Image.Image) -> None:
        self.count += 1
        small = np.asarray(frame.convert("L").resize((_SMALL, _SMALL), Image.Resampling.BOX), dtype=np.float32)
        if self._last is not None:
            self._moved += float(np.abs(small - self._last).mean())
        self._last = small
        if (contrast := float(small.std())) > self._contrast:
            self._contrast, self.best = contrast, frame.copy()

    @property
    def motion(self) -> float:
        return round(self._moved / max(1, self.count - 1), 4)


@dataclass(slots=True)
class _Sound:
    """Adds up a sound: how loud it is, and its wave in equal parts of a 64th of a second."""

    count: int = 0
    squares: float = 0.0
    peaks: list[float] = field(default_factory=list)

    def add(self, samples: Samples) -> None:
        self.count += samples.size
        self.squares += float(np.square(samples, dtype=np.float64).sum())
        step = _RATE // 64
        self.peaks += [float(np.abs(samples[at : at + step]).max()) for at in range(0, samples.size, step)]

    @property
    def loudness(self) -> float:
        mean = self.squares / self.count if self.count else 0.0
        return round(max(SILENCE, 10 * math.log10(mean)), 2) if mean > 0 else SILENCE


def animation(image: Image.Image) -> Footage | None:
    """An animated WebP, PNG or GIF, decoded to the end; None for a still. OSError and kin where it is damaged."""
    if getattr(image, "n_frames", 1) < 2:
        return None
    frames, milliseconds = _Frames(), 0.0
    for frame in ImageSequence.Iterator(image):
        frame.load()
        milliseconds += float(frame.info.get("duration", 0) or 0)
        frames.add(frame)
    assert frames.best is not None
    playback = Playback(seconds=round(milliseconds / 1000, 4), frames=frames.count, motion=frames.motion)
    return Footage(playback, frames.best, *image.size)


def footage(path: Path) -> Footage:
    """A film or a sound, decoded to the end. ValueError where it cannot be, or where there is nothing in it."""
    frames, sound = _Frames(), _Sound()
    try:
        with av.open(str(path)) as file:
            for part in _parts(file):
                if isinstance(part, Image.Image):
                    frames.add(part)
                else:
                    sound.add(part)
            seconds = _length(file, frames, sound)
    except (av.FFmpegError, ValueError, OSError) as exc:
        raise ValueError(f"cannot be decoded: {exc}") from exc
    loudness = sound.loudness if sound.count else None
    if frames.best is not None:
        playback = Playback(seconds=seconds, frames=frames.count, motion=frames.motion, loudness=loudness)
        return Footage(playback, frames.best, *frames.best.size)
    if loudness is None:
        raise ValueError("has neither a picture nor a sound in it")
    return Footage(Playback(seconds=seconds, loudness=loudness), wave(sound.peaks))


def _parts(file: Any) -> Iterator[Image.Image | Samples]:
    """Every frame as a picture and every stretch of sound as mono samples (-1 to 1), as they come."""
    mono = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
    wanted = [*file.streams.video[:1], *file.streams.audio[:1]]
    if not wanted:
        return
    for frame in file.decode(*wanted):
        if isinstance(frame, av.VideoFrame):
            yield Image.fromarray(frame.to_ndarray(format="rgb24"))
        else:
            for part in mono.resample(frame):
                yield part.to_ndarray().ravel().astype(np.float32)
    if file.streams.audio:
        for part in mono.resample(None):
            yield part.to_ndarray().ravel().astype(np.float32)


def _length(file: Any, frames: _Frames, sound: _Sound) -> float:
    """Seconds that really play: what was decoded counts, not what the header promises."""
    heard = sound.count / _RATE
    if not frames.count:
        return round(heard, 4)
    rate = file.streams.video[0].average_rate
    seen = frames.count / float(rate) if rate else heard
    return round(max(heard, seen), 4)


def wave(peaks: list[float]) -> Image.Image:
    """A sound's shape, 384 × 216: one bar for each 96th of it."""
    width, height = _WAVE_SIZE
    picture = Image.new("RGB", _WAVE_SIZE, _NIGHT)
    pen = ImageDraw.Draw(picture)
    middle, across = height / 2, width / _BARS
    loudest = max(peaks, default=0.0) or 1.0
    for bar in range(_BARS):
        part = peaks[bar * len(peaks) // _BARS : max(bar * len(peaks) // _BARS + 1, (bar + 1) * len(peaks) // _BARS)]
        tall = max(1.0, max(part, default=0.0) / loudest * (middle - 14))
        left = round(bar * across)
        pen.rectangle((left, round(middle - tall), left + 2, round(middle + tall)), fill=_WAVE)
    return picture

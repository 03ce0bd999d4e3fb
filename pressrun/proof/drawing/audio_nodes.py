"""Sound: an audio latent remembers its scene as a picture's does; decoded, it is a small arpeggio of the prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pressrun.proof.drawing.context import NodeContext
from pressrun.proof.drawing.flac import RATE, Samples, write_flac
from pressrun.proof.drawing.painting.chance import Chance
from pressrun.proof.drawing.painting.curves import sines
from pressrun.proof.drawing.registry import node
from pressrun.proof.drawing.values import Latent, Scene
from pressrun.proof.files import save_place, write_atomically

Inputs = Mapping[str, Any]
# A proof says what it is in sound too: two short high tones at the start of every stretch of this many seconds.
MARK_SECONDS = 10.0
_PENTATONIC = (0, 2, 4, 7, 9, 12, 14, 16)
_SEMITONE = 1.0594630943592953
_SECONDS_LIMIT = 600.0


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip of mono samples at RATE."""

    samples: Samples


@node("EmptyLatentAudio")
def empty_latent_audio(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    if inputs["seconds"] * inputs["batch_size"] > _SECONDS_LIMIT:
        raise RuntimeError(f"more than {_SECONDS_LIMIT:g} seconds of sound can't be allocated for a proof")
    return (Latent(0, 0, inputs["batch_size"], seconds=inputs["seconds"]),)


@node("ConditioningStableAudio")
def conditioning_stable_audio(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    return inputs["positive"], inputs["negative"]


@node("VAEDecodeAudio")
def vae_decode_audio(_context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    latent: Latent = inputs["samples"]
    scenes = latent.scenes or (Scene(0, "", "empty"),) * latent.batch
    return (tuple(Sound(play(scene, latent.seconds)) for scene in scenes),)


@node("SaveAudio", "SaveAudioAdvanced")
def save_audio(context: NodeContext, inputs: Inputs) -> tuple[Any, ...]:
    """Always FLAC: a proof has no more to give than that, whatever format the final asks for."""
    root = context.folders.of("output")
    assert root is not None
    root.mkdir(parents=True, exist_ok=True)
    place = save_place(root, inputs["filename_prefix"], 0, 0)
    tags = {"prompt": json.dumps(context.graph), "pressrun_proof": "1"}
    saved = []
    for number, sound in enumerate(inputs["audio"]):
        name = f"{place.stem.replace('%batch_num%', str(number))}_{place.counter + number:05}_.flac"
        path = place.folder / name
        write_atomically(path, context.before_write(path, write_flac(sound.samples, tags)))
        saved.append({"filename": name, "subfolder": place.subfolder, "type": "output"})
    context.ui = {"audio": saved}
    return (inputs["audio"],)


def play(scene: Scene, seconds: float) -> Samples:
    """Plucked notes of a scale, chosen by prompt, model and seed, with the proof's mark over them."""
    chance = Chance("sound", *scene.parts)
    count = max(1, int(seconds * RATE))
    sound = np.zeros(count, dtype=np.float64)
    root, beat = chance.between(110.0, 196.0), int(RATE * chance.between(0.22, 0.42))
    for start in range(0, count, beat):
        if chance.unit() < 0.18:
            continue
        pitch = root * _power(_SEMITONE, chance.pick(_PENTATONIC)) * chance.pick((1, 1, 2))
        _add(sound, start, _pluck(pitch, min(4 * beat, count - start)) * chance.between(0.5, 1.0) * 5000)
    for mark in range(0, count, int(MARK_SECONDS * RATE)):
        for late, pitch in ((0.0, 1760.0), (0.16, 1318.5)):
            start = mark + int(late * RATE)
            _add(sound, start, _pluck(pitch, min(int(0.12 * RATE), max(0, count - start))) * 6000)
    return np.clip(sound, -32767, 32767).astype(np.int16)


def _pluck(pitch: float, count: int) -> NDArray[np.float64]:
    """A decaying tone. The decay is (1 - t)³, not an exponential: libm differs between machines."""
    at = np.arange(count, dtype=np.float64)
    fall = 1 - at / max(1, count)
    turns = at * (pitch / RATE)
    tone: NDArray[np.float64] = (sines(turns) + 0.35 * sines(2 * turns)) * fall * fall * fall
    return tone * np.minimum(1.0, at / 90)


def _add(sound: NDArray[np.float64], start: int, tone: NDArray[np.float64]) -> None:
    part = sound[start : start + len(tone)]
    part += tone[: len(part)]


def _power(base: float, exponent: int) -> float:
    result = 1.0
    for _ in range(exponent):
        result *= base
    return result

"""Proofs that are not stills: sound files that any player opens, and frames under a moving camera."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pressrun.proof.drawing.audio_nodes import play
from pressrun.proof.drawing.flac import RATE, write_flac
from pressrun.proof.drawing.values import Scene
from pressrun.proof.drawing.video import drift
from pressrun.proof.execution import Execution
from pressrun.proof.files import Folders

Run = Callable[[dict[str, Any]], Execution]


def crc(data: bytes, bits: int, polynomial: int) -> int:
    """By long division, bit for bit: nothing shared with the code under test."""
    remainder = 0
    for bit in (byte >> place & 1 for byte in data + bytes(bits // 8) for place in range(7, -1, -1)):
        top = remainder >> (bits - 1)
        remainder = (remainder << 1 | bit) & ((1 << bits) - 1)
        if top:
            remainder ^= polynomial
    return remainder


def read_flac(data: bytes) -> tuple[np.ndarray[Any, Any], dict[str, str], bytes]:
    """(samples, tags, MD5 of STREAMINFO) of a file of verbatim mono frames; checks every checksum."""
    assert data[:4] == b"fLaC"
    at, tags, info, last = 4, {}, b"", False
    while not last:
        kind, size = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        last, body, at = bool(data[at] & 0x80), data[at + 4 : at + 4 + size], at + 4 + size
        if kind == 0:
            info = body
        elif kind == 4:
            inner = 4 + struct.unpack_from("<I", body)[0]
            count, inner = struct.unpack_from("<I", body, inner)[0], inner + 4
            for _ in range(count):
                length = struct.unpack_from("<I", body, inner)[0]
                key, _, value = body[inner + 4 : inner + 4 + length].decode().partition("=")
                tags[key], inner = value, inner + 4 + length
    packed = int.from_bytes(info[10:18], "big")
    assert (packed >> 44, packed >> 41 & 7, packed >> 36 & 31) == (RATE, 0, 15)
    samples: list[int] = []
    number = 0
    while at < len(data):
        coded = len(chr(number).encode())
        header = data[at : at + 4 + coded + 3]
        assert header[:2] == b"\xff\xf8"
        assert header[4 : 4 + coded].decode() == chr(number)
        assert crc(header[:-1], 8, 0x07) == header[-1]
        size = struct.unpack(">H", header[-3:-1])[0] + 1
        end = at + len(header) + 1 + 2 * size
        assert crc(data[at:end], 16, 0x8005) == struct.unpack_from(">H", data, end)[0]
        samples += np.frombuffer(data[end - 2 * size : end], ">i2").tolist()
        at, number = end + 2, number + 1
    assert len(samples) == packed & (1 << 36) - 1
    return np.array(samples, dtype=np.int16), tags, info[18:34]


@pytest.mark.parametrize("count", [1, 4096, 4097, 12_000])
def test_flac_files_hold_the_samples_and_right_checksums(count: int) -> None:
    samples = (np.arange(count) * 37 % 60_000 - 30_000).astype(np.int16)
    read, tags, digest = read_flac(write_flac(samples, {"prompt": "{}", "title": "Zart"}))
    assert (read == samples).all()
    assert tags == {"prompt": "{}", "title": "Zart"}
    assert digest == hashlib.md5(samples.tobytes(), usedforsecurity=False).digest()


def test_sound_follows_from_prompt_seed_and_model_and_from_nothing_else() -> None:
    same = [play(Scene(1, "bells", "m"), 2.0).tobytes() for _ in range(2)]
    assert same[0] == same[1]
    others = {
        play(scene, 2.0).tobytes() for scene in (Scene(2, "bells", "m"), Scene(1, "drums", "m"), Scene(1, "bells", "n"))
    }
    assert len(others | set(same)) == 4
    loud = play(Scene(1, "bells", "m"), 2.0)
    assert len(loud) == 2 * RATE
    assert 2_000 < int(np.abs(loud.astype(int)).max()) < 32_767


def audio_graph(seconds: float = 2.0) -> dict[str, Any]:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sound.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a soft bell", "clip": ["1", 1]}},
        "3": {"class_type": "ConditioningStableAudio", "inputs": {"positive": ["2", 0], "negative": ["2", 0], "seconds_start": 0.0, "seconds_total": seconds}},
        "4": {"class_type": "EmptyLatentAudio", "inputs": {"seconds": seconds, "batch_size": 1}},
        "5": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "positive": ["3", 0], "negative": ["3", 1], "latent_image": ["4", 0], "seed": 5, "steps": 4, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}},
        "6": {"class_type": "VAEDecodeAudio", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "save": {"class_type": "SaveAudioAdvanced", "inputs": {"audio": ["6", 0], "filename_prefix": "item", "format": "flac"}},
    }  # fmt: skip


def test_an_audio_graph_leaves_a_marked_file_as_the_server_names_it(run: Run, folders: Folders) -> None:
    done = run(audio_graph())
    assert done.success, done.messages
    assert done.ui["save"] == {"audio": [{"filename": "item_00001_.flac", "subfolder": "", "type": "output"}]}
    samples, tags, _ = read_flac((folders.output / "item_00001_.flac").read_bytes())
    assert (samples == play(Scene(5, "a soft bell", "sound"), 2.0)).all()
    assert tags["pressrun_proof"] == "1"


def test_hours_of_sound_fail_instead_of_filling_the_memory(run: Run) -> None:
    done = run(audio_graph(1000.0))
    assert not done.success
    assert "can't be allocated" in done.messages[-1][1]["exception_message"]


def test_a_video_is_one_scene_under_a_camera_that_comes_back(run: Run, folders: Folders) -> None:
    done = run(
        {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "film.safetensors"}},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "waves", "clip": ["1", 1]}},
            "4": {"class_type": "EmptyHunyuanLatentVideo", "inputs": {"width": 96, "height": 64, "length": 9, "batch_size": 1}},
            "5": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["4", 0], "seed": 5, "steps": 4, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}},
            "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
            "save": {"class_type": "SaveAnimatedWEBP", "inputs": {"images": ["6", 0], "filename_prefix": "item", "fps": 8.0, "lossless": False, "quality": 80, "method": "default"}},
        }
    )  # fmt: skip
    assert done.success, done.messages
    assert done.ui["save"]["animated"] == [True]
    with Image.open(folders.output / "item_00001_.webp") as film:
        assert (film.size, film.n_frames) == ((96, 64), 9)


def test_the_camera_moves() -> None:
    still = np.random.default_rng(1).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    frames = drift(still, 9)
    assert [frame.shape for frame in frames] == [still.shape] * 9
    assert (frames[0] == still).all()
    assert len({frame.tobytes() for frame in frames}) == 9

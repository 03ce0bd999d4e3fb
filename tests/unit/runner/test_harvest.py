"""An engine's file becomes the job's file only when it is whole and of the size that was asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runner_shards as shards
from PIL import Image

from pressrun.comfy.wire import OutputRef
from pressrun.core.media import SILENCE, media_type
from pressrun.core.result import OutputFile
from pressrun.proof.drawing.flac import write_flac
from pressrun.runner.harvest import OutputError, harvest, wanted
from pressrun.runner.places import Places


def ref(name: str = "a_00001_.png", *, node: str = "4", kind: str = "output", folder: str = "s") -> OutputRef:
    return OutputRef(node, "images", name, folder, kind)


def saved(base: Path, name: str, image: Image.Image | None = None) -> Path:
    path = base / "engine/s" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.radial_gradient("L").resize((96, 64)).convert("RGB")).save(path)
    return path


def take(base: Path, *refs: OutputRef, **params: object) -> tuple[OutputFile, ...]:
    places = Places(base)
    places.make()
    return harvest(
        shards.item(7, **params),
        refs,
        nodes=("4", "9"),
        engine_output=base / "engine",
        output=places.output,
        scratch=places.scratch,
    )


def test_a_picture_is_moved_measured_and_digested(tmp_path: Path) -> None:
    source = saved(tmp_path, "a_00001_.png")
    data = source.read_bytes()
    (found,) = take(tmp_path, ref())
    assert found.file == "images/0000000000000007.png"
    assert found.thumb == "thumbs/0000000000000007.webp"
    assert (found.sha256, found.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (found.width, found.height, found.media_type) == (96, 64, "image/png")
    assert found.measurements is not None
    output = Places(tmp_path).output
    assert (output / found.file).read_bytes() == data
    assert (output / found.thumb).is_file()
    assert not source.exists()
    assert list(Places(tmp_path).scratch.iterdir()) == []


def test_a_cut_png_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "a_00001_.png")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutputError, match="without its end") as caught:
        take(tmp_path, ref())
    assert caught.value.failure.kind == "output"
    assert caught.value.failure.node == "4"
    assert list((Places(tmp_path).output / "images").iterdir()) == []


def test_a_png_with_broken_insides_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "a_00001_.png")
    data = bytearray(path.read_bytes())
    data[60:200] = bytes(140)
    path.write_bytes(data)
    with pytest.raises(OutputError, match="cannot be decoded"):
        take(tmp_path, ref())


@pytest.mark.parametrize(
    ("asked", "fits"),
    [((96, 64), True), ((48, 32), True), ((97, 64), False), ((64, 96), False), ((192, 128), False)],
)
def test_the_size_is_the_asked_one_or_that_shape_larger(tmp_path: Path, asked: tuple[int, int], fits: bool) -> None:
    saved(tmp_path, "a_00001_.png")
    if fits:
        assert take(tmp_path, ref(), width=asked[0], height=asked[1])
    else:
        with pytest.raises(OutputError, match="the picture is 96 x 64"):
            take(tmp_path, ref(), width=asked[0], height=asked[1])


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/hostname"])
def test_a_file_outside_the_engines_folder_is_never_taken(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (96, 64)).save(tmp_path / "secret.png")
    with pytest.raises(OutputError, match="outside"):
        take(tmp_path, ref(name, folder=""))


def test_a_missing_file_and_no_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is not there"):
        take(tmp_path, ref())
    with pytest.raises(OutputError, match="without any output file"):
        take(tmp_path, ref(kind="temp"), ref(node="77"))


def test_further_outputs_get_sub_names_and_media_types(tmp_path: Path) -> None:
    saved(tmp_path, "a_00001_.png")
    (tmp_path / "engine/s/voice.flac").write_bytes(write_flac(tone(2.0), {}))
    frames = [Image.new("RGB", (96, 64), (i * 60, 0, 0)) for i in range(3)]
    frames[0].save(tmp_path / "engine/s/move.webp", save_all=True, append_images=frames[1:])
    found = take(tmp_path, ref("voice.flac"), ref("move.webp", node="9"), ref())
    assert [(part.file, part.media_type) for part in found] == [
        ("images/0000000000000007.png", "image/png"),
        ("images/0000000000000007-9-01.webp", "image/webp"),
        ("images/0000000000000007-4-02.flac", "audio/flac"),
    ]
    assert found[1].thumb == "thumbs/0000000000000007-9-01.webp"
    assert found[1].playback is not None
    assert (found[1].playback.frames, found[1].playback.loudness) == (3, None)
    assert found[1].playback.motion is not None
    assert found[1].playback.motion > 0
    assert (found[2].thumb, found[2].measurements, found[2].width) == ("thumbs/0000000000000007-4-02.webp", None, None)
    assert found[2].playback is not None
    assert found[2].playback.seconds == pytest.approx(2.0, abs=0.01)
    assert found[2].playback.loudness == pytest.approx(-12.3, abs=0.5)
    with Image.open(Places(tmp_path).output / found[2].thumb) as wave:
        assert wave.size == (384, 216)


@pytest.mark.parametrize("name", ["voice.flac", "clip.mp4", "clip.webm", "voice.mp3"])
def test_what_cannot_be_played_is_refused(tmp_path: Path, name: str) -> None:
    saved(tmp_path, "a_00001_.png").with_name(name).write_bytes(b"fLaC" + bytes(400))
    with pytest.raises(OutputError, match="cannot be decoded") as caught:
        take(tmp_path, ref(name))
    assert caught.value.failure.node == "4"


def test_a_sound_without_sound_is_measured_as_silent(tmp_path: Path) -> None:
    (tmp_path / "engine/s").mkdir(parents=True)
    (tmp_path / "engine/s/voice.flac").write_bytes(write_flac(np.zeros(22_050, dtype=np.int16), {}))
    (found,) = take(tmp_path, ref("voice.flac"))
    assert found.playback is not None
    assert (found.playback.loudness, found.media_type) == (SILENCE, "audio/flac")


def tone(seconds: float) -> np.ndarray[Any, Any]:
    """A sine of -9 dBFS peak: -12 dBFS RMS."""
    at = np.arange(int(seconds * 22_050)) / 22_050
    return (np.sin(at * 440 * 2 * np.pi) * 32_767 * 0.343).astype(np.int16)


def test_the_order_of_outputs_is_the_workflows_not_the_engines() -> None:
    one, other = ref("one.png", node="4"), ref("other.png", node="9")
    assert wanted([other, one], ["4", "9"]) == wanted([one, other], ["4", "9"]) == [one, other]


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [(".png", "image/png"), (".mp4", "video/mp4"), (".webp", "image/webp"), (".xyzzy", "application/octet-stream")],
)
def test_media_types(suffix: str, expected: str) -> None:
    assert media_type(suffix) == expected

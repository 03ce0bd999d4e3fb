"""Delivered films and sounds: the same coded frames, and nothing else that a tool or an engine wrote into the file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pressrun.core.errors import InputError
from pressrun.core.image_clean import claimed_identifier
from pressrun.core.media import Playback
from pressrun.runner.footage import footage
from pressrun.steps.media_clean import CleanFile, clean_file

SECRET = '{"prompt": "a secret prompt"}'
IDENTIFIER = "pressrun:spring_sale/0123456789abcdef"


def sound(muxer: str, codec: str) -> bytes:
    """One second of a tone, with tags that an engine would leave."""
    out = io.BytesIO()
    with av.open(out, "w", format=muxer) as file:
        file.metadata["comment"] = SECRET
        stream = file.add_stream(codec, rate=48_000, layout="mono")
        tone = (np.sin(np.arange(48_000) * 440 * 2 * np.pi / 48_000) * 8000).astype(np.int16)[None]
        whole = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        whole.sample_rate, whole.pts = 48_000, 0
        cut = av.AudioResampler(
            format=stream.codec_context.format.name, layout="mono", rate=48_000,
            frame_size=stream.codec_context.frame_size or 1024,
        )  # fmt: skip
        for frame in (*cut.resample(whole), *cut.resample(None)):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def film(muxer: str, codec: str) -> bytes:
    """A second of noise, eight frames of 64 × 48."""
    out = io.BytesIO()
    with av.open(out, "w", format=muxer) as file:
        file.metadata["comment"] = SECRET
        stream = file.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(8):
            pixels = np.random.default_rng(number).integers(0, 255, (48, 64, 3), dtype=np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode(None))
    return out.getvalue()


def animation(kind: str) -> bytes:
    """Three frames of 64 × 36, with text where the format takes it."""
    frames = [Image.new("RGB", (64, 36), (number * 80, 40, 90)) for number in range(3)]
    out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", SECRET)
    exif = Image.Exif()
    exif[0x010E] = SECRET
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100, pnginfo=info, exif=exif)
    return out.getvalue()


STREAMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "flac": ("audio/flac", lambda: sound("flac", "flac")),
    "mp3": ("audio/mpeg", lambda: sound("mp3", "libmp3lame")),
    "wav": ("audio/wav", lambda: sound("wav", "pcm_s16le")),
    "opus": ("audio/ogg", lambda: sound("ogg", "libopus")),
    "mp4": ("video/mp4", lambda: film("mp4", "libx264")),
    "webm": ("video/webm", lambda: film("webm", "libvpx-vp9")),
}


def clean(data: bytes, media_type: str, *, proof: bool = True) -> CleanFile:
    playback = Playback(seconds=1.0, frames=3)
    return clean_file(data, media_type=media_type, size=(64, 48), playback=playback, identifier=IDENTIFIER, proof=proof)


@pytest.mark.parametrize("extension", STREAMS)
def test_a_stream_is_delivered_as_it_was_coded_and_nothing_else(extension: str, tmp_path: Path) -> None:
    media_type, make = STREAMS[extension]
    data = make()
    assert b"secret" in data
    made = clean(data, media_type)
    assert (made.extension, made.media_type) == (extension, media_type)
    assert b"secret" not in made.data
    assert claimed_identifier(made.data) == IDENTIFIER
    assert b"PROOF" in made.data
    assert b"PROOF" not in clean(data, media_type, proof=False).data
    assert clean(data, media_type).data == made.data, "the same bytes in give the same bytes out"
    before, after = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    before.write_bytes(data)
    after.write_bytes(made.data)
    assert footage(after).playback == footage(before).playback
    assert packets(made.data) == packets(data)


def packets(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as file:
        return [bytes(packet) for packet in file.demux() if packet.size]


@pytest.mark.parametrize(("kind", "media_type"), [("WEBP", "image/webp"), ("PNG", "image/png")])
def test_an_animated_picture_keeps_its_frames_and_loses_its_text(kind: str, media_type: str) -> None:
    data = animation(kind)
    assert b"secret" in data
    made = clean(data, media_type)
    assert b"secret" not in made.data
    assert claimed_identifier(made.data) == IDENTIFIER
    with Image.open(io.BytesIO(made.data)) as after, Image.open(io.BytesIO(data)) as before:
        assert after.n_frames == before.n_frames == 3  # type: ignore[attr-defined]
        assert not after.getexif()
        for number in range(3):
            after.seek(number)
            before.seek(number)
            assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes()
    assert clean(data, media_type).data == made.data


@pytest.mark.parametrize("media_type", ["image/gif", "image/avif", "model/gltf-binary", "application/octet-stream"])
def test_what_is_not_delivered_says_what_is(media_type: str) -> None:
    with pytest.raises(InputError, match="are not published") as caught:
        clean(b"anything", media_type)
    assert "flac, mp3, mp4" in str(caught.value.remedy)


@pytest.mark.parametrize("media_type", ["image/webp", "image/png", *(kind for kind, _ in STREAMS.values())])
@pytest.mark.parametrize("cut", [0, 11, 60])
def test_damaged_files_are_refused_in_words(media_type: str, cut: int) -> None:
    whole = {"image/webp": animation("WEBP"), "image/png": animation("PNG")}.get(media_type, b"RIFF\x00" * 30)
    with pytest.raises(InputError):
        clean(whole[:cut], media_type)


def test_a_still_goes_the_way_of_stills() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (1, 2, 3)).save(out, "JPEG")
    made = clean_file(
        out.getvalue(), media_type="image/jpeg", size=(8, 6), playback=None, identifier=IDENTIFIER, proof=False
    )
    assert (made.extension, made.media_type, made.width, made.height) == ("png", "image/png", 8, 6)

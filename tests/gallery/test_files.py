"""Candidates that are films, sounds, or several files: told, served in parts, and never other bytes than collected."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from pressrun.core.codec import sha256_hex
from pressrun.core.media import Playback
from pressrun.core.render import RenderedFile


def film() -> bytes:
    """Three frames of 64 × 36 as an animated WebP."""
    frames = [Image.new("RGB", (64, 36), (number * 80, 40, 90)) for number in range(3)]
    out = BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def with_files(sample, campaign, *, sound: bytes = b"fLaC and so on") -> str:
    """A further round whose only item is a film with a sound as its second file; returns its API URL."""
    wave = BytesIO()
    Image.new("RGB", (384, 216), (24, 28, 34)).save(wave, "WEBP")
    sample.ws.work.put("staging/job-1/images/second.flac", sound, content_type="audio/flac")
    sample.ws.work.put("staging/job-1/thumbs/second.webp", wave.getvalue())
    own = campaign.item(sample.ws, {"product": "mug", "locale": "de-DE", "variant": "z"}, lambda _: film())
    second = RenderedFile(
        node="9", image_uri=sample.ws.work.uri("staging/job-1/images/second.flac"),
        thumb_uri=sample.ws.work.uri("staging/job-1/thumbs/second.webp"), sha256=sha256_hex(b"fLaC and so on"),
        size=14, media_type="audio/flac", playback=Playback(seconds=6.0, loudness=-20.0),
    )  # fmt: skip
    item = own.model_copy(
        update={
            "media_type": "image/webp", "playback": Playback(seconds=0.3, frames=3, motion=9.0),
            "file_sha256": own.sha256, "sha256": "5ea1" * 16, "further": (second,),
        }
    )  # fmt: skip
    return sample.api(campaign.open(sample.ws, [item], number=2))


def test_films_and_sounds_are_told_apart_and_served_as_what_they_are(sample, campaign) -> None:
    url = with_files(sample, campaign)
    client = sample.client("vic-token")
    (candidate,) = client.get(url).json()["cells"][0]["candidates"]
    assert candidate["sha256"] == "5ea1" * 16
    assert [(file["medium"], file["seconds"], file["frames"], file["sound"]) for file in candidate["files"]] == [
        ("film", 0.3, 3, False),
        ("sound", 6.0, 0, True),
    ]
    first, second = (client.get(f"{url}/{file['url']}") for file in candidate["files"])
    assert (first.headers["content-type"], first.content) == ("image/webp", film())
    assert (second.headers["content-type"], second.content) == ("audio/flac", b"fLaC and so on")
    assert second.headers["content-disposition"].endswith('.flac"')
    assert client.get(f"{url}/{candidate['files'][1]['thumb']}").headers["content-type"] == "image/webp"
    place = candidate["files"][0]["url"].rpartition("/")[0]
    assert [client.get(f"{url}/{place}/{part}").status_code for part in (2, -1)] == [404, 404]


@pytest.mark.parametrize(
    ("asked", "status", "told", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/14", b"fLaC"),
        ("bytes=5-", 206, "bytes 5-13/14", b"and so on"),
        ("bytes=-2", 206, "bytes 12-13/14", b"on"),
        ("bytes=0-999", 206, "bytes 0-13/14", b"fLaC and so on"),
        ("bytes=14-", 416, "bytes */14", b""),
        ("bytes=0-1,4-5", 200, None, b"fLaC and so on"),
        ("bytes=-", 200, None, b"fLaC and so on"),
        ("rows=0-1", 200, None, b"fLaC and so on"),
    ],
)
def test_a_player_may_ask_for_a_part(sample, campaign, asked: str, status: int, told: str | None, body: bytes) -> None:
    url = with_files(sample, campaign)
    client = sample.client("vic-token", range=asked)
    (candidate,) = sample.client("vic-token").get(url).json()["cells"][0]["candidates"]
    answer = client.get(f"{url}/{candidate['files'][1]['url']}")
    assert (answer.status_code, answer.headers.get("content-range"), answer.content) == (status, told, body)


def test_a_further_file_that_was_changed_is_not_shown(sample, campaign) -> None:
    url = with_files(sample, campaign, sound=b"other bytes")
    (candidate,) = sample.client("vic-token").get(url).json()["cells"][0]["candidates"]
    answer = sample.client("vic-token").get(f"{url}/{candidate['files'][1]['url']}")
    assert answer.status_code == 409
    assert "not the one that was collected" in answer.json()["error"]

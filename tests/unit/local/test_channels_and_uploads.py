"""Which files a host gets, and which files go up when."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.local.sagemaker.channels import download_channel, share
from pressrun.local.sagemaker.errors import JobFailedError
from pressrun.local.sagemaker.transfer import RemoteFile, split_uri
from pressrun.local.sagemaker.uploads import OutputChannel, Uploader


@given(st.sets(st.text(min_size=1)), st.integers(1, 9))
def test_sharding_gives_every_key_to_exactly_one_host(keys: set[str], count: int) -> None:
    files = [RemoteFile("b", key, key) for key in keys]
    shares = [share(files, sharded=True, index=index, count=count) for index in range(count)]
    assert sorted(file.key for part in shares for file in part) == sorted(keys)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share(files, sharded=False, index=count - 1, count=count) == files


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("s3://b/a/b.json", ("b", "a/b.json")), ("s3://b", ("b", "")), ("s3://b/odd#name?x", ("b", "odd#name?x"))],
)
def test_a_key_is_taken_literally(uri: str, expected: tuple[str, str]) -> None:
    assert split_uri(uri) == expected


class Source:
    def __init__(self, *relative: str) -> None:
        self.files = [RemoteFile("b", f"in/{name}", name) for name in relative]

    def list_prefix(self, uri: str) -> list[RemoteFile]:
        return self.files

    def read_manifest(self, uri: str) -> list[RemoteFile]:
        return self.files[:1]

    def download(self, file: RemoteFile, path: Path) -> None:
        path.write_text(file.key)


def spec(**changes: Any) -> dict[str, Any]:
    return {"S3Uri": "s3://b/in/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"} | changes


def test_a_channel_lands_below_its_local_path(tmp_path: Path) -> None:
    assert download_channel(Source("x/a", "b"), spec(), tmp_path, index=0, count=1) == 2
    assert (tmp_path / "processing/in/x/a").read_text() == "in/x/a"
    assert download_channel(Source("a", "b"), spec(S3DataType="ManifestFile"), tmp_path, index=0, count=1) == 1


@pytest.mark.parametrize("name", ["../../escape", "/etc/x"])
def test_a_key_cannot_leave_the_input_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobFailedError, match="leaves the input directory"):
        download_channel(Source(name), spec(), tmp_path, index=0, count=1)
    assert not list(tmp_path.rglob("escape"))


class Sent(list[str]):
    broken = False

    def __call__(self, path: Path, bucket: str, key: str) -> None:
        if self.broken:
            raise ConnectionError("storage is away")
        self.append(f"{bucket}/{key}")


def uploader(tmp_path: Path, sent: Sent) -> Uploader:
    (tmp_path / "c").mkdir()
    (tmp_path / "e").mkdir()
    channels = [
        OutputChannel(tmp_path / "c", "b", "out/", "Continuous"),
        OutputChannel(tmp_path / "e", "b", "", "EndOfJob"),
    ]
    return Uploader(channels, sent)


def test_a_continuous_file_goes_up_after_it_was_quiet_for_a_sweep_and_again_when_it_changes(tmp_path: Path) -> None:
    sent = Sent()
    up = uploader(tmp_path, sent)
    file = tmp_path / "c/sub/a"
    file.parent.mkdir()
    file.write_text("1")
    assert (up.sweep(), up.sweep(), up.sweep()) == (0, 1, 0)
    file.write_text("12")
    assert (up.sweep(), up.sweep(), up.sweep()) == (0, 1, 0)
    assert sent == ["b/out/sub/a"] * 2


def test_finish_sends_the_rest_of_the_channels_it_is_told(tmp_path: Path) -> None:
    sent = Sent()
    up = uploader(tmp_path, sent)
    for name in ("c/a", "e/b"):
        (tmp_path / name).write_text("x")
    (tmp_path / "e/link").symlink_to(tmp_path / "c/a")
    os.mkfifo(tmp_path / "e/pipe")
    up.finish("Continuous")
    assert sent == ["b/out/a"]
    up.finish("Continuous", "EndOfJob")
    assert sent == ["b/out/a", "b/b"]


def test_what_failed_is_sent_by_a_later_sweep_and_fails_the_job_only_at_the_end(tmp_path: Path) -> None:
    sent = Sent()
    up = uploader(tmp_path, sent)
    (tmp_path / "c/a").write_text("x")
    sent.broken = True
    assert (up.sweep(), up.sweep()) == (0, 0)
    with pytest.raises(JobFailedError, match="Data upload failed: storage is away"):
        up.finish("Continuous")
    sent.broken = False
    assert up.sweep() == 1


def test_after_abandon_nothing_goes_up(tmp_path: Path) -> None:
    sent = Sent()
    up = uploader(tmp_path, sent)
    (tmp_path / "c/a").write_text("x")
    up.sweep()
    up.abandon()
    assert (up.sweep(), sent) == (0, [])

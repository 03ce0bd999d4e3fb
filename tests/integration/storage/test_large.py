"""Files that are too large for one request: in parts, created once, nothing left behind where that fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pressrun.core.errors import StorageError
from pressrun.storage import s3
from pressrun.storage.s3 import S3Store

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of one part and a bit, no two blocks of which are alike."""
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        for number in range(s3.PART_BYTES // 1_048_576 + 3):
            file.write(hashlib.sha256(b"%d" % number).digest() * 32_768)
    assert path.stat().st_size > s3.PART_BYTES > 64_000_000
    return path


def unfinished(store: S3Store) -> list[object]:
    return store._client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])


def test_a_file_beyond_one_part_arrives_whole_and_is_never_replaced(
    make_s3: Callable[..., S3Store], large: Path, tmp_path: Path
) -> None:
    store = make_s3()
    assert store.create_from("models/one", large, content_type="application/octet-stream")
    info = store.head("models/one")
    assert info is not None
    assert (info.size, info.content_type) == (large.stat().st_size, "application/octet-stream")
    assert info.etag.endswith("-2"), "two parts"
    assert hashlib.sha256(store.get("models/one")).digest() == hashlib.sha256(large.read_bytes()).digest()
    other = tmp_path / "other"
    other.write_bytes(b"x" * (s3.PART_BYTES + 1))
    assert not store.create_from("models/one", other)
    head = store.head("models/one")
    assert head is not None
    assert head.etag == info.etag
    assert unfinished(store) == []


def test_who_comes_second_while_uploading_loses_and_leaves_no_parts(
    make_s3: Callable[..., S3Store], large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_s3()
    first = iter([None])
    head = store.head
    # The other writer is done between our first look and our last request.
    monkeypatch.setattr(store, "head", lambda key: next(first, None) if key == "models/one" else head(key))
    send = store._parts

    def overtaken(key: str, path: Path, same: dict[str, str]) -> object:
        yield from send(key, path, same)
        assert store.create(key, b"theirs")

    monkeypatch.setattr(store, "_parts", overtaken)
    assert not store.create_from("models/one", large)
    assert store.get("models/one") == b"theirs"
    assert unfinished(store) == []


def test_an_upload_that_breaks_off_leaves_neither_object_nor_parts(
    make_s3: Callable[..., S3Store], large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_s3()
    send = store._parts

    def broken(key: str, path: Path, same: dict[str, str]) -> object:
        yield next(send(key, path, same))
        raise StorageError("the line broke", where=key)

    monkeypatch.setattr(store, "_parts", broken)
    with pytest.raises(StorageError, match="the line broke"):
        store.create_from("models/one", large)
    assert store.head("models/one") is None
    assert unfinished(store) == []

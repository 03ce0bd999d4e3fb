"""Laws of an object store. What the in-memory store promises to unit tests, S3 must keep."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from pressrun.core.errors import NotFoundError, StorageError
from pressrun.storage.s3 import S3Store
from pressrun.storage.store import ObjectStore

pytestmark = pytest.mark.network


def test_what_is_written_is_read_back_with_its_metadata(store: ObjectStore) -> None:
    store.put("a/b c/ü.json", b"{}", content_type="application/json", metadata={"seed": "7"})
    assert store.get("a/b c/ü.json") == b"{}"
    info = store.head("a/b c/ü.json")
    assert info is not None
    assert (info.size, info.content_type, dict(info.metadata)) == (2, "application/json", {"seed": "7"})


def test_what_is_not_there_is_an_error_that_names_it(store: ObjectStore) -> None:
    assert store.head("nowhere") is None
    with pytest.raises(NotFoundError, match=f"s3://{store.bucket}/nowhere"):
        store.get("nowhere")
    store.delete("nowhere")


def test_create_writes_once_and_never_replaces(store: ObjectStore) -> None:
    assert store.create("one", b"first")
    assert not store.create("one", b"second")
    assert store.get("one") == b"first"


def test_of_many_writers_of_a_key_exactly_one_wins(store: ObjectStore) -> None:
    for key in (f"race/{number}" for number in range(20)):
        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(lambda writer, key=key: store.create(key, b"%d" % writer), range(16)))
        assert won.count(True) == 1
        assert store.get(key) == b"%d" % won.index(True)


def test_replace_goes_by_etag(store: ObjectStore) -> None:
    store.put("pointer", b"1")
    seen = store.head("pointer")
    assert seen is not None
    assert store.replace("pointer", b"2", etag=seen.etag)
    assert not store.replace("pointer", b"3", etag=seen.etag)
    assert not store.replace("missing", b"3", etag=seen.etag)
    assert store.get("pointer") == b"2"


def test_listing_goes_over_all_pages_in_key_order(store: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.put(f"many/{number:05d}", b"x"), reversed(range(1_205))))
    store.put("other", b"x")
    assert [info.key for info in store.list("many/")] == [f"many/{number:05d}" for number in range(1_205)]


def test_a_deleted_object_is_gone(store: ObjectStore) -> None:
    store.put("x", b"x")
    store.delete("x")
    assert store.head("x") is None
    assert store.create("x", b"again")


def test_created_records_are_retained_under_object_lock(make_s3: Callable[..., S3Store]) -> None:
    locked = make_s3(locked=True, lock_days=1)
    assert locked.create("record", b"{}")
    client = locked._client
    kept = client.get_object_retention(Bucket=locked.bucket, Key="record")["Retention"]
    assert kept["Mode"] == "GOVERNANCE"
    version = client.head_object(Bucket=locked.bucket, Key="record")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=locked.bucket, Key="record", VersionId=version)


def test_a_bucket_that_is_not_there_is_told(make_s3: Callable[..., S3Store]) -> None:
    gone = make_s3()
    gone._client.delete_bucket(Bucket=gone.bucket)
    with pytest.raises(StorageError, match="there is no such bucket"):
        list(gone.list())

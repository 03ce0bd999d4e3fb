"""The same laws for both stores: memory, and the real S3 server of the local press."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from embedded_s3 import s3_url

from pressrun.local.buckets import local_client
from pressrun.storage.memory import MemoryStore
from pressrun.storage.s3 import S3Store
from pressrun.storage.store import ObjectStore

__all__ = ["s3_url"]
REGION = "us-east-1"


@pytest.fixture
def make_s3(s3_url: str) -> Callable[..., S3Store]:
    def make(*, locked: bool = False, lock_days: int = 0) -> S3Store:
        client, bucket = local_client("s3", s3_url, REGION), f"laws-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=locked)
        return S3Store(bucket, client, lock_days=lock_days)

    return make


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest, make_s3: Callable[..., S3Store]) -> ObjectStore:
    return MemoryStore("laws") if request.param == "memory" else make_s3()

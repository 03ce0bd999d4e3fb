"""The probe against the real S3 server: a locked bucket and a plain one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pressrun.core.errors import StorageError
from pressrun.local.buckets import local_client
from pressrun.storage.probe import AwsProbe
from pressrun.storage.s3 import S3Store

pytestmark = pytest.mark.network


def test_versions_and_locks_are_seen(make_s3: Callable[..., S3Store], s3_url: str) -> None:
    probe = AwsProbe(local_client("s3", s3_url, "us-east-1"), None)
    locked, plain = make_s3(locked=True).bucket, make_s3().bucket
    assert (probe.versioned(locked), probe.locked(locked)) == (True, True)
    assert (probe.versioned(plain), probe.locked(plain)) == (False, False)


def test_a_bucket_that_is_not_there_is_an_error(s3_url: str) -> None:
    probe = AwsProbe(local_client("s3", s3_url, "us-east-1"), None)
    with pytest.raises(StorageError, match="could not be asked"):
        probe.versioned("nowhere-at-all")

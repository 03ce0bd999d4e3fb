"""An object store on S3, through boto3. Every call carries the expected bucket owner where one is known."""

from __future__ import annotations

import functools
import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pressrun.core.errors import NotFoundError, StorageError
from pressrun.storage.store import ObjectInfo

Answer = TypeVar("Answer")

# standard mode with 8 attempts lost none of 600 puts at 30 % injected 503s; adaptive mode sleeps on its own bucket.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8}, s3={"addressing_style": "path"})
# 10,000 parts of this make 640 GB; a single PUT ends at 5 GB.
PART_BYTES = 64 << 20
_MISSING = {"404", "NoSuchKey", "NotFound"}
_LOST_RACE = {"412", "PreconditionFailed"}
_CONFLICT = {"409", "ConditionalRequestConflict"}


class S3Store:
    """One bucket on S3 or on an S3-compatible endpoint that honours conditional writes.

    With `lock_days` every created object is retained under Object Lock for so long; the bucket must allow it.
    """

    def __init__(
        self,
        bucket: str,
        client: Any,
        *,
        owner: str | None = None,
        lock_days: int = 0,
        lock_mode: str = "GOVERNANCE",
    ) -> None:
        self._bucket, self._client = bucket, client
        self._lock_days, self._lock_mode = lock_days, lock_mode
        self._common: dict[str, str] = {"Bucket": bucket} | ({"ExpectedBucketOwner": owner} if owner else {})

    @property
    def bucket(self) -> str:
        return self._bucket

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def get(self, key: str) -> bytes:
        def read() -> bytes:
            body: bytes = self._client.get_object(Key=key, **self._common)["Body"].read()
            return body

        return self._call("read", key, read)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            answer = self._call("look at", key, lambda: self._client.head_object(Key=key, **self._common))
        except NotFoundError:
            return None
        return ObjectInfo(
            key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"],
            answer.get("ContentType", ""), answer.get("Metadata", {}),
        )  # fmt: skip

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._call("write", key, lambda: self._put(key, data, content_type, metadata))

    def create(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        lock = self._retention()
        return self._conditional(
            "create", key, lambda: self._put(key, data, content_type, metadata, IfNoneMatch="*", **lock)
        )

    def create_from(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> bool:
        if path.stat().st_size <= PART_BYTES:
            return self.create(key, path.read_bytes(), content_type=content_type)
        if self.head(key) is not None:
            return False  # saves the upload; the condition below is what decides
        upload = self._call("create", key, lambda: self._client.create_multipart_upload(
            Key=key, ContentType=content_type, **self._retention(), **self._common))["UploadId"]  # fmt: skip
        same = {"Key": key, "UploadId": upload, **self._common}
        try:
            parts = list(self._parts(key, path, same))
            created = self._conditional("create", key, lambda: self._client.complete_multipart_upload(
                MultipartUpload={"Parts": parts}, IfNoneMatch="*", **same))  # fmt: skip
        except BaseException:
            self._client.abort_multipart_upload(**same)
            raise
        if not created:
            self._client.abort_multipart_upload(**same)
        return created

    def _parts(self, key: str, path: Path, same: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            for number in itertools.count(1):
                data = file.read(PART_BYTES)
                if not data:
                    return
                answer = self._call("create", key, functools.partial(
                    self._client.upload_part, PartNumber=number, Body=data, **same))  # fmt: skip
                yield {"PartNumber": number, "ETag": answer["ETag"]}

    def replace(self, key: str, data: bytes, *, etag: str, content_type: str = "application/json") -> bool:
        return self._conditional("replace", key, lambda: self._put(key, data, content_type, None, IfMatch=f'"{etag}"'))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Prefix=prefix, **self._common)
        try:
            for page in pages:
                for found in page.get("Contents", ()):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"])
        except (ClientError, BotoCoreError) as exc:
            raise self._storage_error("list", prefix, exc) from exc

    def delete(self, key: str) -> None:
        self._call("delete", key, lambda: self._client.delete_object(Key=key, **self._common))

    def _put(
        self, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None, **condition: Any
    ) -> None:
        self._client.put_object(
            Key=key, Body=data, ContentType=content_type, Metadata=dict(metadata or {}),
            ChecksumAlgorithm="SHA256", **condition, **self._common,
        )  # fmt: skip

    def _retention(self) -> dict[str, Any]:
        if not self._lock_days:
            return {}
        until = datetime.now(UTC) + timedelta(days=self._lock_days)
        return {"ObjectLockMode": self._lock_mode, "ObjectLockRetainUntilDate": until}

    def _conditional(self, action: str, key: str, write: Callable[[], None]) -> bool:
        for attempt in range(6):
            try:
                write()
            except ClientError as exc:
                code = _code(exc)
                if code in _LOST_RACE or code in _MISSING:
                    return False
                if code not in _CONFLICT:
                    raise self._storage_error(action, key, exc) from exc
                # 409: another conditional write of this key is under way; S3 asks to try again.
                time.sleep(0.05 * 2**attempt * random.random())  # noqa: S311
            except BotoCoreError as exc:
                raise self._storage_error(action, key, exc) from exc
            else:
                return True
        raise StorageError(f"could not {action}: other writers kept it busy", where=self.uri(key))

    def _call(self, action: str, key: str, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except (ClientError, BotoCoreError) as exc:
            raise self._storage_error(action, key, exc) from exc

    def _storage_error(self, action: str, key: str, exc: ClientError | BotoCoreError) -> StorageError:
        code = _code(exc) if isinstance(exc, ClientError) else type(exc).__name__
        if code == "NoSuchBucket":
            remedy = "deploy the buckets first, or check the PRESSRUN_BUCKET_… settings"
            return NotFoundError("there is no such bucket", where=f"s3://{self._bucket}", remedy=remedy)
        if code in _MISSING:
            return NotFoundError("there is no such object", where=self.uri(key))
        return StorageError(f"could not {action}: {code}: {exc}", where=self.uri(key), remedy=_ADVICE.get(code))


_ADVICE = {
    "403": "check the role's policy and the bucket policy",
    "AccessDenied": "check the role's policy, the bucket policy and PRESSRUN_BUCKET_OWNER",
    "EndpointConnectionError": "is the endpoint up? `scripts/demo status` tells for a local press",
    "NoCredentialsError": "set AWS credentials, or source the file that `scripts/demo` prints",
}


def _code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))

"""What AWS says of the deployment itself: versions and locks of buckets, quotas of instances."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

from pressrun.core.errors import StorageError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_UNLOCKED = "ObjectLockConfigurationNotFoundError"


class Probe(Protocol):
    """Questions of the preflight. Each raises StorageError where AWS refuses to answer."""

    def versioned(self, bucket: str) -> bool: ...

    def locked(self, bucket: str) -> bool: ...

    def quota(self, instance_type: str) -> int | None:
        """Processing instances of this type at once; None where there is nothing to ask (a loopback endpoint)."""
        ...


class AwsProbe:
    """Asks with boto3 clients of `s3` and `service-quotas`; `quotas` is None on loopback endpoints."""

    def __init__(self, s3: Any, quotas: Any | None, *, owner: str | None = None) -> None:
        self._s3, self._quotas = s3, quotas
        self._owner = {"ExpectedBucketOwner": owner} if owner else {}

    def versioned(self, bucket: str) -> bool:
        answer = self._ask(lambda: self._s3.get_bucket_versioning(Bucket=bucket, **self._owner), bucket)
        return bool(answer.get("Status") == "Enabled")

    def locked(self, bucket: str) -> bool:
        answer = self._ask(lambda: self._s3.get_object_lock_configuration(Bucket=bucket, **self._owner), bucket)
        return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def quota(self, instance_type: str) -> int | None:
        if self._quotas is None:
            return None
        wanted = f"{instance_type} for processing job usage"
        pages = self._quotas.get_paginator("list_service_quotas")

        def read() -> dict[str, Any]:
            for page in pages.paginate(ServiceCode="sagemaker"):
                for found in page["Quotas"]:
                    if found["QuotaName"] == wanted:
                        return {"Value": found["Value"]}
            return {"Value": 0}

        return int(self._ask(read, "Service Quotas")["Value"])

    def _ask(self, question: Any, where: str) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the base install has no boto3

        try:
            answer: dict[str, Any] = question()
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") == _UNLOCKED:
                return {}
            raise StorageError(f"could not be asked: {exc}", where=where) from exc
        except BotoCoreError as exc:
            raise StorageError(f"could not be asked: {exc}", where=where) from exc
        return answer


def open_probe(*, region: str, owner: str | None = None) -> AwsProbe:
    """A probe from boto3's own chain; endpoints on loopback have no quotas to ask for."""
    import boto3  # noqa: PLC0415 - only who asks AWS needs it

    session = boto3.session.Session(region_name=region)
    s3 = session.client("s3")
    local = urlsplit(s3.meta.endpoint_url).hostname in _LOOPBACK
    return AwsProbe(s3, None if local else session.client("service-quotas"), owner=owner)

"""The buckets of a local press, as the cloud stacks would make them."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

INPUTS, WORK, PUBLISHED, LINEAGE = "pressrun-inputs", "pressrun-work", "pressrun-published", "pressrun-lineage"
_EXISTS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def local_client(service: str, url: str, region: str) -> Any:
    """A boto3 client for an endpoint of ours; it never looks at a person's own AWS configuration for keys."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="pressrun-local",
        aws_secret_access_key="pressrun-local",  # noqa: S106 - loopback endpoints have no secret
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 5, "mode": "standard"},
            proxies={},  # a person's proxy has no business between us and a loopback port
        ),
    )


def create_buckets(s3: Any, region: str) -> list[str]:
    """Make what is missing; returns the names of buckets that were made.

    Published files are versioned, because a pointer names the current one. Lineage is under Object Lock, which can
    only be turned on with the bucket, and brings versions with it.
    """
    made = []
    for name in (INPUTS, WORK, PUBLISHED, LINEAGE):
        request: dict[str, Any] = {"Bucket": name}
        if name == LINEAGE:
            request["ObjectLockEnabledForBucket"] = True
        if region != "us-east-1":  # the one region that must not be named
            request["CreateBucketConfiguration"] = {"LocationConstraint": region}
        try:
            if _exists(s3, name):
                continue
            s3.create_bucket(**request)
            made.append(name)
        except ClientError as exc:
            if exc.response["Error"]["Code"] not in _EXISTS:
                raise
    for name in (PUBLISHED, LINEAGE):
        if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return made


def _exists(s3: Any, name: str) -> bool:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as exc:
        if exc.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True

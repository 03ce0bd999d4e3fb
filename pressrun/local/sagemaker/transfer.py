"""The endpoint's own S3 client: list, read a manifest, bring down, send up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from pressrun.local.sagemaker.config import EndpointConfig


@dataclass(frozen=True)
class RemoteFile:
    """One object of an input channel and the path it gets below the channel's directory."""

    bucket: str
    key: str
    relative: str


def split_uri(uri: str) -> tuple[str, str]:
    """("bucket", "key") of an s3:// URI. The key is taken literally: `#` and `?` are legal in object keys."""
    parts = urlsplit(uri)
    return parts.netloc, uri[len(f"{parts.scheme}://{parts.netloc}") :].removeprefix("/")


class S3Transfer:
    """Thread-safe S3 access for jobs; the only place of this package that talks S3."""

    def __init__(self, config: EndpointConfig) -> None:
        self._client = boto3.client(
            "s3",
            endpoint_url=config.s3_endpoint,
            region_name=config.region,
            aws_access_key_id=config.access_key,
            aws_secret_access_key=config.secret_key,
            config=Config(
                s3={"addressing_style": "path"},
                max_pool_connections=64,
                retries={"max_attempts": 5, "mode": "standard"},
                proxies={},  # a person's proxy has no business between us and a loopback port
            ),
        )
        # The CRT client cannot use an IP address as endpoint; threads come from our own pools.
        self._transfer = TransferConfig(preferred_transfer_client="classic", use_threads=False)

    def list_prefix(self, uri: str) -> list[RemoteFile]:
        """Objects under a prefix, by key. A prefix need not end at a slash; relative paths start at its folder."""
        bucket, prefix = split_uri(uri)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = sorted(item["Key"] for page in pages for item in page.get("Contents", []))
        folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        cut = prefix.rfind("/") + 1
        return [
            RemoteFile(bucket, key, key[len(folder) :] if key.startswith(folder) else key[cut:])
            for key in keys
            if not key.endswith("/")
        ]

    def read_manifest(self, uri: str) -> list[RemoteFile]:
        """Objects named by a ManifestFile: `[{"prefix": "s3://bucket/p/"}, "a.png", …]`; else ValueError."""
        bucket, key = split_uri(uri)
        entries = json.loads(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
            raise ValueError(f"{uri} is not a manifest: the first entry must be an object with a prefix")
        where, prefix = split_uri(str(entries[0].get("prefix", "")))
        if not where or not all(isinstance(entry, str) for entry in entries[1:]):
            raise ValueError(f"{uri} is not a manifest: it needs an s3:// prefix and then strings")
        return [RemoteFile(where, prefix + entry, entry) for entry in entries[1:]]

    def download(self, file: RemoteFile, path: Path) -> None:
        """Bring one object to `path`."""
        self._client.download_file(file.bucket, file.key, str(path), Config=self._transfer)

    def upload(self, path: Path, bucket: str, key: str, kms_key: str | None) -> None:
        """Send one file up, encrypted with `kms_key` if there is one."""
        extra: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        self._client.upload_file(str(path), bucket, key, ExtraArgs=extra, Config=self._transfer)

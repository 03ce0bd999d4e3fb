"""Input channels: what a job's containers find below /opt/ml/processing before their entrypoint runs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from pressrun.local.sagemaker.errors import JobFailedError
from pressrun.local.sagemaker.transfer import RemoteFile

DOWNLOAD_THREADS = 8


class InputSource(Protocol):
    """Where inputs come from."""

    def list_prefix(self, uri: str) -> list[RemoteFile]: ...
    def read_manifest(self, uri: str) -> list[RemoteFile]: ...
    def download(self, file: RemoteFile, path: Path) -> None: ...


def share(files: Sequence[RemoteFile], *, sharded: bool, index: int, count: int) -> list[RemoteFile]:
    """The files of host `index` of `count`: all of them, or every count-th in key order.

    AWS does not say how it deals keys to hosts, only that each key goes to one host; nothing may depend on which.
    """
    return sorted(files, key=lambda file: file.key)[index::count] if sharded else list(files)


def local_path(base: Path, container_path: str) -> Path:
    """Where a path below /opt/ml is on this machine."""
    return base / Path(container_path).relative_to("/opt/ml")


def download_channel(source: InputSource, spec: dict[str, Any], base: Path, *, index: int, count: int) -> int:
    """Bring one `S3Input` down for one host; returns how many files. JobFailedError, in the service's words."""
    uri, target = spec["S3Uri"], local_path(base, spec["LocalPath"])
    target.mkdir(parents=True, exist_ok=True)
    try:
        files = source.read_manifest(uri) if spec["S3DataType"] == "ManifestFile" else source.list_prefix(uri)
        if not files:
            raise JobFailedError(f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}"')
        mine = share(files, sharded=spec.get("S3DataDistributionType") == "ShardedByS3Key", index=index, count=count)

        def bring(file: RemoteFile) -> None:
            path = target / file.relative
            if not path.resolve().is_relative_to(target.resolve()):
                raise JobFailedError(f"ClientError: Data download failed: {file.relative!r} leaves the input directory")
            path.parent.mkdir(parents=True, exist_ok=True)
            source.download(file, path)

        with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
            list(pool.map(bring, mine))
    except JobFailedError:
        raise
    except Exception as exc:
        raise JobFailedError(f"ClientError: Data download failed: {exc}") from exc
    return len(mine)

"""An object store in memory, for tests and dry runs. Conditional writes are atomic."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pressrun.core.errors import NotFoundError
from pressrun.storage.store import ObjectInfo


class MemoryStore:
    """One bucket in a dict."""

    def __init__(self, bucket: str = "memory") -> None:
        self._bucket = bucket
        self._objects: dict[str, tuple[bytes, ObjectInfo]] = {}
        self._lock = threading.Lock()

    @property
    def bucket(self) -> str:
        return self._bucket

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def get(self, key: str) -> bytes:
        try:
            return self._objects[key][0]
        except KeyError:
            raise NotFoundError("there is no such object", where=self.uri(key)) from None

    def head(self, key: str) -> ObjectInfo | None:
        found = self._objects.get(key)
        return found[1] if found else None

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        with self._lock:
            self._write(key, data, content_type, metadata)

    def create(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        with self._lock:
            if key in self._objects:
                return False
            self._write(key, data, content_type, metadata)
            return True

    def create_from(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> bool:
        return self.create(key, path.read_bytes(), content_type=content_type)

    def replace(self, key: str, data: bytes, *, etag: str, content_type: str = "application/json") -> bool:
        with self._lock:
            found = self._objects.get(key)
            if found is None or found[1].etag != etag:
                return False
            self._write(key, data, content_type, None)
            return True

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for key in sorted(self._objects):
            if key.startswith(prefix):
                info = self._objects[key][1]
                yield ObjectInfo(info.key, info.size, info.etag, info.modified)

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def _write(self, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None) -> None:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        info = ObjectInfo(key, len(data), etag, datetime.now(UTC), content_type, dict(metadata or {}))
        self._objects[key] = (bytes(data), info)

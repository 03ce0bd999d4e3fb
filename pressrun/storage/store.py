"""What Pressrun needs of an object store. One store is one bucket; keys are relative to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing or a HEAD tells. `metadata` is empty in listings; `modified` is UTC."""

    key: str
    size: int
    etag: str
    modified: datetime
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectStore(Protocol):
    """One bucket."""

    @property
    def bucket(self) -> str: ...

    def uri(self, key: str) -> str:
        """The s3:// URI of a key of this bucket."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes; NotFoundError where there is none."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Size, ETag and metadata, or None where there is no such object."""
        ...

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Write, replacing what was there. For the few objects that may be replaced (indexes, pointers)."""
        ...

    def create(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Write only where nothing is (If-None-Match: *). False, and nothing is changed, where something was there."""
        ...

    def create_from(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> bool:
        """As `create`, with the bytes of a file of any size, which is never held in memory whole."""
        ...

    def replace(self, key: str, data: bytes, *, etag: str, content_type: str = "application/json") -> bool:
        """Write only over the version with this ETag (If-Match). False where it changed meanwhile."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects below a prefix, in key order, however many pages that takes."""
        ...

    def delete(self, key: str) -> None:
        """Delete (a marker in a versioned bucket). Deleting what is not there is not an error."""
        ...

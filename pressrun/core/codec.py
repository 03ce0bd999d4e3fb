"""Canonical JSON and digests: the same document is the same bytes everywhere, so that a digest means something."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from pressrun.core.errors import InputError

Document = TypeVar("Document", bound="VersionedDocument")


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces. NaN and infinities become null, as JSON has no word for them."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_hex(data: bytes) -> str:
    """SHA-256 of bytes, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))


class VersionedDocument(BaseModel):
    """A document that says which version of which schema it is, written once by exactly one writer.

    Subclasses set `SCHEMA`, for example "shard/1". Readers refuse a document of another kind by name.
    """

    model_config = {"extra": "forbid", "frozen": True}

    def to_bytes(self) -> bytes:
        """Canonical JSON with the `schema` member first in meaning, though sorted among the keys."""
        return canonical_json({"schema": schema_of(type(self)), **self.model_dump(mode="json")})

    def digest(self) -> str:
        return sha256_hex(self.to_bytes())


def schema_of(kind: type[VersionedDocument]) -> str:
    """The schema name of a document class: its `SCHEMA` class variable."""
    return str(kind.__dict__["SCHEMA"])


def from_bytes(kind: type[Document], data: bytes, *, where: str | None = None) -> Document:
    """Read a document back; InputError names the place if it is not JSON, of another schema, or malformed."""
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise InputError(f"not JSON: {exc}", where=where, remedy="was the object cut short or overwritten?") from exc
    expected = schema_of(kind)
    if not isinstance(raw, dict) or raw.get("schema") != expected:
        found = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise InputError(f"expected a document of schema {expected!r}, found {found!r}", where=where)
    raw.pop("schema")
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        raise InputError(f"malformed {expected} document: {exc}", where=where) from exc

"""The four buckets a step works on, and the settings that say how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pressrun.core.codec import VersionedDocument, from_bytes
from pressrun.core.errors import InputError
from pressrun.settings import Settings
from pressrun.storage.memory import MemoryStore
from pressrun.storage.store import ObjectStore

Document = TypeVar("Document", bound=VersionedDocument)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything a step may touch. Tests build it from memory stores."""

    settings: Settings
    inputs: ObjectStore
    work: ObjectStore
    published: ObjectStore
    lineage: ObjectStore

    def read(self, kind: type[Document], key: str) -> Document:
        """A document of the work bucket."""
        return from_bytes(kind, self.work.get(key), where=self.work.uri(key))

    def write_once(self, key: str, document: VersionedDocument) -> bool:
        """Create a document of the work bucket; False where one is there already (nothing changes then)."""
        return self.work.create(key, document.to_bytes())

    def store_of(self, uri: str) -> tuple[ObjectStore, str]:
        """The store and key of an s3:// URI in one of the four buckets."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        for store in (self.work, self.inputs, self.published, self.lineage):
            if uri.startswith("s3://") and store.bucket == bucket and key:
                return store, key
        raise InputError("not an object of this deployment's buckets", where=uri)

    def fetch(self, uri: str) -> bytes:
        """The bytes behind an s3:// URI in one of the four buckets."""
        store, key = self.store_of(uri)
        return store.get(key)


def memory_workspace(settings: Settings | None = None) -> Workspace:
    """Four empty buckets in memory."""
    chosen = settings or Settings.model_validate({})
    return Workspace(
        settings=chosen,
        inputs=MemoryStore(chosen.bucket_inputs),
        work=MemoryStore(chosen.bucket_work),
        published=MemoryStore(chosen.bucket_published),
        lineage=MemoryStore(chosen.bucket_lineage),
    )


def open_workspace(settings: Settings) -> Workspace:
    """The deployment's buckets on S3. Endpoints and credentials come from boto3's own chain (AWS_ENDPOINT_URL_S3 …)."""
    import boto3  # noqa: PLC0415 - the base install has no boto3; only whoever opens S3 needs it

    from pressrun.storage.s3 import RETRIES, S3Store  # noqa: PLC0415

    client = boto3.session.Session(region_name=settings.region).client("s3", config=RETRIES)

    def store(bucket: str, lock_days: int = 0) -> S3Store:
        return S3Store(
            bucket, client, owner=settings.bucket_owner, lock_days=lock_days, lock_mode=settings.lineage_lock_mode
        )

    return Workspace(
        settings=settings,
        inputs=store(settings.bucket_inputs),
        work=store(settings.bucket_work),
        published=store(settings.bucket_published),
        lineage=store(settings.bucket_lineage, settings.lineage_lock_days),
    )

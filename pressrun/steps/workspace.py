"""The four buckets a step works on, and the settings that say how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pressrun.core.codec import VersionedDocument, from_bytes
from pressrun.settings import Settings
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

"""Publications: what was delivered, under which key, from which approved bytes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.media import Playback


class PlannedPublication(BaseModel):
    """One file to deliver. `folder` and `stem` come from the axes; the digest of the delivered bytes completes it.

    `part` counts the files of an item from 0. `approved_sha256` is what the decision binds; it is not the file's own
    digest where an item has several files.
    """

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    cell_id: str
    axes: dict[str, str]
    source_sha256: str
    image_uri: str
    decision_key: str
    folder: str
    stem: str
    part: int = 0
    approved_sha256: str
    media_type: str
    width: int | None
    height: int | None
    playback: Playback | None


class Publication(VersionedDocument):
    """Receipt of one delivered file, at publications/{campaign}/{item}/{source sha}.json in the work bucket.

    `width` and `height` are None for sounds, `seconds` for stills; `part` counts the files of an item from 0.
    """

    SCHEMA: ClassVar[str] = "publication/1"

    campaign: str
    item_id: str
    cell_id: str
    axes: dict[str, str]
    run_key: str
    source_sha256: str
    sha256: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    seconds: float | None = None
    part: int = 0
    uri: str
    lineage_uri: str
    decision_key: str
    press: str
    published_at: str


class PublishReceipt(VersionedDocument):
    """What publish_assets did for one round of a run: URIs of delivered files. Written last: the round is done.

    The first two lists have one file for each approval; `further` has the other files of items with several.
    """

    SCHEMA: ClassVar[str] = "publish-receipt/1"

    run_key: str
    campaign: str
    approved: int
    published: tuple[str, ...]
    already_published: tuple[str, ...]
    further: tuple[str, ...] = ()
    index_uri: str
    delivery_uri: str


class DeliveredFile(BaseModel):
    """What a consumer needs to know of one delivered file: an entry of pointers and of the campaign's index."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    cell_id: str
    axes: dict[str, str]
    file: str
    uri: str
    sha256: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    seconds: float | None = None
    part: int = 0
    source_sha256: str
    lineage_uri: str
    press: str
    published_at: str

    @classmethod
    def of(cls, publication: Publication) -> DeliveredFile:
        shared = {name: getattr(publication, name) for name in cls.model_fields if name != "file"}
        return cls(file=publication.uri.rsplit("/", 1)[1], **shared)


class PointerRevision(BaseModel):
    """The files that one closed review round chose for a cell. `at` is when the round was closed."""

    model_config = {"extra": "forbid", "frozen": True}

    run_key: str
    round: int
    by: str
    at: str
    files: tuple[DeliveredFile, ...]


class CurrentPointer(VersionedDocument):
    """current.json of a cell: what to use now, and what it superseded, oldest first. Replaced by ETag only."""

    SCHEMA: ClassVar[str] = "current/1"

    campaign: str
    cell_id: str
    current: PointerRevision
    history: tuple[PointerRevision, ...] = ()


class CampaignIndex(VersionedDocument):
    """index.json of a campaign: all current files, by name. `pointers` maps pointer keys to the ETags read."""

    SCHEMA: ClassVar[str] = "campaign-index/1"

    campaign: str
    proofs: bool
    files: tuple[DeliveredFile, ...] = ()
    pointers: dict[str, str] = Field(default_factory=dict)

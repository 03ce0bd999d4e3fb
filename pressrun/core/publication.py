"""Publications: what was delivered, under which key, from which approved bytes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument


class PlannedPublication(BaseModel):
    """One file to deliver.

    `folder` and `stem` come from the item's axes; the digest of the delivered bytes completes the key.
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


class Publication(VersionedDocument):
    """Receipt of one delivered file, at publications/{campaign}/{item}/{source sha}.json in the work bucket."""

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
    width: int
    height: int
    uri: str
    lineage_uri: str
    decision_key: str
    press: str
    published_at: str


class PublishReceipt(VersionedDocument):
    """What publish_assets did for one run."""

    SCHEMA: ClassVar[str] = "publish-receipt/1"

    run_key: str
    campaign: str
    approved: int
    published: tuple[str, ...]
    already_published: tuple[str, ...]
    index_uri: str
    delivery_uri: str

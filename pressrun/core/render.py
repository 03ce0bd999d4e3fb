"""The render index: the first picture of a render key wins for ever, so approved bytes cannot be replaced."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field

from pressrun.core.codec import VersionedDocument, digest_of
from pressrun.core.item import Batch
from pressrun.core.media import Playback
from pressrun.core.result import Measurements, Sink


class RenderedFile(BaseModel):
    """One file of an item, in the work bucket; `node` is the output node that wrote it."""

    model_config = {"extra": "forbid", "frozen": True}

    node: str = ""
    image_uri: str
    thumb_uri: str | None = None
    sha256: str
    size: int
    media_type: str
    width: int | None = None
    height: int | None = None
    measurements: Measurements | None = None
    playback: Playback | None = None


class Render(VersionedDocument):
    """One picture that exists, at renders/{render_key}.json, created with If-None-Match by `collect_results`.

    A workflow with several outputs has its other files in `further`, in the order of its contract.
    """

    SCHEMA: ClassVar[str] = "render/1"

    render_key: str
    item_id: str
    campaign: str
    run_key: str
    job: str
    image_uri: str
    thumb_uri: str | None
    sha256: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    measurements: Measurements | None
    playback: Playback | None = None
    further: tuple[RenderedFile, ...] = ()
    seed: int
    batch: Batch | None = Field(None, exclude_if=lambda value: value is None)
    params: dict[str, Any]
    params_sha256: str
    workflow: str
    graph_sha256: str
    contract_sha256: str
    engine_class: str
    engine_version: str
    sink: Sink = "stock"
    prompt_id: str
    started_at: str
    seconds: float
    node_seconds: dict[str, float] = Field(default_factory=dict)

    @property
    def files(self) -> tuple[RenderedFile, ...]:
        """Every file, the one that stands for the item first."""
        own = {name: getattr(self, name) for name in RenderedFile.model_fields if name != "node"}
        return (RenderedFile(**own), *self.further)

    @property
    def sealed_sha256(self) -> str:
        """What a decision about this render binds: its file's digest; of several files, the digest of their digests."""
        if not self.further:
            return self.sha256
        return digest_of([self.sha256, *(file.sha256 for file in self.further)])

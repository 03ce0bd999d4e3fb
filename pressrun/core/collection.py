"""The collection: every item of a plan in exactly one end state, and the proof that none was lost."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.item import axis_order
from pressrun.core.media import Medium, Playback, medium_of
from pressrun.core.quality import Verdict
from pressrun.core.render import RenderedFile

EndState = Literal["rendered", "reused", "qc_rejected", "failed"]


class CollectedItem(BaseModel):
    """One item's end state. `sha256` and the URIs are set for every state but `failed`; `reason` for the last two.

    `sha256` is what a decision binds. Of an item with `further` files it is the digest of all their digests, and
    `file_sha256` is the first file's own.
    """

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    cell_id: str
    axes: dict[str, str]
    round: int = 0
    state: EndState
    bought: bool = False
    render_key: str
    sha256: str | None = None
    image_uri: str | None = None
    thumb_uri: str | None = None
    width: int | None = None
    height: int | None = None
    media_type: str | None = None
    size: int = 0
    playback: Playback | None = None
    file_sha256: str | None = None
    further: tuple[RenderedFile, ...] = ()
    code: str = ""
    reason: str = ""
    notes: tuple[Verdict, ...] = ()

    @property
    def label(self) -> str:
        return " · ".join(self.axes[axis] for axis in axis_order(self.axes))

    @property
    def medium(self) -> Medium:
        return medium_of(self.media_type or "", self.playback)

    @property
    def files(self) -> tuple[RenderedFile, ...]:
        """Every file of the item, the one that stands for it first; none where it failed."""
        if self.image_uri is None or self.sha256 is None:
            return ()
        first = RenderedFile(
            image_uri=self.image_uri,
            thumb_uri=self.thumb_uri,
            sha256=self.file_sha256 or self.sha256,
            size=self.size,
            media_type=self.media_type or "application/octet-stream",
            width=self.width,
            height=self.height,
            playback=self.playback,
        )
        return (first, *self.further)

    @property
    def reviewable(self) -> bool:
        return self.state in ("rendered", "reused")


class Counts(BaseModel):
    """The run's account: planned = rendered + reused + qc_rejected + failed + lost, and lost must be 0."""

    model_config = {"extra": "forbid", "frozen": True}

    planned: int
    rendered: int
    reused: int
    qc_rejected: int
    failed: int
    lost: int


class Collection(VersionedDocument):
    """Written by collect_results, named by its digest. `jobs` lists every Processing job that the run bought.

    `gpu_seconds` adds up the rendered items, `job_seconds` the jobs from order to last item, cold starts included.
    """

    SCHEMA: ClassVar[str] = "collection/1"

    run_key: str
    campaign: str
    plan_digest: str
    press: str
    planned: int
    items: tuple[CollectedItem, ...]
    jobs: tuple[str, ...]
    gpu_seconds: float = 0.0
    job_seconds: float = 0.0

    @property
    def counts(self) -> Counts:
        states = Counter(item.state for item in self.items)
        distinct = len({item.item_id for item in self.items})
        return Counts(
            planned=self.planned,
            rendered=states["rendered"],
            reused=states["reused"],
            qc_rejected=states["qc_rejected"],
            failed=states["failed"],
            lost=self.planned - distinct,
        )

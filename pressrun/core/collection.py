"""The collection: every item of a plan in exactly one end state, and the proof that none was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument

EndState = Literal["rendered", "reused", "qc_rejected", "failed"]


def axis_order(axes: Iterable[str]) -> list[str]:
    """Product, locale, then the others by name: documents sort their keys, so an authored order does not survive."""
    return sorted(axes, key=lambda axis: (axis != "product", axis != "locale", axis))


class CollectedItem(BaseModel):
    """One item's end state. `sha256` and the URIs are set for every state but `failed`; `reason` for the last two."""

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
    reason: str = ""

    @property
    def label(self) -> str:
        return " · ".join(self.axes[axis] for axis in axis_order(self.axes))

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

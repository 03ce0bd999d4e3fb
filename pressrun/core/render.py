"""The render index: the first picture of a render key wins for ever, so approved bytes cannot be replaced."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pressrun.core.codec import VersionedDocument
from pressrun.core.result import Measurements, Sink


class Render(VersionedDocument):
    """One picture that exists, at renders/{render_key}.json, created with If-None-Match by `collect_results`."""

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
    seed: int
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

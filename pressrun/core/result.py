"""Results: what the runner says of each item, in immutable segments of JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.codec import VersionedDocument, canonical_json
from pressrun.core.errors import InputError
from pressrun.core.item import Batch
from pressrun.core.media import Playback

Outcome = Literal["rendered", "failed"]
Sink = Literal["stock", "pressrun"]
"""Who encoded the file: the engine's own save node, or the runner from raw pixels."""


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class Measurements(_Part):
    """Numbers about the pixels; the runner measures, collect judges. Luma 0-255; `phash` is 16 hex digits (64 bit).

    `flat` is the share (0 to 1) of the commonest colour, `colours` the commonest ones as #rrggbb with their shares, and
    `pixels` a digest that is the same for the same picture, whatever text its file carries. Runners before 1.1 did not
    measure these three.
    """

    mean: float
    contrast: float
    distinct: int
    phash: str
    flat: float = 0.0
    colours: tuple[tuple[str, float], ...] = ()
    pixels: str = ""


class OutputFile(_Part):
    """One file an item produced. `file` and `thumb` are relative to the job's output prefix.

    `playback` is there for films and sounds; then `thumb` and `measurements` are of a frame, or of the sound's wave.
    """

    node: str
    file: str
    sha256: str
    size: int
    media_type: str
    width: int | None = None
    height: int | None = None
    thumb: str | None = None
    measurements: Measurements | None = None
    playback: Playback | None = None


class ItemError(_Part):
    """Why an item failed. `kind` is one of engine, validation, out-of-memory, timeout, output, input.

    `larger_instance`: it did not fit into this machine's memory, even alone after everything else was unloaded. No job
    of the run buys it again on the same instance type; a larger one costs more an hour than was quoted, so a person
    decides on it.
    """

    kind: str
    message: str
    node: str | None = None
    larger_instance: bool = False


class ItemResult(_Part):
    """The end state of one item in one job.

    Where it is one picture of a batch, `seconds` are its share: those of the prompt, divided by the items it was for.
    """

    item_id: str
    render_key: str
    outcome: Outcome
    outputs: tuple[OutputFile, ...] = ()
    error: ItemError | None = None
    tries: int
    seed: int
    params_sha256: str
    prompt_id: str
    started_at: str
    seconds: float
    node_seconds: dict[str, float] = {}
    engine_version: str
    sink: Sink = "stock"
    batch: Batch | None = Field(None, exclude_if=lambda value: value is None)
    host: str


class Progress(VersionedDocument):
    """How far a job is: an immutable numbered document every few seconds, readable while the job runs.

    `busy_seconds` were spent on items, `warm_up_seconds` before them on loading models.
    """

    SCHEMA: ClassVar[str] = "progress/1"

    job: str
    host: str
    number: int
    planned: int
    rendered: int
    failed: int
    elapsed_seconds: float
    busy_seconds: float
    warm_up_seconds: float = 0.0
    state: Literal["starting", "rendering", "draining", "done"]


def write_segment(results: Iterable[ItemResult]) -> bytes:
    """A segment: one canonical JSON object a line, with a trailing newline, so that a cut file shows."""
    return b"".join(canonical_json(result.model_dump(mode="json")) + b"\n" for result in results)


def read_segment(data: bytes, *, where: str) -> Iterator[ItemResult]:
    """Read a segment back; a line that is cut or malformed is an InputError that names it."""
    if data and not data.endswith(b"\n"):
        raise InputError(
            "the last line is cut", where=where, remedy="the upload was interrupted; the item counts as missing"
        )
    for number, line in enumerate(data.splitlines(), 1):
        try:
            raw: Any = orjson.loads(line)
            yield ItemResult.model_validate(raw)
        except (orjson.JSONDecodeError, ValidationError) as exc:
            raise InputError(f"line {number} is not a result: {exc}", where=where) from exc

"""What the gallery shows: the shapes of its API, which its own pages use as well (docs/reference/gallery-api.md)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from pressrun.core.media import Medium
from pressrun.core.review import DecisionState, DerivedState
from pressrun.steps.review import NOTE_LIMIT


class _View(BaseModel):
    model_config = {"frozen": True}


class Origin(_View):
    """Where a carried-over decision was made."""

    run_key: str
    run_id: str | None
    round: int


class DecisionView(_View):
    """The newest decision about a candidate's bytes. `origin` is set where it was made in another run or round."""

    sequence: int
    state: DecisionState
    reason: str
    note: str
    by: str
    by_name: str
    at: str
    origin: Origin | None = None


class FileView(_View):
    """One file of a candidate. `seconds` and `frames` are there for what plays, `sound` where something is heard."""

    url: str
    thumb: str | None
    medium: Medium
    media_type: str
    width: int | None
    height: int | None
    seconds: float | None
    frames: int | None
    sound: bool


class NoteView(_View):
    """What quality control noticed and did not refuse."""

    code: str
    reason: str


class CandidateView(_View):
    """One candidate. `label` tells it from the others of its cell; URLs are relative to the round's API URL.

    `image` and `thumb` are of the first of its `files`, and `sha256` is what a decision names: it binds all of them.
    """

    item_id: str
    label: str
    axes: dict[str, str]
    sha256: str
    sequence: int
    state: DerivedState
    decision: DecisionView | None
    reused: bool
    image: str
    thumb: str
    width: int | None
    height: int | None
    files: list[FileView]
    notes: list[NoteView] = []


class CellView(_View):
    """One thing to deliver, with its candidates. `open` and `over` approved cells are in the way of finishing."""

    cell_id: str
    label: str
    axes: dict[str, str]
    locale: str
    locale_name: str
    direction: Literal["ltr", "rtl"]
    open: bool
    over: bool
    may_decide: bool
    candidates: list[CandidateView]


class LeftOutView(_View):
    """An item that cannot be reviewed, and why. `thumb` is None where there is no picture."""

    item_id: str
    label: str
    state: str
    reason: str
    image: str | None
    thumb: str | None
    code: str = ""


class ClosedView(_View):
    """How a round ended."""

    by: str
    at: str
    counts: dict[str, int]
    carried_over: int


class UserView(_View):
    id: str
    name: str


class RoundHead(_View):
    """Which round it is."""

    campaign: str
    title: str
    dag_id: str
    run_id: str
    run_key: str
    number: int
    press: str
    opened_at: str


class RoundView(RoundHead):
    """A review round, complete: what GET /api/rounds/{campaign}/{run_key}/{number} answers."""

    want: int
    closed: ClosedView | None
    user: UserView
    may_decide: bool
    may_finish: bool
    settled: bool
    cells_settled: int
    counts: dict[str, int]
    reasons: list[str]
    filters: dict[str, list[str]]
    cells: list[CellView]
    left_out: list[LeftOutView]


class RoundSummary(RoundHead):
    """One line of the queue. `to_go` counts open cells, `yours` those of them that the asking user may decide."""

    closed_at: str | None
    closed_by: str | None
    cells: int
    to_go: int
    yours: int
    counts: dict[str, int]


class RoundsView(_View):
    """What GET /api/rounds answers; newest first. `older` counts finished rounds that are not listed."""

    open: list[RoundSummary]
    closed: list[RoundSummary]
    older: int


class ItemView(_View):
    """More about one candidate: its parameters and everything ever decided about it.

    `batch` is "2 of 4" where one prompt made several candidates.
    """

    item_id: str
    label: str
    sha256: str | None
    row: int | None
    seed: int | None
    batch: str | None
    params: dict[str, object]
    history: list[DecisionView]


class DecisionRequest(BaseModel):
    """One decision to make. `expected_sequence` is the candidate's `sequence` as it was seen."""

    model_config = {"extra": "forbid"}

    item_id: str = Field(max_length=64)
    sha256: str = Field(max_length=64)
    state: DecisionState
    reason: str = Field("", max_length=32)
    note: str = Field("", max_length=NOTE_LIMIT)
    expected_sequence: int = Field(0, ge=0, le=999_998)


class DecisionsRequest(BaseModel):
    """Decisions to make, each on its own: some may succeed while others fail."""

    model_config = {"extra": "forbid"}

    decisions: list[DecisionRequest] = Field(min_length=1, max_length=200)


class DecisionResult(_View):
    """What became of one decision: `decision` where recorded, otherwise `error`, and `winner` where one was first."""

    item_id: str
    status: int
    decision: DecisionView | None = None
    error: str | None = None
    remedy: str | None = None
    winner: DecisionView | None = None


class DecisionsView(_View):
    """Results in the order of the request, and the round's new standing."""

    results: list[DecisionResult]
    settled: bool
    cells_settled: int
    counts: dict[str, int]


class FinishView(_View):
    """A finished round."""

    closed: ClosedView
    approved: int


class OpenCell(_View):
    cell_id: str
    label: str

"""The JSON API: rounds, decisions, finishing. Its own pages and `scripts/demo --yes` use nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from pressrun.core.collection import CollectedItem
from pressrun.core.errors import NotAllowedError, PressrunError
from pressrun.core.review import tally
from pressrun.gallery.access import Seat, seat
from pressrun.gallery.errors import body_of, status_of
from pressrun.gallery.queue import read_queue
from pressrun.gallery.rounds import closed_view, group, item_view, round_view
from pressrun.gallery.views import (
    DecisionRequest,
    DecisionResult,
    DecisionsRequest,
    DecisionsView,
    FinishView,
    ItemView,
    OpenCell,
    RoundsView,
    RoundView,
)
from pressrun.steps.review import (
    DecisionConflictError,
    RoundNotSettledError,
    RoundStatus,
    cell_axes,
    decide,
    finish_round,
    may_finish,
)

router = APIRouter(prefix="/api")
Here = Annotated[Seat, Depends(seat)]


@router.get("/rounds")
def get_rounds(here: Here) -> RoundsView:
    """Open and recently finished rounds of every campaign the user may see."""
    return read_queue(here)


@router.get("/rounds/{campaign}/{run_key}/{number}")
def get_round(here: Here, campaign: str, run_key: str, number: int) -> RoundView:
    """One round: cells, candidates, states, and what the user may do."""
    status = here.round(campaign, run_key, number)
    return round_view(here.desk, status, here.user, may_write=here.may(campaign, "decide"))


@router.get("/rounds/{campaign}/{run_key}/{number}/items/{item_id}")
def get_item(here: Here, campaign: str, run_key: str, number: int, item_id: str) -> ItemView:
    """One candidate: parameters, seed, manifest row, and every decision ever made about it."""
    review_round = here.round(campaign, run_key, number).round
    return item_view(here.desk, review_round, here.item(review_round, item_id))


@router.post("/rounds/{campaign}/{run_key}/{number}/decisions", response_model=DecisionsView)
def post_decisions(here: Here, campaign: str, run_key: str, number: int, body: DecisionsRequest) -> Response:
    """Make decisions, each on its own. The status is what all results share, otherwise 207."""
    status = here.round(campaign, run_key, number)
    here.write(status.round)
    results = _decide_all(here, status, body.decisions)
    collection = here.desk.collection(status.round)
    verdict = tally(collection.items, here.desk.heads(campaign), want=status.round.want)
    cells = group(item for item in collection.items if item.reviewable)
    view = DecisionsView(
        results=results,
        settled=verdict.settled,
        cells_settled=len(cells) - len(verdict.open_cells) - len(verdict.over_approved_cells),
        counts=verdict.count(),
    )
    statuses = {result.status for result in results}
    return JSONResponse(view.model_dump(mode="json"), statuses.pop() if len(statuses) == 1 else 207)


@router.post("/rounds/{campaign}/{run_key}/{number}/finish", response_model=FinishView)
def post_finish(here: Here, campaign: str, run_key: str, number: int) -> Response:
    """Finish a settled round. 409 with the open cells, or with who finished it before."""
    review_round = here.round(campaign, run_key, number).round
    here.write(review_round)
    if not may_finish(review_round, here.user.id):
        raise NotAllowedError(
            f"{here.user.name} is not a reviewer of this campaign",
            remedy="ask the campaign's owner to add you to review.reviewers",
        )
    try:
        closed = finish_round(here.desk.ws, review_round, by=here.user.id)
    except RoundNotSettledError as error:
        items = here.desk.collection(review_round).items
        return JSONResponse({**body_of(error), "open_cells": _open_cells(items, error)}, 409)
    return JSONResponse(FinishView(closed=closed_view(closed), approved=len(closed.approved)).model_dump(mode="json"))


def _decide_all(here: Seat, status: RoundStatus, wanted: list[DecisionRequest]) -> list[DecisionResult]:
    """Decide cell by cell, cells side by side: within a cell one decision can change what the next one may do."""
    cells = {item.item_id: item.cell_id for item in here.desk.collection(status.round).items}
    by_cell: dict[str, list[DecisionRequest]] = {}
    for request in wanted:
        by_cell.setdefault(cells.get(request.item_id, ""), []).append(request)

    def run(requests: list[DecisionRequest]) -> list[tuple[int, DecisionResult]]:
        return [(id(request), _decide_one(here, status, request)) for request in requests]

    done = dict(pair for pairs in here.desk.side_by_side(run, list(by_cell.values())) for pair in pairs)
    return [done[id(request)] for request in wanted]


def _decide_one(here: Seat, status: RoundStatus, request: DecisionRequest) -> DecisionResult:
    desk, review_round = here.desk, status.round
    try:
        made = decide(
            desk.ws,
            review_round,
            item_id=request.item_id,
            sha256=request.sha256,
            state=request.state,
            reason=request.reason,
            note=request.note,
            by=here.user.id,
            by_name=here.user.name,
            expected_sequence=request.expected_sequence,
            collection=desk.collection(review_round),
        )
    except PressrunError as error:
        winner = error.winner if isinstance(error, DecisionConflictError) else None
        return DecisionResult(
            item_id=request.item_id,
            status=status_of(error),
            winner=desk.decision_view(review_round, winner) if winner else None,
            **body_of(error),
        )
    return DecisionResult(item_id=request.item_id, status=200, decision=desk.decision_view(review_round, made))


def _open_cells(items: tuple[CollectedItem, ...], error: RoundNotSettledError) -> list[dict[str, str]]:
    axes, cells = cell_axes(items), group(items)
    return [
        OpenCell(cell_id=cell, label=" · ".join(cells[cell][0].axes[axis] for axis in axes)).model_dump()
        for cell in (*error.open_cells, *error.over_approved_cells)
    ]

"""Review rounds as objects: opened by collect_results, found by listing, closed once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pressrun.core import keys
from pressrun.core.campaign import CampaignSpec, ReviewSpec
from pressrun.core.errors import ConflictError, NotFoundError
from pressrun.core.plan import RunRequest
from pressrun.core.review import ReviewRound, RoundClosed
from pressrun.steps.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RoundListing:
    """A round as far as a listing tells. `opened` and `closed` are UTC times of the two objects."""

    campaign: str
    run_key: str
    number: int
    opened: datetime
    closed: datetime | None


@dataclass(frozen=True, slots=True)
class RoundStatus:
    """A round and, once it is finished, how it ended."""

    round: ReviewRound
    closed: RoundClosed | None


def open_round(
    ws: Workspace, *, request: RunRequest, spec: CampaignSpec, collection_key: str, number: int
) -> ReviewRound:
    """Open a round for a collection, or return the same round where a retry has opened it already.

    ConflictError where that number belongs to another collection: what people look at does not change under them.
    """
    opened = ReviewRound(
        run_key=request.run_key,
        campaign=request.campaign,
        dag_id=request.dag_id,
        run_id=request.run_id,
        number=number,
        title=spec.title,
        press=request.press,
        collection_key=collection_key,
        want=spec.review.want,
        reviewers=spec.review.reviewers,
        opened_at=utc_now(),
    )
    key = keys.round_open(opened.campaign, opened.run_key, number)
    if ws.work.create(key, opened.to_bytes()):
        return opened
    existing = ws.read(ReviewRound, key)
    if existing.collection_key != collection_key:
        raise ConflictError(
            f"review round {number} is open for another collection",
            where=ws.work.uri(key),
            remedy="open the next round number",
        )
    return existing


def list_rounds(ws: Workspace, campaign: str | None = None, run_key_prefix: str | None = None) -> list[RoundListing]:
    """Rounds of all campaigns, of one campaign or of one run, by one listing; newest first."""
    opened: dict[tuple[str, str, int], datetime] = {}
    closed: dict[tuple[str, str, int], datetime] = {}
    for info in ws.work.list(keys.reviews(campaign, run_key_prefix)):
        parts = info.key.split("/")
        if len(parts) != 5 or not parts[3].isdecimal():
            continue
        place = (parts[1], parts[2], int(parts[3]))
        if parts[4] == "open.json":
            opened[place] = info.modified
        elif parts[4] == "closed.json":
            closed[place] = info.modified
    found = [RoundListing(*place, opened=at, closed=closed.get(place)) for place, at in opened.items()]
    return sorted(found, key=lambda listing: (listing.opened, listing.number), reverse=True)


def read_round(ws: Workspace, campaign: str, run_key: str, number: int) -> RoundStatus:
    """One round; NotFoundError where there is none."""
    opened = ws.read(ReviewRound, keys.round_open(campaign, run_key, number))
    return RoundStatus(opened, read_closed(ws, opened))


def read_rounds(ws: Workspace, campaign: str, run_key_prefix: str) -> list[RoundStatus]:
    """All rounds of a DAG run (every edition of it), newest first."""
    found = list_rounds(ws, campaign, run_key_prefix)
    return [read_round(ws, listing.campaign, listing.run_key, listing.number) for listing in found]


def may_decide(review_round: ReviewRound, user: str, locale: str) -> bool:
    """True where `user` is on the campaign's reviewer list for this market."""
    return ReviewSpec(reviewers=review_round.reviewers).may_decide(user, locale)


def may_finish(review_round: ReviewRound, user: str) -> bool:
    """True where `user` reviews at least one market of the campaign."""
    return any(user in listed for listed in review_round.reviewers.values())


def refuse_closed(ws: Workspace, review_round: ReviewRound) -> None:
    """ConflictError, naming who finished the round, where it is finished."""
    closed = read_closed(ws, review_round)
    if closed is not None:
        raise ConflictError(
            f"{closed.by} finished this round at {closed.at}",
            where=f"{review_round.title}, round {review_round.number}",
            remedy="decisions after that do not count; start a run with rework to look again",
        )


def read_closed(ws: Workspace, review_round: ReviewRound) -> RoundClosed | None:
    """How the round ended, or None while it is open."""
    key = keys.round_closed(review_round.campaign, review_round.run_key, review_round.number)
    try:
        return ws.read(RoundClosed, key)
    except NotFoundError:
        return None


def utc_now() -> str:
    """Now in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

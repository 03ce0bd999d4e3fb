"""The review queue: which rounds wait, over all campaigns that the user may see."""

from __future__ import annotations

from pressrun.core.errors import InputError, NotFoundError
from pressrun.gallery.access import Seat
from pressrun.gallery.rounds import round_summary
from pressrun.gallery.views import RoundSummary, RoundsView
from pressrun.steps.decisions import Heads
from pressrun.steps.review import RoundListing, list_rounds

OPEN_LIMIT = 100
CLOSED_LIMIT = 20


def read_queue(here: Seat) -> RoundsView:
    """Open rounds and the last finished ones, newest first. One listing, then one per campaign shown."""
    allowed: dict[str, bool] = {}
    seen: list[RoundListing] = []
    for listing in list_rounds(here.desk.ws):
        if listing.campaign not in allowed:
            allowed[listing.campaign] = here.may(listing.campaign, "look")
        if allowed[listing.campaign]:
            seen.append(listing)
    waiting = [listing for listing in seen if listing.closed is None][:OPEN_LIMIT]
    finished = sorted((one for one in seen if one.closed), key=lambda one: str(one.closed), reverse=True)
    heads: dict[str, Heads] = {}
    return RoundsView(
        open=_summaries(here, waiting, heads),
        closed=_summaries(here, finished[:CLOSED_LIMIT], heads),
        older=max(0, len(finished) - CLOSED_LIMIT),
    )


def _summaries(here: Seat, listings: list[RoundListing], heads: dict[str, Heads]) -> list[RoundSummary]:
    found = []
    for listing in listings:
        if listing.campaign not in heads:
            heads[listing.campaign] = here.desk.heads(listing.campaign)
        try:
            found.append(round_summary(here.desk, here.listed(listing), here.user, heads[listing.campaign]))
        except (NotFoundError, InputError):
            # A round whose collection retention has deleted, or another release wrote: nothing left to review.
            continue
    return found

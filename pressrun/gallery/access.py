"""From a URL to a round or a run that this user may see; everything else is the same 404."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import Request

from pressrun.core import ids, keys
from pressrun.core.collection import CollectedItem
from pressrun.core.errors import InputError, NotAllowedError, NotFoundError
from pressrun.core.review import ReviewRound
from pressrun.gallery.auth import Action, RequireAccess, User, signed_in
from pressrun.gallery.desk import ReviewDesk
from pressrun.gallery.errors import not_found
from pressrun.steps.review import RoundListing, RoundStatus

# A run key is derived from a campaign's name and two digests; nothing else may reach an object key.
_RUN_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True)
class Seat:
    """The asking user in front of the desk."""

    user: User
    desk: ReviewDesk
    require_access: RequireAccess

    def may(self, campaign: str, action: Action) -> bool:
        return self.require_access(self.user, ids.dag_id_of(campaign), action)

    def round(self, campaign: str, run_key: str, number: int) -> RoundStatus:
        """A round the user may look at; 404 otherwise, whatever the reason."""
        self.look(campaign)
        if not _RUN_KEY.fullmatch(run_key) or not 0 < number < 100:
            raise not_found()
        try:
            review_round = self.desk.opened(campaign, run_key, number)
        except NotFoundError:
            raise not_found() from None
        return self.status(review_round)

    def status(self, review_round: ReviewRound) -> RoundStatus:
        """Whether a round is finished. Only its end is looked up; the round itself never changes."""
        key = keys.round_closed(review_round.campaign, review_round.run_key, review_round.number)
        if self.desk.ws.work.head(key) is None:
            return RoundStatus(review_round, None)
        return RoundStatus(review_round, self.desk.closed(review_round))

    def listed(self, listing: RoundListing) -> RoundStatus:
        """A round that a listing found, opened; a listed end is not asked for again."""
        review_round = self.desk.opened(listing.campaign, listing.run_key, listing.number)
        return RoundStatus(review_round, self.desk.closed(review_round) if listing.closed else None)

    def look(self, campaign: str) -> None:
        """404 unless the user may look at this campaign."""
        try:
            ids.ident(campaign, what="campaign")
        except InputError:
            raise not_found() from None
        if not self.may(campaign, "look"):
            raise not_found()

    def write(self, review_round: ReviewRound) -> None:
        """NotAllowedError unless the deployment lets this user decide in this campaign."""
        if not self.may(review_round.campaign, "decide"):
            raise NotAllowedError(
                f"{self.user.name} may look at this campaign and not decide",
                remedy="ask an administrator of Airflow for a role that may answer required actions",
            )

    def item(self, review_round: ReviewRound, item_id: str) -> CollectedItem:
        """An item of the round's collection; 404 for any other id."""
        for item in self.desk.collection(review_round).items:
            if item.item_id == item_id:
                return item
        raise not_found()


def seat(request: Request) -> Seat:
    """Dependency: the user and the desk of this app."""
    state = request.app.state
    return Seat(signed_in(request), state.desk, state.require_access)

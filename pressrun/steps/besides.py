"""What a quote needs to know besides prices of machines: reviewers' pace, retention, and what storage costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice, pairwise

from pressrun.core import keys
from pressrun.core.besides import Besides
from pressrun.core.errors import InputError, NotFoundError
from pressrun.core.people import FILE, ReviewPolicy, parse_review_policy
from pressrun.core.review import Decision, RoundClosed
from pressrun.steps.prices import read_price_file
from pressrun.steps.retire import retention_policy
from pressrun.steps.workspace import Workspace

ROUNDS = 3
DECISIONS = 100
"""Read for one quote at most: the pace of the newest rounds, not their history."""


def read_besides(ws: Workspace, campaign: str) -> Besides:
    """The terms of a quote that are no price of a machine."""
    storage = read_price_file(ws.settings.include).storage
    return Besides(
        review=read_review_policy(ws).learnt(looks(ws, campaign)),
        retention=retention_policy(ws),
        storage_usd=storage.usd_per_gb_month if storage else None,
        storage_source=storage.told() if storage else "no price known",
    )


def read_review_policy(ws: Workspace) -> ReviewPolicy:
    """include/policy/review.yaml, or a rule of thumb where there is none."""
    path = ws.settings.include / FILE
    return parse_review_policy(path.read_bytes()) if path.is_file() else ReviewPolicy()


def looks(ws: Workspace, campaign: str) -> list[float]:
    """Seconds between consecutive decisions of one person, in the newest closed rounds of a campaign."""
    found = list(islice(_approvals(ws, campaign), DECISIONS))
    if not found:
        return []
    with ThreadPoolExecutor(max_workers=8) as pool:
        decisions = [decision for decision in pool.map(lambda key: _read(ws, key), found) if decision is not None]
    by_person: dict[tuple[str, str, int], list[float]] = {}
    for decision in decisions:
        sat = (decision.by, decision.run_key, decision.round)
        by_person.setdefault(sat, []).append(datetime.fromisoformat(decision.at).timestamp())
    return [later - earlier for times in by_person.values() for earlier, later in pairwise(sorted(times))]


def _approvals(ws: Workspace, campaign: str) -> Iterator[str]:
    """Keys of decisions, newest round first."""
    closed = [info for info in ws.work.list(keys.reviews(campaign)) if info.key.endswith("/closed.json")]
    for info in sorted(closed, key=lambda info: info.modified, reverse=True)[:ROUNDS]:
        try:
            found: Sequence[str] = [one.decision_key for one in ws.read(RoundClosed, info.key).approved]
        except (InputError, NotFoundError):
            continue  # of another version; an estimate must not fail over its history
        yield from found


def _read(ws: Workspace, key: str) -> Decision | None:
    try:
        return ws.read(Decision, key)
    except (InputError, NotFoundError):
        return None

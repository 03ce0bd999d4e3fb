"""Rework: which items go round again because a reviewer asked for changes."""

from __future__ import annotations

from collections import Counter

from pressrun.steps.decisions import read_heads
from pressrun.steps.workspace import Workspace


def review_rounds(ws: Workspace, campaign: str, *, advance: bool) -> dict[str, int]:
    """Item id → round of the picture to ask for; items in round 0 are left out.

    Every set of bytes that was sent back counts one round. With `advance` (the run's `rework`) an item whose newest
    picture was sent back gets a new one; without, the newest picture that somebody decided about is asked for again,
    so that an ordinary run buys nothing because of an open change request.
    """
    heads = read_heads(ws, campaign)
    seen = Counter(item for item, _ in heads)
    sent_back = Counter(item for (item, _), head in heads.items() if head.state == "changes_requested")
    return {item: n if advance else min(n, seen[item] - 1) for item, n in sent_back.items()}

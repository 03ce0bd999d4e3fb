"""Decisions in the work bucket: append-only records, each with a marker so that a listing tells the state.

A record is claimed with If-None-Match at the next sequence number; of two people who decide at once, one wins and
the other is told who did. Writer: the gallery, through `pressrun.steps.review.decide`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from pressrun.core import keys
from pressrun.core.errors import ConflictError
from pressrun.core.review import Decision, DecisionHead, DecisionState
from pressrun.steps.workspace import Workspace
from pressrun.storage.store import ObjectInfo

Heads = dict[tuple[str, str], DecisionHead]
_STATES: dict[str, DecisionState] = {state: state for state in get_args(DecisionState)}


class DecisionConflictError(ConflictError):
    """Somebody decided first. `winner` is their decision, where there is one to show."""

    winner: Decision | None = None


def read_heads(ws: Workspace, campaign: str) -> Heads:
    """The newest decision of every (item id, SHA-256) of a campaign, by one listing.

    A record whose marker is missing (its writer died between two writes) is opened; that is the only read.
    """
    return _heads(ws, campaign, ws.work.list(keys.decisions(campaign)))


def read_head(ws: Workspace, campaign: str, item_id: str, sha256: str) -> DecisionHead | None:
    """The newest decision about exactly these bytes of an item."""
    return _heads(ws, campaign, ws.work.list(keys.decisions(campaign, item_id, sha256))).get((item_id, sha256))


def read_decision(ws: Workspace, campaign: str, head: DecisionHead) -> Decision:
    """The whole record behind a head."""
    return ws.read(Decision, keys.decision(campaign, head.item_id, head.sha256, head.sequence))


def read_history(ws: Workspace, campaign: str, item_id: str) -> list[Decision]:
    """Every decision ever made about an item, oldest first, whatever bytes it had then."""
    found = ws.work.list(keys.decisions(campaign, item_id))
    records = [ws.read(Decision, info.key) for info in found if info.key.endswith(".json")]
    return sorted(records, key=lambda record: (record.at, record.sequence))


def append(ws: Workspace, decision: Decision) -> None:
    """Claim the decision's sequence number, then leave its marker. DecisionConflictError where the number is taken."""
    place = (decision.campaign, decision.item_id, decision.sha256, decision.sequence)
    if not ws.work.create(keys.decision(*place), decision.to_bytes()):
        raise conflict(ws, ws.read(Decision, keys.decision(*place)))
    ws.work.create(keys.decision_marker(*place, decision.state), b"", content_type="text/plain")


def conflict(ws: Workspace, winner: Decision) -> DecisionConflictError:
    """The error that tells who was faster."""
    error = DecisionConflictError(
        f"{winner.by_name} decided first: {winner.state.replace('_', ' ')}",
        where=ws.work.uri(keys.decision(winner.campaign, winner.item_id, winner.sha256, winner.sequence)),
        remedy="look again and decide on top of it if you disagree",
    )
    error.winner = winner
    return error


def _heads(ws: Workspace, campaign: str, infos: Iterable[ObjectInfo]) -> Heads:
    newest: dict[tuple[str, str], tuple[int, DecisionState | None]] = {}
    prefix = keys.decisions(campaign)
    for info in infos:
        item_id, sha256, name = info.key.removeprefix(prefix).split("/")
        sequence, state = _parse(name)
        known = newest.get((item_id, sha256))
        # A record and its marker have the same number; the marker's state wins over the record's unknown one.
        if known is None or sequence > known[0] or (sequence == known[0] and state is not None):
            newest[item_id, sha256] = (sequence, state)
    heads: Heads = {}
    for (item_id, sha256), (sequence, marked) in newest.items():
        state = marked
        if state is None:
            state = ws.read(Decision, keys.decision(campaign, item_id, sha256, sequence)).state
        heads[item_id, sha256] = DecisionHead(item_id=item_id, sha256=sha256, sequence=sequence, state=state)
    return heads


def _parse(name: str) -> tuple[int, DecisionState | None]:
    if name.endswith(".json"):
        return int(name.removesuffix(".json")), None
    sequence, _, state = name.partition("-")
    return int(sequence), _STATES[state]

"""Rework: which items go round again because a reviewer asked for changes.

An item's round is written down when a run with `rework` plans it, at rework/{campaign}/{item}/{round}.json, and holds
for every later run: so an ordinary run asks for the newest picture and buys nothing because of an open request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pressrun.core import keys
from pressrun.core.codec import VersionedDocument
from pressrun.core.item import Item
from pressrun.core.render import Render
from pressrun.steps.decisions import read_heads
from pressrun.steps.workspace import Workspace


class ReworkRecord(VersionedDocument):
    """An item went into this round because these bytes were sent back."""

    SCHEMA: ClassVar[str] = "rework/1"

    campaign: str
    item_id: str
    round: int
    run_key: str


def recorded_rounds(ws: Workspace, campaign: str) -> dict[str, int]:
    """Item id → its newest round; items that were never reworked are left out."""
    rounds: dict[str, int] = {}
    for info in ws.work.list(keys.reworks(campaign)):
        item_id, number = info.key.removesuffix(".json").split("/")[-2:]
        rounds[item_id] = max(rounds.get(item_id, 0), int(number))
    return rounds


def advanced_rounds(ws: Workspace, campaign: str, items: Iterable[Item]) -> dict[str, int]:
    """Item id → next round, for the items whose present picture was sent back. Reads only those items' renders."""
    sent_back = {pair for pair, head in read_heads(ws, campaign).items() if head.state == "changes_requested"}
    suspects = {item_id for item_id, _ in sent_back}
    return {
        item.item_id: item.round + 1
        for item in items
        if item.item_id in suspects and (item.item_id, _picture(ws, item.render_key)) in sent_back
    }


def record_rounds(ws: Workspace, campaign: str, items: Iterable[Item], *, run_key: str) -> None:
    """Write down the rounds of a plan; what is written already stays."""
    known = recorded_rounds(ws, campaign)
    for item in items:
        if item.round > known.get(item.item_id, 0):
            record = ReworkRecord(campaign=campaign, item_id=item.item_id, round=item.round, run_key=run_key)
            ws.write_once(keys.rework(campaign, item.item_id, item.round), record)


def _picture(ws: Workspace, render_key: str) -> str:
    key = keys.render(render_key)
    return ws.read(Render, key).sealed_sha256 if ws.work.head(key) else ""

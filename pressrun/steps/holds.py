"""Legal holds: a held campaign loses nothing to retention until somebody releases it, and both leave a trace."""

from __future__ import annotations

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import ConflictError, InputError
from pressrun.core.retention import HoldChange, LegalHold
from pressrun.steps.review_rounds import utc_now
from pressrun.steps.workspace import Workspace


def hold(ws: Workspace, campaign: str, *, by: str, reason: str) -> LegalHold:
    """Keep every draft of the campaign from now on. InputError without a reason; placing it twice changes nothing."""
    return _change(ws, campaign, held=True, by=by, reason=reason)


def release(ws: Workspace, campaign: str, *, by: str, reason: str) -> LegalHold:
    """Let retention go on. InputError without a reason, or where the campaign was never held."""
    if read_hold(ws, campaign) is None:
        raise InputError(f"campaign {campaign!r} has no hold to release", where=ws.work.uri(keys.hold(campaign)))
    return _change(ws, campaign, held=False, by=by, reason=reason)


def read_hold(ws: Workspace, campaign: str) -> LegalHold | None:
    """The campaign's hold with its history, or None where there never was one."""
    key = keys.hold(campaign)
    if ws.work.head(key) is None:
        return None
    return from_bytes(LegalHold, ws.work.get(key), where=ws.work.uri(key))


def is_held(ws: Workspace, campaign: str) -> bool:
    found = read_hold(ws, campaign)
    return found is not None and found.held


def _change(ws: Workspace, campaign: str, *, held: bool, by: str, reason: str) -> LegalHold:
    key = keys.hold(campaign)
    if not reason.strip():
        raise InputError("a hold is placed and released with a reason", where=ws.work.uri(key), remedy="say why")
    change = HoldChange(held=held, by=by, reason=reason.strip(), at=utc_now())
    for _ in range(10):
        info = ws.work.head(key)
        if info is None:
            document = LegalHold(campaign=campaign, changes=(change,))
            if ws.work.create(key, document.to_bytes()):
                return document
            continue
        known = from_bytes(LegalHold, ws.work.get(key), where=ws.work.uri(key))
        if known.held == held:
            return known
        document = LegalHold(campaign=campaign, changes=(*known.changes, change))
        if ws.work.replace(key, document.to_bytes(), etag=info.etag):
            return document
    raise ConflictError("somebody else keeps changing this hold", where=ws.work.uri(key), remedy="try again")

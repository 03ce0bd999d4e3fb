"""Plans that runs have left behind."""

from __future__ import annotations

import re
from pathlib import Path

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.errors import NotFoundError
from pressrun.core.plan import RenderPlan
from pressrun.steps.workspace import Workspace

NEWEST = "newest"


def read_plan(ws: Workspace, campaign: str, other: str) -> RenderPlan:
    """A plan by `newest` (of the campaign's runs), s3:// URI or file. NotFoundError where there is none."""
    if other == NEWEST:
        return newest_plan(ws, campaign)
    if other.startswith("s3://"):
        return from_bytes(RenderPlan, ws.fetch(other), where=other)
    path = Path(other)
    if not path.is_file():
        raise NotFoundError("there is no such plan", where=other, remedy="give `newest`, an s3:// URI or a file")
    return from_bytes(RenderPlan, path.read_bytes(), where=other)


def newest_plan(ws: Workspace, campaign: str) -> RenderPlan:
    """The plan that was stored last, by whatever run of the campaign."""
    # "spring" is a prefix of "spring-sale", too: the rest of a run key is known.
    own = re.compile(re.escape(keys.runs(campaign)) + r"-[0-9a-f]{12}-[0-9a-f]{6}/plans/[0-9a-f]{64}\.json")
    found = [info for info in ws.work.list(keys.runs(f"{campaign}-")) if own.fullmatch(info.key)]
    if not found:
        raise NotFoundError("no run of this campaign has stored a plan yet", where=campaign, remedy="run it once")
    return ws.read(RenderPlan, max(found, key=lambda info: (info.modified, info.key)).key)

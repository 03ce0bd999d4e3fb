"""Approvals: who agreed to exactly which quote."""

from __future__ import annotations

from typing import ClassVar

from pressrun.core.codec import VersionedDocument


class Approval(VersionedDocument):
    """At runs/{run_key}/approvals/{quote digest}.json, written once. `by` is a user or the campaign's threshold."""

    SCHEMA: ClassVar[str] = "approval/1"

    run_key: str
    plan_digest: str
    quote_digest: str
    by: str
    at: str
    ceiling_usd: float | None

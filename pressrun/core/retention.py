"""Retention: which drafts may be deleted, decided from all runs that still know them. Pure.

scratch   proofs, and runs whose campaign says so                 7 days
rejected  drafts that a person or the quality check turned down  30 days
campaign  every other draft                                     365 days

Approved and published images, and lineage, are never deleted here.
"""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.campaign import RetentionClass
from pressrun.core.codec import VersionedDocument
from pressrun.core.errors import InputError


class RetentionPolicy(BaseModel):
    """Days that drafts of each class are kept after their run was closed."""

    model_config = {"extra": "forbid", "frozen": True}

    scratch: int = Field(7, ge=1)
    rejected: int = Field(30, ge=1)
    campaign: int = Field(365, ge=1)

    def days(self, kind: RetentionClass) -> int:
        return {"scratch": self.scratch, "rejected": self.rejected, "campaign": self.campaign}[kind]


@dataclass(frozen=True, slots=True)
class Draft:
    """One run's claim on one staged image. `closed` is None while the run, or a review round of it, is open.

    `kept` is true where these bytes were ever approved or published. `further_uris` are an item's other files.
    """

    image_uri: str
    thumb_uri: str | None
    render_key: str
    sha256: str
    item_id: str
    campaign: str
    run_key: str
    retention: RetentionClass
    closed: date | None
    kept: bool
    further_uris: tuple[str, ...] = ()


class RetiredDraft(BaseModel):
    """A deleted draft, in a receipt."""

    model_config = {"extra": "forbid", "frozen": True}

    item_id: str
    sha256: str
    render_key: str
    image_uri: str
    thumb_uri: str | None
    retention: RetentionClass
    further_uris: tuple[str, ...] = ()


class Retirement(VersionedDocument):
    """Receipt of what retention deleted of a run. `finished` is false while it deletes, true afterwards."""

    SCHEMA: ClassVar[str] = "retirement/1"

    campaign: str
    run_key: str
    deleted: tuple[RetiredDraft, ...]
    last_pass: str
    finished: bool


class HoldChange(BaseModel):
    """Somebody placed or released a hold."""

    model_config = {"extra": "forbid", "frozen": True}

    held: bool
    by: str
    reason: str
    at: str


class LegalHold(VersionedDocument):
    """holds/{campaign}.json: the newest change says whether the campaign is held; none is ever forgotten."""

    SCHEMA: ClassVar[str] = "hold/1"

    campaign: str
    changes: tuple[HoldChange, ...]

    @property
    def held(self) -> bool:
        return self.changes[-1].held


def draft_class(run: RetentionClass, *, proof: bool, turned_down: bool) -> RetentionClass:
    """The class of one draft: scratch wins over all, then rejected, then the run's own."""
    if proof or run == "scratch":
        return "scratch"
    return "rejected" if turned_down else run


def may_go(draft: Draft, policy: RetentionPolicy, today: date) -> bool:
    """True where this claim alone does not keep the image: closed, and older than its class by whole days."""
    return not draft.kept and draft.closed is not None and (today - draft.closed).days > policy.days(draft.retention)


def expired(
    drafts: Iterable[Draft],
    policy: RetentionPolicy,
    today: date,
    *,
    held: AnyOf[str] = (),
    in_use: AnyOf[str] = (),
) -> tuple[Draft, ...]:
    """One claim for each image that every claim lets go: its youngest.

    Claims of campaigns in `held` let nothing go, nor do render keys in `in_use`: an open run counts on those pictures.
    """
    claims: dict[str, list[Draft]] = {}
    for draft in drafts:
        claims.setdefault(draft.image_uri, []).append(draft)
    return tuple(
        max(known, key=lambda draft: (draft.closed or today, draft.run_key))
        for known in claims.values()
        if all(
            draft.campaign not in held and draft.render_key not in in_use and may_go(draft, policy, today)
            for draft in known
        )
    )


def read_policy(data: bytes, *, file: str) -> RetentionPolicy:
    """Read include/policy/retention.yaml (lines like `rejected: 30`). InputError names what is wrong."""
    try:
        return RetentionPolicy.model_validate(yaml.safe_load(data) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise InputError(f"not YAML: {exc}", where=file, remedy="write lines like `rejected: 30`") from exc
    except ValidationError as exc:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
        raise InputError(wrong, where=file, remedy="known classes: scratch, rejected, campaign; whole days") from exc

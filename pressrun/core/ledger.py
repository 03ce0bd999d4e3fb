"""Budgets and the ledger that holds runs to them: one ledger for each team and month, changed by one writer at a time.

A campaign belongs to one team, so its own budget and its team's are checked in the same document. What is reserved is
the ceiling, not the estimate: the sum of all that could be spent never passes a budget, whatever the jobs do.
"""

from __future__ import annotations

from typing import ClassVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.codec import VersionedDocument
from pressrun.core.errors import InputError, NotAllowedError

FILE = "policy/budgets.yaml"


class BudgetLine(BaseModel):
    """What a campaign or a team may use in a calendar month (UTC); None: no such limit."""

    model_config = {"extra": "forbid", "frozen": True}

    usd: float | None = Field(None, ge=0, description="money for one calendar month")
    images: int | None = Field(None, ge=0, description="pictures bought in one calendar month")
    runs_a_day: int | None = Field(None, ge=0, description="runs that buy anything, by UTC day")


class Budgets(BaseModel):
    """include/policy/budgets.yaml. Who is not listed has no budget of that kind."""

    model_config = {"extra": "forbid", "frozen": True}

    campaigns: dict[str, BudgetLine] = Field(default_factory=dict)
    teams: dict[str, BudgetLine] = Field(default_factory=dict)


class LedgerEntry(BaseModel):
    """What one quote of a run may use or, once `settled`, what the run did use. `at` is when it was reserved, UTC."""

    model_config = {"extra": "forbid", "frozen": True}

    run_key: str
    quote_digest: str
    campaign: str
    usd: float
    images: int
    at: str
    settled: bool = False


class Reservation(VersionedDocument):
    """Where a run's entry is. Written before the ledger is, so that a retry after midnight finds the same month."""

    SCHEMA: ClassVar[str] = "reservation/1"

    month: str
    team: str
    entry: LedgerEntry


class Ledger(VersionedDocument):
    """Everything reserved and spent by one team in one month ("2026-03"). Replaced by ETag only."""

    SCHEMA: ClassVar[str] = "ledger/1"

    month: str
    team: str
    entries: tuple[LedgerEntry, ...] = ()

    def reserve(self, entry: LedgerEntry, budgets: Budgets) -> Ledger:
        """The ledger with this entry in the place of an older one of the same quote. NotAllowedError without room."""
        others = self._without(entry)
        for who, line, own in (
            (f"campaign {entry.campaign}", budgets.campaigns.get(entry.campaign), entry.campaign),
            (f"team {self.team}", budgets.teams.get(self.team), None),
        ):
            if line is not None:
                self._hold(who, line, [seen for seen in others if own in (None, seen.campaign)], entry)
        return self.model_copy(update={"entries": (*others, entry)})

    def settle(self, entry: LedgerEntry, *, usd: float, images: int) -> Ledger:
        """The ledger with what the run really used; what it did not use is free again."""
        done = entry.model_copy(update={"usd": usd, "images": images, "settled": True})
        return self.model_copy(update={"entries": (*self._without(entry), done)})

    def find(self, entry: LedgerEntry) -> LedgerEntry | None:
        """The entry of the same run and quote."""
        return next((seen for seen in self.entries if _same(seen, entry)), None)

    def _without(self, entry: LedgerEntry) -> tuple[LedgerEntry, ...]:
        return tuple(seen for seen in self.entries if not _same(seen, entry))

    def _hold(self, who: str, line: BudgetLine, others: list[LedgerEntry], entry: LedgerEntry) -> None:
        waiting = {seen.run_key for seen in others if not seen.settled}
        hold = "runs hold" if len(waiting) > 1 else "run holds"
        held = f" ({len(waiting)} unfinished {hold} part of it)" if waiting else ""
        used, pictures = sum(seen.usd for seen in others), sum(seen.images for seen in others)
        today = {seen.run_key for seen in others if seen.at[:10] == entry.at[:10]} - {entry.run_key}
        if line.usd is not None and used + entry.usd > line.usd + 1e-9:
            raise _refused(
                f"{who} has ${max(0.0, line.usd - used):,.2f} left of its ${line.usd:,.2f} for {self.month}{held}, "
                f"and this run could cost up to ${entry.usd:,.2f}"
            )
        if line.images is not None and pictures + entry.images > line.images:
            raise _refused(
                f"{who} may buy {max(0, line.images - pictures):,} more of its {line.images:,} pictures for "
                f"{self.month}{held}, and this run has {entry.images:,}"
            )
        if line.runs_a_day is not None and len(today) >= line.runs_a_day:
            raise _refused(f"{who} has had its {line.runs_a_day} runs of {entry.at[:10]}")


def parse_budgets(data: bytes) -> Budgets:
    """Read budgets.yaml; InputError names the wrong field."""
    try:
        return Budgets.model_validate(yaml.safe_load(data) or {})
    except yaml.YAMLError as exc:
        raise InputError(f"not YAML: {exc}", where=FILE, remedy="fix the syntax") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        place = "/" + "/".join(map(str, first["loc"]))
        raise InputError(f"{place}: {first['msg']}", where=FILE, remedy="see docs/how-to/budget.md") from exc


def _same(one: LedgerEntry, other: LedgerEntry) -> bool:
    return (one.run_key, one.quote_digest) == (other.run_key, other.quote_digest)


def _refused(message: str) -> NotAllowedError:
    remedy = f"render fewer items, wait until unfinished runs settle, or raise the budget in include/{FILE}"
    return NotAllowedError(message, remedy=remedy)

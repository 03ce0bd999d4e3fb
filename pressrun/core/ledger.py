"""Budgets and the ledgers that hold runs to them: one for each team and month, and one for each team and week.

A campaign belongs to one team, so its own budget and its team's are checked in the same document. What is reserved is
the ceiling, not the estimate: the sum of all that could be spent never passes a budget, whatever the jobs do.

A week may lie in two months, so what is limited by week has a ledger of its own; a run needs room in both.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from pressrun.core.codec import VersionedDocument
from pressrun.core.errors import InputError, NotAllowedError

FILE = "policy/budgets.yaml"


class BudgetLine(BaseModel):
    """What a campaign or a team may use, by UTC days, ISO weeks and calendar months; None: no such limit."""

    model_config = {"extra": "forbid", "frozen": True}

    usd: float | None = Field(None, ge=0, description="money for one calendar month")
    images: int | None = Field(None, ge=0, description="pictures bought in one calendar month")
    images_a_day: int | None = Field(None, ge=0, description="pictures bought in one UTC day")
    images_a_week: int | None = Field(None, ge=0, description="pictures bought in one ISO week, Monday to Sunday")
    runs_a_day: int | None = Field(None, ge=0, description="runs that buy anything, by UTC day")
    runs_a_week: int | None = Field(None, ge=0, description="runs that buy anything, by ISO week")
    runs_a_month: int | None = Field(None, ge=0, description="runs that buy anything, by calendar month")


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
    """Where a run's entry is. Written before the ledgers are, so that a retry after midnight finds the same ones.

    `week` is empty in documents of before there were ledgers by week.
    """

    SCHEMA: ClassVar[str] = "reservation/1"

    month: str
    team: str
    entry: LedgerEntry
    week: str = ""

    @property
    def periods(self) -> tuple[str, ...]:
        """The ledgers it is in, in the order in which they are changed."""
        return (self.week, self.month) if self.week else (self.month,)


class Ledger(VersionedDocument):
    """Everything reserved and spent by one team in one month ("2026-03") or week ("2026-W13"). Replaced by ETag only.

    The field is called `month` for both: older ledgers have nothing else.
    """

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

    def release(self, entry: LedgerEntry, before: LedgerEntry | None) -> Ledger:
        """The ledger as it was before this entry was reserved; `before` is what stood there then."""
        kept = () if before is None else (before,)
        return self.model_copy(update={"entries": (*self._without(entry), *kept)})

    def find(self, entry: LedgerEntry) -> LedgerEntry | None:
        """The entry of the same run and quote."""
        return next((seen for seen in self.entries if _same(seen, entry)), None)

    def _without(self, entry: LedgerEntry) -> tuple[LedgerEntry, ...]:
        return tuple(seen for seen in self.entries if not _same(seen, entry))

    def _hold(self, who: str, line: BudgetLine, others: list[LedgerEntry], entry: LedgerEntry) -> None:
        waiting = {seen.run_key for seen in others if not seen.settled}
        hold = "runs hold" if len(waiting) > 1 else "run holds"
        held = f" ({len(waiting)} unfinished {hold} part of it)" if waiting else ""
        day = entry.at[:10]
        today = [seen for seen in others if seen.at[:10] == day]
        if "W" in self.month:
            _few(who, "images_a_week", line.images_a_week, others, entry, when=f"week {self.month}", held=held)
            _seldom(who, "runs_a_week", line.runs_a_week, others, entry, when=f"week {self.month}")
            return
        used = sum(seen.usd for seen in others)
        if line.usd is not None and used + entry.usd > line.usd + 1e-9:
            raise _refused(
                f"{who} has ${max(0.0, line.usd - used):,.2f} left of its ${line.usd:,.2f} for {self.month}{held}, "
                f"and this run could cost up to ${entry.usd:,.2f}",
                "usd",
            )
        _few(who, "images", line.images, others, entry, when=self.month, held=held)
        _few(who, "images_a_day", line.images_a_day, today, entry, when=day, held=held)
        _seldom(who, "runs_a_month", line.runs_a_month, others, entry, when=self.month)
        _seldom(who, "runs_a_day", line.runs_a_day, today, entry, when=day)


def periods_of(moment: datetime) -> tuple[str, str]:
    """The month and the ISO week of a moment, as ledgers are called."""
    year, week, _ = moment.isocalendar()
    return f"{moment:%Y-%m}", f"{year}-W{week:02d}"


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


def _few(
    who: str, field: str, most: int | None, others: list[LedgerEntry], entry: LedgerEntry, *, when: str, held: str
) -> None:
    """NotAllowedError where the entry's pictures are more than are left."""
    pictures = sum(seen.images for seen in others)
    if most is not None and pictures + entry.images > most:
        raise _refused(
            f"{who} may buy {max(0, most - pictures):,} more of its {most:,} pictures for {when}{held}, "
            f"and this run has {entry.images:,}",
            field,
        )


def _seldom(
    who: str, field: str, most: int | None, others: list[LedgerEntry], entry: LedgerEntry, *, when: str
) -> None:
    """NotAllowedError where as many other runs have bought something. One that ended without any cost is none."""
    runs = {seen.run_key for seen in others if not (seen.settled and not seen.images and not seen.usd)}
    if most is not None and len(runs - {entry.run_key}) >= most:
        raise _refused(f"{who} has had its {most} runs of {when}", field)


def _refused(message: str, field: str) -> NotAllowedError:
    wait = (
        "wait for the next period"
        if field.startswith("runs")
        else "render fewer items, wait until unfinished runs settle"
    )
    return NotAllowedError(message, remedy=f"{wait}, or raise `{field}` in include/{FILE}")

"""Reservations: money and pictures set aside before the first job, and given back when the jobs have ended."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from pressrun.core import keys
from pressrun.core.collection import Collection
from pressrun.core.errors import NotAllowedError, StorageError
from pressrun.core.findings import Finding, Place
from pressrun.core.ledger import FILE, Budgets, Ledger, LedgerEntry, Reservation, parse_budgets, periods_of
from pressrun.core.plan import RenderPlan
from pressrun.core.quote import Quote
from pressrun.steps.workspace import Workspace

TRIES = 60
_PAUSE = 0.01


def read_budgets(ws: Workspace) -> Budgets:
    """The deployment's budgets; none where there is no such file."""
    path = ws.settings.include / FILE
    return parse_budgets(path.read_bytes()) if path.is_file() else Budgets()


def reserve_run(ws: Workspace, plan: RenderPlan, quote: Quote, *, now: datetime | None = None) -> LedgerEntry | None:
    """Set the quote's ceiling aside, or NotAllowedError. Safe to repeat; None where nothing is to be bought."""
    if not quote.to_render:
        return None
    wanted = _reservation(plan, quote, read_budgets(ws), now or datetime.now(UTC))
    key = keys.reservation(plan.run.run_key, wanted.entry.quote_digest)
    ws.write_once(key, wanted)
    kept = ws.read(Reservation, key)
    taken: list[tuple[str, LedgerEntry | None]] = []
    try:
        for period in kept.periods:
            before = _reserve(ws, kept, period)
            if before is not kept.entry:
                taken.append((period, before))
    except NotAllowedError:
        for period, before in taken:
            _change(ws, period, kept.team, partial(Ledger.release, entry=kept.entry, before=before))
        # What never held anything must not bind a later try to a month that is over by then.
        if not any(read_ledger(ws, period, kept.team).find(kept.entry) for period in kept.periods):
            ws.work.delete(key)
        raise
    return kept.entry


def check_room(ws: Workspace, plan: RenderPlan, quote: Quote, *, now: datetime | None = None) -> None:
    """NotAllowedError where there is no room for the quote now; nothing is set aside."""
    if quote.to_render:
        budgets = read_budgets(ws)
        wanted = _reservation(plan, quote, budgets, now or datetime.now(UTC))
        for period in wanted.periods:
            read_ledger(ws, period, wanted.team).reserve(wanted.entry, budgets)


def room_findings(ws: Workspace, plan: RenderPlan, quote: Quote, *, now: datetime | None = None) -> tuple[Finding, ...]:
    """Why there would be no room for the quote now, for `pressrun plan`."""
    try:
        check_room(ws, plan, quote, now=now)
    except NotAllowedError as exc:
        place = Place(file=f"include/{FILE}")
        return (Finding(code="budget", message=exc.message, place=place, remedy=exc.remedy or ""),)
    return ()


def settle_run(ws: Workspace, plan: RenderPlan, quote: Quote, collection: Collection) -> None:
    """Put what the run used in the place of what it had reserved. Safe to repeat."""
    usd = collection.job_seconds / 3600 * (quote.usd_per_hour or 0.0)
    images = sum(item.bought for item in collection.items)
    prefix = keys.reservations(plan.run.run_key)
    held = sorted((ws.read(Reservation, info.key) for info in ws.work.list(prefix)), key=lambda held: held.entry.at)
    for number, reservation in enumerate(held, 1):
        # An edition that was quoted twice is one run with one account: the newest reservation carries it.
        last = number == len(held)
        _settle(ws, reservation, usd=round(usd, 6) if last else 0.0, images=images if last else 0)


def read_ledger(ws: Workspace, month: str, team: str) -> Ledger:
    """A team's ledger of a month, empty where nothing was reserved yet."""
    key = keys.ledger(month, team)
    return ws.read(Ledger, key) if ws.work.head(key) else Ledger(month=month, team=team)


def _reserve(ws: Workspace, kept: Reservation, period: str) -> LedgerEntry | None:
    """Reserve in one ledger; returns what stood there before, which is the entry itself where nothing was to do."""
    before: list[LedgerEntry | None] = [None]

    def change(ledger: Ledger) -> Ledger:
        found = ledger.find(kept.entry)
        before[0] = kept.entry if found and not found.settled else found
        return ledger if found and not found.settled else ledger.reserve(kept.entry, read_budgets(ws))

    _change(ws, period, kept.team, change)
    return before[0]


def _settle(ws: Workspace, held: Reservation, *, usd: float, images: int) -> None:
    def change(ledger: Ledger) -> Ledger:
        return ledger.settle(held.entry, usd=usd, images=images) if ledger.find(held.entry) else ledger

    for period in held.periods:
        _change(ws, period, held.team, change)


def _reservation(plan: RenderPlan, quote: Quote, budgets: Budgets, now: datetime) -> Reservation:
    lines = budgets.campaigns.get(plan.run.campaign), budgets.teams.get(plan.spec.team)
    if quote.ceiling_usd is None and any(line and line.usd is not None for line in lines):
        raise NotAllowedError(
            f"{quote.instance_type} has no price, so this run cannot be held to its budget",
            where=f"include/{FILE}",
            remedy="add the price to include/policy/prices.yaml or PRESSRUN_PRICES",
        )
    entry = LedgerEntry(
        run_key=plan.run.run_key,
        quote_digest=quote.digest(),
        campaign=plan.run.campaign,
        usd=quote.ceiling_usd or 0.0,
        images=quote.to_render,
        at=now.isoformat(timespec="seconds"),
    )
    month, week = periods_of(now)
    return Reservation(month=month, week=week, team=plan.spec.team, entry=entry)


def _change(ws: Workspace, month: str, team: str, change: Callable[[Ledger], Ledger]) -> None:
    """Compare and swap: read, change, write only over what was read; else again with what is there now."""
    key = keys.ledger(month, team)
    for attempt in range(TRIES):
        info = ws.work.head(key)
        before = ws.read(Ledger, key) if info else Ledger(month=month, team=team)
        after = change(before)
        if after == before:
            return
        data = after.to_bytes()
        if ws.work.replace(key, data, etag=info.etag) if info else ws.work.create(key, data):
            return
        time.sleep(_PAUSE * min(attempt, 20) * random.random())  # noqa: S311 - only spreads writers
    raise StorageError(
        "too many runs want to reserve at this moment", where=ws.work.uri(key), remedy="the task tries again by itself"
    )

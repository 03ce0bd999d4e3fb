"""Reservations over a store: races, retries, months, and settling."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from factories import Run, collect, make_plan, make_request, make_spec

from pressrun.core import keys
from pressrun.core.errors import NotAllowedError
from pressrun.core.ledger import Ledger, LedgerEntry, Reservation
from pressrun.settings import Settings
from pressrun.steps.ledger import check_room, read_ledger, reserve_run, room_findings, settle_run
from pressrun.steps.workspace import Workspace, memory_workspace

NOW = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
PERIODS = ("2026-03", "2026-W14")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return memory_workspace(Settings(home=tmp_path))


def budget(ws: Workspace, text: str) -> None:
    file = ws.settings.include / "policy" / "budgets.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def a_run(ws: Workspace, number: int) -> Run:
    spec = make_spec(team="studio / north")
    return collect(ws, make_plan(spec, make_request(spec, f"manual_{number}"), edition=number))


def reservation(ws: Workspace, run: Run) -> LedgerEntry:
    (info,) = ws.work.list(keys.reservations(run.run_key))
    return ws.read(Reservation, info.key).entry


def ledger(ws: Workspace) -> Ledger:
    return read_ledger(ws, "2026-03", "studio / north")


@pytest.mark.parametrize(
    "line",
    [
        "usd: {usd}", "images: {images}", "images_a_day: {images}", "images_a_week: {images}", "runs_a_day: 1",
        "runs_a_week: 1", "runs_a_month: 1", "images_a_week: {images}, usd: {usd}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", ["teams", "campaigns"])
def test_of_two_runs_with_room_for_one_exactly_one_proceeds(ws: Workspace, line: str, who: str) -> None:
    runs = [a_run(ws, number) for number in range(2)]
    name = {"teams": "studio / north", "campaigns": "spring_sale"}[who]
    room = line.format(usd=runs[0].quote.ceiling_usd, images=runs[0].quote.to_render)
    budget(ws, f'{who}: {{"{name}": {{{room}}}}}')
    for _ in range(100):
        for period in PERIODS:
            ws.work.delete(keys.ledger(period, "studio / north"))
        start = Barrier(2)

        def proceeds(run: Run, start: Barrier = start) -> bool:
            start.wait()
            try:
                reserve_run(ws, run.plan, run.quote, now=NOW)
            except NotAllowedError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(proceeds, runs)) == 1
        assert [len(read_ledger(ws, period, "studio / north").entries) for period in PERIODS] == [1, 1]


def test_many_writers_lose_no_entry(ws: Workspace) -> None:
    runs = [a_run(ws, number) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda run: reserve_run(ws, run.plan, run.quote, now=NOW), runs))
    assert {entry.run_key for entry in ledger(ws).entries} == {run.run_key for run in runs}


def test_a_retry_after_midnight_stays_in_the_month_it_began_in(ws: Workspace) -> None:
    run = a_run(ws, 1)
    reserve_run(ws, run.plan, run.quote, now=NOW)
    reserve_run(ws, run.plan, run.quote, now=datetime(2026, 4, 1, tzinfo=UTC))
    assert len(ledger(ws).entries) == 1
    assert read_ledger(ws, "2026-04", "studio / north").entries == ()


def test_a_week_that_lies_in_two_months_is_one_week(ws: Workspace) -> None:
    runs = [a_run(ws, number) for number in range(2)]
    budget(ws, "campaigns: {spring_sale: {runs_a_week: 1}}")
    reserve_run(ws, runs[0].plan, runs[0].quote, now=NOW)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    with pytest.raises(NotAllowedError, match="has had its 1 runs of week 2026-W14"):
        reserve_run(ws, runs[1].plan, runs[1].quote, now=april)
    assert [finding.code for finding in room_findings(ws, runs[1].plan, runs[1].quote, now=april)] == ["budget"]
    reserve_run(ws, runs[1].plan, runs[1].quote, now=datetime(2026, 4, 6, tzinfo=UTC))
    assert read_ledger(ws, "2026-04", "studio / north").find(reservation(ws, runs[1])) is not None


def test_a_run_without_room_this_month_holds_nothing_of_the_week(ws: Workspace) -> None:
    run = a_run(ws, 1)
    budget(ws, "campaigns: {spring_sale: {usd: 0.01, runs_a_week: 1}}")
    with pytest.raises(NotAllowedError, match="left of its"):
        reserve_run(ws, run.plan, run.quote, now=NOW)
    assert [read_ledger(ws, period, "studio / north").entries for period in PERIODS] == [(), ()]


def test_settling_frees_what_was_not_used_and_may_be_repeated(ws: Workspace) -> None:
    run = a_run(ws, 1)
    reserve_run(ws, run.plan, run.quote, now=NOW)
    assert [entry.usd for entry in ledger(ws).entries] == [run.quote.ceiling_usd]
    spent = run.collection.model_copy(update={"job_seconds": 3600.0})
    for _ in range(2):
        settle_run(ws, run.plan, run.quote, spent)
        (entry,) = read_ledger(ws, "2026-W14", "studio / north").entries
        assert ledger(ws).entries == (entry,)
        assert (entry.usd, entry.settled) == (1.408, True)


def test_a_run_whose_reservation_was_refused_settles_nothing(ws: Workspace) -> None:
    run = a_run(ws, 1)
    budget(ws, "campaigns: {spring_sale: {usd: 0.01}}")
    with pytest.raises(NotAllowedError):
        reserve_run(ws, run.plan, run.quote, now=NOW)
    settle_run(ws, run.plan, run.quote, run.collection)
    assert ledger(ws).entries == ()


def test_looking_for_room_sets_nothing_aside(ws: Workspace) -> None:
    run = a_run(ws, 1)
    check_room(ws, run.plan, run.quote, now=NOW)
    assert list(ws.work.list("ledger/")) == []
    budget(ws, "campaigns: {spring_sale: {images: 1}}")
    with pytest.raises(NotAllowedError, match="may buy 1 more of its 1 pictures"):
        check_room(ws, run.plan, run.quote, now=NOW)


def test_a_run_without_a_price_is_not_held_to_a_budget_by_guessing(ws: Workspace) -> None:
    run = a_run(ws, 1)
    unknown = run.quote.model_copy(update={"ceiling_usd": None})
    assert reserve_run(ws, run.plan, unknown, now=NOW) is not None
    budget(ws, "campaigns: {spring_sale: {usd: 100}}")
    with pytest.raises(NotAllowedError, match="has no price"):
        check_room(ws, run.plan, unknown, now=NOW)


def test_nothing_to_buy_needs_no_room(ws: Workspace) -> None:
    run = a_run(ws, 1)
    budget(ws, "campaigns: {spring_sale: {usd: 0}}")
    assert reserve_run(ws, run.plan, run.quote.model_copy(update={"shards": ()}), now=NOW) is None

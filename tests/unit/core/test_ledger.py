"""Budgets: what is refused, in which words, and what is free again after a run."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressrun.core.errors import InputError, NotAllowedError
from pressrun.core.ledger import BudgetLine, Budgets, Ledger, LedgerEntry, parse_budgets, periods_of

EMPTY = Ledger(month="2026-03", team="studio")


def entry(
    run: int, usd: float = 10.0, *, campaign: str = "spring", images: int = 10, at: str = "2026-03-01"
) -> LedgerEntry:
    return LedgerEntry(
        run_key=f"run{run}", quote_digest="q", campaign=campaign, usd=usd, images=images, at=f"{at}T10:00:00+00:00"
    )


def team(**line: float) -> Budgets:
    return Budgets(teams={"studio": BudgetLine.model_validate(line)})


@given(
    asked=st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["spring", "summer"]), st.booleans()), max_size=20),
    limit=st.floats(0, 120),
    own=st.floats(0, 120),
)
def test_no_sequence_of_runs_passes_a_budget(asked: list[tuple[float, str, bool]], limit: float, own: float) -> None:
    budgets = Budgets(teams={"studio": BudgetLine(usd=limit)}, campaigns={"spring": BudgetLine(usd=own)})
    ledger = EMPTY
    for run, (usd, campaign, settles) in enumerate(asked):
        wanted = entry(run, usd, campaign=campaign)
        try:
            ledger = ledger.reserve(wanted, budgets)
        except NotAllowedError:
            continue
        if settles:
            ledger = ledger.settle(wanted, usd=usd / 2, images=1)
        assert sum(seen.usd for seen in ledger.entries) <= limit + 1e-6
        assert sum(seen.usd for seen in ledger.entries if seen.campaign == "spring") <= own + 1e-6


def runs(ledger: Ledger, budgets: Budgets, *days: str, images: int = 10) -> int:
    """How many runs, one on each of these days, find room."""
    found = 0
    for number, day in enumerate(days):
        try:
            ledger = ledger.reserve(entry(number, at=day, images=images), budgets)
        except NotAllowedError:
            continue
        found += 1
    return found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ({}, 4),
        ({"runs_a_day": 1}, 2),
        ({"runs_a_month": 3}, 3),
        ({"images_a_day": 10}, 2),
        ({"images_a_day": 19}, 2),
        ({"images_a_day": 20}, 3),
        ({"images": 25}, 2),
        ({"runs_a_week": 1, "images_a_week": 1}, 4),
    ],
)
def test_caps_by_day_and_month_hold(line: dict[str, int], found: int) -> None:
    days = ("2026-03-02", "2026-03-02", "2026-03-02", "2026-03-03")
    assert runs(EMPTY, team(**line), *days) == found
    assert runs(EMPTY, Budgets(campaigns={"spring": BudgetLine.model_validate(line)}), *days) == found


@pytest.mark.parametrize(
    ("line", "found"), [({"runs_a_week": 2}, 2), ({"images_a_week": 39}, 3), ({"runs_a_day": 1}, 4)]
)
def test_the_week_has_its_own_ledger_and_caps(line: dict[str, int], found: int) -> None:
    week = Ledger(month="2026-W10", team="studio")
    assert runs(week, team(**line), "2026-03-02", "2026-03-02", "2026-03-02", "2026-03-03") == found


def test_a_run_that_cost_nothing_is_no_run() -> None:
    budgets = team(runs_a_day=1)
    ledger = EMPTY.reserve(entry(1), budgets).settle(entry(1), usd=0.0, images=0)
    assert ledger.reserve(entry(2), budgets).find(entry(2))
    paid = EMPTY.reserve(entry(1), budgets).settle(entry(1), usd=0.2, images=0)
    with pytest.raises(NotAllowedError, match=r"team studio has had its 1 runs of 2026-03-01") as refused:
        paid.reserve(entry(2), budgets)
    assert "raise `runs_a_day`" in str(refused.value.remedy)


def test_what_is_released_leaves_the_ledger_as_it_was() -> None:
    before = EMPTY.reserve(entry(1), team()).settle(entry(1), usd=1.0, images=2)
    again = before.reserve(entry(1, 50), team())
    assert again.release(entry(1), before.find(entry(1))) == before
    assert EMPTY.reserve(entry(1), team()).release(entry(1), None) == EMPTY


@pytest.mark.parametrize(
    ("moment", "periods"),
    [
        ("2026-03-31T23:59:00", ("2026-03", "2026-W14")),
        ("2026-04-01T00:00:00", ("2026-04", "2026-W14")),
        ("2027-01-01T00:00:00", ("2027-01", "2026-W53")),
    ],
)
def test_periods_are_calendar_months_and_iso_weeks(moment: str, periods: tuple[str, str]) -> None:
    assert periods_of(datetime.fromisoformat(moment)) == periods


def test_the_refusal_is_a_plain_sentence() -> None:
    ledger = EMPTY.reserve(entry(1, 80), team(usd=100))
    with pytest.raises(NotAllowedError) as refused:
        ledger.reserve(entry(2, 30), team(usd=100))
    assert refused.value.message == (
        "team studio has $20.00 left of its $100.00 for 2026-03 (1 unfinished run hold part of it), "
        "and this run could cost up to $30.00"
    ).replace("run hold", "run holds")


def test_what_a_run_did_not_use_is_free_again() -> None:
    ledger = EMPTY.reserve(entry(1, 80), team(usd=100)).settle(entry(1, 80), usd=5.0, images=3)
    assert ledger.reserve(entry(2, 95), team(usd=100)).find(entry(2)) is not None
    with pytest.raises(NotAllowedError, match=r"has \$95.00 left of its \$100.00 for 2026-03, and"):
        ledger.reserve(entry(2, 95.5), team(usd=100))


def test_a_run_that_is_quoted_again_is_counted_once() -> None:
    ledger = EMPTY.reserve(entry(1, 80), team(usd=100)).reserve(entry(1, 80), team(usd=100))
    assert [seen.usd for seen in ledger.entries] == [80]


def test_pictures_are_capped_by_campaign() -> None:
    budgets = Budgets(campaigns={"spring": BudgetLine(images=25)})
    ledger = EMPTY.reserve(entry(1), budgets).reserve(entry(2), budgets).reserve(entry(3, campaign="summer"), budgets)
    with pytest.raises(NotAllowedError, match="campaign spring may buy 5 more of its 25 pictures"):
        ledger.reserve(entry(4), budgets)


def test_runs_of_a_day_are_capped_and_a_retry_is_the_same_run() -> None:
    ledger = EMPTY.reserve(entry(1), team(runs_a_day=1)).reserve(entry(1), team(runs_a_day=1))
    with pytest.raises(NotAllowedError, match="team studio has had its 1 runs of 2026-03-01"):
        ledger.reserve(entry(2), team(runs_a_day=1))
    assert len(ledger.reserve(entry(2, at="2026-03-02"), team(runs_a_day=1)).entries) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"teams: {studio: {usd: -1}}", "/teams/studio/usd"),
        (b"teams: {studio: {euro: 1}}", "/teams/studio/euro"),
        (b"teams: [", "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_by_field(text: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_budgets(text)


def test_an_empty_file_has_no_budgets() -> None:
    assert parse_budgets(b"") == Budgets()

"""What a quote reads besides prices: the policy, the pace of past rounds, retention and storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pressrun.core import keys
from pressrun.core.people import LEARNT_FROM
from pressrun.core.review import ApprovedItem, Decision, RoundClosed
from pressrun.settings import Settings
from pressrun.steps.besides import looks, read_besides
from pressrun.steps.workspace import Workspace, memory_workspace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return memory_workspace(Settings(home=tmp_path))


def a_round(ws: Workspace, number: int, *, every: float, decisions: int, by: tuple[str, ...] = ("rosa",)) -> None:
    """A closed round in which each person decided at this pace."""
    approved = []
    for person in by:
        for at in range(decisions):
            item = f"{number:04x}{person}{at:04x}"
            decision = Decision(
                campaign="spring", item_id=item, sha256="s", sequence=1, state="approved", by=person, by_name=person,
                run_key="run", round=number, at=(NOON + timedelta(seconds=every * at)).isoformat(),
            )  # fmt: skip
            key = keys.decision("spring", item, "s", 1)
            ws.write_once(key, decision)
            approved.append(ApprovedItem(item_id=item, sha256="s", decision_key=key))
    closed = RoundClosed(
        run_key="run", number=number, by="rosa", at=NOON.isoformat(), approved=tuple(approved), counts={}
    )
    ws.write_once(keys.round_closed("spring", "run", number), closed)


def test_the_pace_is_that_of_each_person_alone(ws: Workspace) -> None:
    a_round(ws, 1, every=12.0, decisions=20, by=("rosa", "kenji"))
    assert looks(ws, "spring") == [12.0] * 38
    review = read_besides(ws, "spring").review
    assert (review.seconds_per_candidate, review.told()) == (12.0, "measured on 38 decisions")
    assert looks(ws, "summer") == []


def test_too_few_decisions_leave_the_policy(ws: Workspace) -> None:
    policy = ws.settings.include / "policy" / "review.yaml"
    policy.parent.mkdir(parents=True)
    policy.write_text("seconds_per_candidate: 7\nsource: studio\n")
    a_round(ws, 1, every=12.0, decisions=LEARNT_FROM)
    assert read_besides(ws, "spring").review.told() == "studio"
    assert read_besides(ws, "spring").review.seconds_per_candidate == 7


def test_a_record_that_cannot_be_read_is_passed_over(ws: Workspace) -> None:
    a_round(ws, 1, every=12.0, decisions=3)
    ws.work.put(keys.decision("spring", "0001rosa0000", "s", 1), b'{"schema":"decision/9"}')
    ws.work.put(keys.round_closed("spring", "run", 2), b'{"schema":"round-closed/9"}')
    assert looks(ws, "spring") == [12.0]


def test_storage_has_the_price_of_the_file(ws: Workspace) -> None:
    assert read_besides(ws, "spring").storage_usd is None
    prices = ws.settings.include / "policy" / "prices.yaml"
    prices.parent.mkdir(parents=True)
    prices.write_text("storage: {usd_per_gb_month: 0.02, source: bill, date: 2026-03-01}")
    found = read_besides(ws, "spring")
    assert (found.storage_usd, found.storage_source) == (0.02, "bill, 2026-03-01")

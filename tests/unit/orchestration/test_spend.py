"""ApproveSpend: a person is asked above the threshold only, and a refusal is final."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException
from job_press import Press

from pressrun.core import keys
from pressrun.core.approval import Approval
from pressrun.core.estimate import ReviewEstimate
from pressrun.core.ledger import Ledger
from pressrun.core.notice import Notice
from pressrun.core.refs import QuoteRef
from pressrun.orchestration import spend
from pressrun.orchestration.spend import ApproveSpend
from pressrun.settings import Settings
from pressrun.steps.workspace import Workspace

PRESS = Press(ceiling=99.9)
PLAN = PRESS.plan_ref


def _quote(*, needs_approval: bool) -> QuoteRef:
    return QuoteRef(
        digest=PRESS.quote.digest(), uri="s3://w/q.json", to_render=4, reused=0, canary=0, shards=1, usd=31.5,
        ceiling_usd=99.9, unpriced=0, needs_approval=needs_approval,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def ws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    """A run whose quote waits, in buckets of its own."""
    press = Press(ceiling=99.9, settings=Settings(home=tmp_path))
    monkeypatch.setattr(spend, "open_workspace", lambda _: press.ws)
    return press.ws


def _approval(ws: Workspace) -> Approval:
    return ws.read(Approval, keys.approval(PLAN["run_key"], PRESS.quote.digest()))


def _context(conf: dict[str, Any] | None = None) -> Any:
    ti = SimpleNamespace(dag_id="press_spring", run_id="r", task_id="approve_spend", map_index=-1, id="1")
    tasks = [SimpleNamespace(task_id=name) for name in ("render_canary", "collect_results", "close_run")]
    task = SimpleNamespace(get_flat_relatives=lambda upstream: tasks)
    return {"ti": ti, "task_instance": ti, "task": task, "dag_run": SimpleNamespace(conf=conf)}


def _operator(*, needs_approval: bool) -> ApproveSpend:
    return ApproveSpend(
        task_id="approve_spend", plan=PLAN, quote=_quote(needs_approval=needs_approval), title="Spring {{ 1/0 }}",
        notify=["maya@example.com"],
    )  # fmt: skip


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    notices: list[Notice] = []

    def deliver(notice: Notice, *, to: tuple[str, ...]) -> None:
        assert to == ("maya@example.com",)
        notices.append(notice)

    monkeypatch.setattr(spend, "deliver", deliver)
    return notices


def test_below_the_threshold_nobody_is_asked(told: list[Notice], ws: Workspace) -> None:
    agreed = _operator(needs_approval=False).execute(_context())
    assert _approval(ws).by == "the campaign's threshold"
    assert agreed == {"by": "the campaign's threshold", "ceiling_usd": 99.9}
    assert told == []


def test_above_it_people_are_told_and_the_native_approval_waits(
    told: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ApproveSpend] = []
    monkeypatch.setattr(ApprovalOperator, "execute", lambda self, context: asked.append(self))
    _operator(needs_approval=True).execute(_context())
    assert told[0].links["Approve or refuse"].endswith("/runs/r/tasks/approve_spend/required_actions")
    assert asked[0].subject == "Spring {{ 1/0 }}: may this be bought?"
    assert "at most $99.90" in str(asked[0].body)
    review = ReviewEstimate(cells=2, candidates=4, seconds=600, usd=7.5, source="studio")
    said = "Review: about 10 min for 4 candidates in 2 cells, $7.50 of people's time (studio)."
    press = Press(ceiling=99.9, review=review)
    monkeypatch.setattr(spend, "open_workspace", lambda _: press.ws)
    asking = _operator(needs_approval=True)
    asking.quote = {**asking.quote, "digest": press.quote.digest()}
    asking.execute(_context())
    assert (said in str(asked[1].body), said in told[1].text) == (True, True)


def test_a_dry_run_skips_all_but_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped: list[str] = []
    monkeypatch.setattr(ApproveSpend, "skip", lambda self, ti, tasks: skipped.extend(task.task_id for task in tasks))
    assert _operator(needs_approval=True).execute(_context({"dry_run": True})) is None
    assert skipped == ["render_canary", "collect_results"]


def _answer(option: str) -> dict[str, Any]:
    from airflow.sdk.timezone import utcnow

    return {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": utcnow(),
        "responded_by_user": {"id": "maya", "name": "maya"},
    }


def test_who_agreed_is_kept_and_the_money_set_aside(ws: Workspace) -> None:
    agreed = _operator(needs_approval=True).execute_complete(_context(), _answer("Approve"))
    assert agreed == {"by": "maya", "ceiling_usd": 99.9}
    assert _approval(ws).by == "maya"
    ledgers = [ws.read(Ledger, info.key) for info in ws.work.list("ledger/")]
    assert [[entry.usd for entry in ledger.entries] for ledger in ledgers] == [[99.9], [99.9]]


def test_without_room_in_the_budget_nobody_is_taken_to_have_agreed(ws: Workspace) -> None:
    budgets = ws.settings.include / "policy" / "budgets.yaml"
    budgets.parent.mkdir(parents=True)
    budgets.write_text("campaigns: {spring: {usd: 50}}")
    with pytest.raises(AirflowFailException, match=r"campaign spring has \$50.00 left .* could cost up to \$99.90"):
        _operator(needs_approval=False).execute(_context())
    assert [ws.read(Ledger, info.key).entries for info in ws.work.list("ledger/")] == [()]
    assert ws.work.head(keys.approval(PLAN["run_key"], PRESS.quote.digest())) is None


def test_a_refusal_is_not_tried_again_and_buys_nothing() -> None:
    with pytest.raises(AirflowFailException, match=r"maya did not agree to \$99.90; nothing was bought"):
        _operator(needs_approval=True).execute_complete(_context(), _answer("Reject"))

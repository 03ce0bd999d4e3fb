"""ApproveSpend: a person is asked above the threshold only, and a refusal is final."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException

from pressrun.core.notice import Notice
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.orchestration import spend
from pressrun.orchestration.spend import ApproveSpend

PLAN = PlanRef(
    run_key="spring-1", campaign="spring", press="final", plan_digest="d", plan_uri="s3://w/p.json", planned=4
)


def _quote(*, needs_approval: bool) -> QuoteRef:
    return QuoteRef(
        digest="q", uri="s3://w/q.json", to_render=4, reused=0, canary=0, shards=1, usd=31.5, ceiling_usd=99.9,
        unpriced=0, needs_approval=needs_approval,
    )  # fmt: skip


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


def test_below_the_threshold_nobody_is_asked(told: list[Notice]) -> None:
    agreed = _operator(needs_approval=False).execute(_context())
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


def test_who_agreed_is_kept() -> None:
    agreed = _operator(needs_approval=True).execute_complete(_context(), _answer("Approve"))
    assert agreed == {"by": "maya", "ceiling_usd": 99.9}


def test_a_refusal_is_not_tried_again_and_buys_nothing() -> None:
    with pytest.raises(AirflowFailException, match=r"maya did not agree to \$99.90; nothing was bought"):
        _operator(needs_approval=True).execute_complete(_context(), _answer("Reject"))

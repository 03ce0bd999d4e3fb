"""ApproveCanary: a person is asked where there is a canary, and what they say is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException
from job_press import RUN_KEY, Press

from pressrun.core import keys
from pressrun.core.notice import Notice
from pressrun.core.quote import Quote
from pressrun.core.refs import QuoteRef
from pressrun.orchestration import canary
from pressrun.orchestration.canary import ApproveCanary
from pressrun.steps.canary import read_gate


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Press:
    """A run of four items, two of them its canary."""
    made = Press()
    shard = made.quote.shards[0]
    shards = (
        shard.model_copy(update={"phase": "canary", "item_ids": shard.item_ids[:2]}),
        shard.model_copy(update={"item_ids": shard.item_ids[2:]}),
    )
    quote: Quote = made.quote.model_copy(update={"shards": shards})
    made.ws.write_once(keys.quote(RUN_KEY, quote.digest()), quote)
    made.quote_ref = QuoteRef(**{**made.quote_ref, "digest": quote.digest(), "canary": 1})
    monkeypatch.setattr(canary, "open_workspace", lambda _: made.ws)
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    notices: list[Notice] = []

    def deliver(notice: Notice, *, to: tuple[str, ...]) -> None:
        assert to == ("m@x",)
        notices.append(notice)

    monkeypatch.setattr(canary, "deliver", deliver)
    return notices


def operator(press: Press) -> ApproveCanary:
    return ApproveCanary(
        task_id="approve_canary", plan=press.plan_ref, quote=press.quote_ref, title="Spring {{ 1/0 }}", notify=["m@x"]
    )


def context() -> Any:
    ti = SimpleNamespace(dag_id="press_spring", run_id="r", task_id="approve_canary", map_index=-1, id="1")
    return {"ti": ti, "task_instance": ti}


def answer(option: str) -> dict[str, Any]:
    from airflow.sdk.timezone import utcnow

    return {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": utcnow(),
        "responded_by_user": {"id": "rosa", "name": "rosa"},
    }


def test_people_are_told_where_the_pictures_are(
    press: Press, told: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ApproveCanary] = []
    monkeypatch.setattr(ApprovalOperator, "execute", lambda self, context: asked.append(self))
    operator(press).execute(context())
    (notice,) = told
    assert notice.links["Look at the pictures"].endswith("/dags/press_spring/runs/r/plugin/pressrun-plan")
    assert notice.links["Go on or stop"].endswith("/runs/r/tasks/approve_canary/required_actions")
    assert asked[0].subject == "Spring {{ 1/0 }}: may the rest be bought?"
    assert "[Look at the canary's pictures](" in str(asked[0].body)


def test_a_run_without_a_canary_asks_nobody(press: Press, told: list[Notice]) -> None:
    press.quote_ref = QuoteRef(**{**press.quote_ref, "canary": 0})
    assert operator(press).execute(context()) == {"by": "nobody: there was no canary"}
    assert told == []


def test_a_yes_is_kept_with_its_name(press: Press) -> None:
    assert operator(press).execute_complete(context(), answer("Approve")) == {"by": "rosa"}
    gate = read_gate(press.ws, RUN_KEY)
    assert gate
    assert (gate.state, gate.by, gate.not_bought) == ("open", "rosa", 0)


def test_a_no_buys_nothing_more_and_the_newest_answer_counts(press: Press) -> None:
    told = "rosa looked at the canary and stopped the run; 2 items were not bought"
    for option, state in (("Reject", "shut"), ("Approve", "open"), ("Reject", "shut")):
        if option == "Reject":
            with pytest.raises(AirflowFailException, match=told):
                operator(press).execute_complete(context(), answer(option))
        else:
            operator(press).execute_complete(context(), answer(option))
        gate = read_gate(press.ws, RUN_KEY)
        assert gate
        assert gate.state == state

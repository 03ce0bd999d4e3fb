"""The bound plan: no job without consent to exactly this quote, none for a plan or quote that was changed."""

from __future__ import annotations

import pytest
from job_press import RUN_KEY, Press

from pressrun.core import keys
from pressrun.core.approval import Approval
from pressrun.core.errors import ConflictError, NotAllowedError
from pressrun.core.refs import QuoteRef
from pressrun.steps.approval import record_approval
from pressrun.steps.jobs import job_records
from pressrun.steps.workspace import Workspace


def flip(ws: Workspace, key: str, at: int) -> None:
    data = bytearray(ws.work.get(key))
    data[at] ^= 1
    ws.work.put(key, bytes(data))


def test_without_consent_no_job_is_ordered() -> None:
    press = Press(ceiling=99.9)
    with pytest.raises(NotAllowedError, match="nobody agreed to this quote"):
        press.order()
    assert job_records(press.ws, RUN_KEY) == []
    record_approval(press.ws, press.plan_ref, press.quote_ref, by="maya")
    assert press.order().attempt == 1


def test_consent_to_another_quote_of_the_run_does_not_count() -> None:
    press = Press(ceiling=99.9)
    record_approval(press.ws, press.plan_ref, press.quote_ref, by="maya")
    dearer = press.quote.model_copy(update={"ceiling_usd": 150.0})
    press.ws.write_once(keys.quote(RUN_KEY, dearer.digest()), dearer)
    press.quote_ref = QuoteRef(**{**press.quote_ref, "digest": dearer.digest()})
    with pytest.raises(NotAllowedError, match="nobody agreed"):
        press.order()


def test_an_approval_that_was_moved_to_another_quote_does_not_count() -> None:
    press = Press(ceiling=99.9)
    other = Approval(run_key=RUN_KEY, plan_digest="p", quote_digest="q", by="maya", at="now", ceiling_usd=1.0)
    press.ws.write_once(keys.approval(RUN_KEY, press.quote.digest()), other)
    with pytest.raises(NotAllowedError, match="nobody agreed"):
        press.order()


@pytest.mark.parametrize("changed", ["plan", "quote"])
@pytest.mark.parametrize("place", [0.02, 0.5, 0.97])
def test_one_byte_changed_after_consent_is_refused(changed: str, place: float) -> None:
    press = Press(ceiling=99.9)
    record_approval(press.ws, press.plan_ref, press.quote_ref, by="maya")
    digest = press.plan.digest() if changed == "plan" else press.quote.digest()
    key = keys.plan(RUN_KEY, digest) if changed == "plan" else keys.quote(RUN_KEY, digest)
    flip(press.ws, key, int(len(press.ws.work.get(key)) * place))
    with pytest.raises(ConflictError, match="changed after it was written"):
        press.order()
    assert job_records(press.ws, RUN_KEY) == []


def test_a_quote_for_another_plan_is_refused() -> None:
    press = Press()
    stray = press.quote.model_copy(update={"plan_digest": "0" * 64})
    press.ws.write_once(keys.quote(RUN_KEY, stray.digest()), stray)
    press.quote_ref = QuoteRef(**{**press.quote_ref, "digest": stray.digest()})
    with pytest.raises(ConflictError, match="for another plan"):
        press.order()


def test_who_agreed_first_is_kept() -> None:
    press = Press(ceiling=99.9)
    assert record_approval(press.ws, press.plan_ref, press.quote_ref, by="maya").by == "maya"
    assert record_approval(press.ws, press.plan_ref, press.quote_ref, by="rosa").by == "maya"

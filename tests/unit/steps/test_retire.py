"""Retention: drafts go when their time is over, and nothing else ever does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import (
    KilledError,
    Run,
    approve_first,
    collect,
    contents,
    dying,
    make_plan,
    make_request,
    make_spec,
    review,
    start_round,
)

from pressrun.core import keys
from pressrun.core.errors import InputError
from pressrun.core.plan import RenderPlan
from pressrun.core.retention import Retirement
from pressrun.settings import Settings
from pressrun.steps.close import close_run
from pressrun.steps.holds import hold, is_held, read_hold, release
from pressrun.steps.publish import publish_run
from pressrun.steps.retire import retire_campaigns
from pressrun.steps.workspace import Workspace, memory_workspace


def after(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)


def a_run(ws: Workspace, run_id: str = "manual_1", *, edition: int = 0, **request: Any) -> Run:
    spec = make_spec()
    return collect(ws, make_plan(spec, make_request(spec, run_id, **request), edition=edition))


def finish(ws: Workspace, run: Run, states: dict[str, Any] | None = None) -> None:
    closed = review(ws, run, states)
    close_run(ws, run.plan_ref, run.quote_ref, run.collection_ref, closed, publish_run(ws, run.plan_ref, closed))


def images(ws: Workspace) -> set[str]:
    return {key for key in contents(ws.work) if key.startswith("staging/")}


def kept_files(run: Run, variant: str) -> set[str]:
    """Image and thumbnail keys of a variant."""
    return {
        uri.removeprefix("s3://pressrun-work/")
        for item in run.collection.items
        if item.axes["variant"] == variant
        for uri in (item.image_uri or "", item.thumb_uri or "")
    }


def test_a_years_old_draft_goes_and_what_was_published_stays() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    finish(ws, run)
    untouched = contents(ws.published), contents(ws.lineage)
    assert retire_campaigns(ws, after(365)) == []
    (receipt,) = retire_campaigns(ws, after(366))
    assert images(ws) == kept_files(run, "sunrise"), "the approved variant"
    assert {entry.image_uri for entry in receipt.deleted} == {
        item.image_uri for item in run.collection.items if item.axes["variant"] == "garden"
    }
    assert (contents(ws.published), contents(ws.lineage)) == untouched
    assert ws.read(Retirement, keys.retirement("spring_sale", run.run_key)) == receipt
    assert receipt.finished


def test_the_index_forgets_what_was_deleted_so_that_planning_renders_it_again() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    finish(ws, run)
    retire_campaigns(ws, after(366))
    for item in run.collection.items:
        known = ws.work.head(keys.render(item.render_key)) is not None
        assert known == (item.axes["variant"] == "sunrise")
    again = a_run(ws, "manual_2")
    assert (again.collection.counts.reused, again.collection.counts.rendered) == (4, 4)


def test_rejected_drafts_go_after_thirty_days_and_proofs_after_seven() -> None:
    ws = memory_workspace()
    run, proof = a_run(ws), a_run(ws, "manual_2", press="proof", engine="proof")
    rejected = dict.fromkeys(
        (item.item_id for item in run.collection.items if item.axes["variant"] == "garden"), "rejected"
    )
    finish(ws, run, rejected | approve_first(run))
    finish(ws, proof)
    assert retire_campaigns(ws, after(7)) == []
    (first,) = retire_campaigns(ws, after(8))
    assert (first.run_key, {entry.retention for entry in first.deleted}) == (proof.run_key, {"scratch"})
    assert retire_campaigns(ws, after(30)) == []
    (second,) = retire_campaigns(ws, after(31))
    assert (second.run_key, {entry.retention for entry in second.deleted}) == (run.run_key, {"rejected"})
    assert images(ws) == kept_files(run, "sunrise") | kept_files(proof, "sunrise")


def test_a_second_pass_deletes_nothing_and_says_nothing() -> None:
    ws = memory_workspace()
    finish(ws, a_run(ws))
    retire_campaigns(ws, after(366))
    now = contents(ws.work)
    assert retire_campaigns(ws, after(400)) == []
    assert contents(ws.work) == now


def test_a_draft_that_a_younger_run_reuses_stays_until_that_run_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    ws = memory_workspace()
    run = a_run(ws, press="proof", engine="proof")
    finish(ws, run)
    younger = a_run(ws, "manual_2", press="proof", engine="proof")
    assert younger.collection.counts.reused == 8
    monkeypatch.setattr(
        "pressrun.steps.close.utc_now", lambda: (datetime.now(UTC) + timedelta(days=20)).isoformat("T", "milliseconds")
    )
    finish(ws, younger)
    assert retire_campaigns(ws, after(27)) == []
    assert len(images(ws)) == 16
    (receipt,) = retire_campaigns(ws, after(28))
    assert receipt.run_key == younger.run_key
    assert len(receipt.deleted) == 4


def test_an_open_run_keeps_what_it_plans_with() -> None:
    ws = memory_workspace()
    finish(ws, a_run(ws))
    spec = make_spec()
    plan: RenderPlan = make_plan(spec, make_request(spec, "manual_2"))
    ws.write_once(keys.plan(plan.run.run_key, plan.digest()), plan)
    before = contents(ws.work)
    assert retire_campaigns(ws, after(100)) == []
    assert contents(ws.work) == before


def test_an_unclosed_run_that_nobody_touched_for_a_year_is_abandoned() -> None:
    ws = memory_workspace()
    a_run(ws)
    assert retire_campaigns(ws, after(365)) == []
    (receipt,) = retire_campaigns(ws, after(366))
    assert len(receipt.deleted) == 8
    assert images(ws) == set()


def test_a_run_with_an_open_round_keeps_everything() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    finish(ws, run)
    start_round(ws, run, 2)
    assert retire_campaigns(ws, after(3660)) == []
    assert len(images(ws)) == 16


def test_a_legal_hold_stops_retention_until_it_is_released() -> None:
    ws = memory_workspace()
    finish(ws, a_run(ws))
    hold(ws, "spring_sale", by="maya", reason="claim 4711")
    assert retire_campaigns(ws, after(3660)) == []
    assert len(images(ws)) == 16
    release(ws, "spring_sale", by="maya", reason="claim settled")
    assert len(retire_campaigns(ws, after(3660))) == 1
    found = read_hold(ws, "spring_sale")
    assert found is not None
    assert [(change.held, change.by, change.reason) for change in found.changes] == [
        (True, "maya", "claim 4711"),
        (False, "maya", "claim settled"),
    ]


def test_holds_need_a_reason_and_are_placed_once() -> None:
    ws = memory_workspace()
    with pytest.raises(InputError, match="with a reason"):
        hold(ws, "spring_sale", by="maya", reason="  ")
    with pytest.raises(InputError, match="no hold to release"):
        release(ws, "spring_sale", by="maya", reason="done")
    first = hold(ws, "spring_sale", by="maya", reason="claim 4711")
    assert hold(ws, "spring_sale", by="rosa", reason="me too") == first
    assert is_held(ws, "spring_sale")
    assert not is_held(ws, "summer_sale")


@pytest.mark.parametrize("late", [False, True], ids=["before the write", "after the write"])
def test_killed_at_any_write_the_next_pass_finishes_it(late: bool) -> None:
    calm = memory_workspace()
    finish(calm, a_run(calm))
    (expected,) = retire_campaigns(calm, after(366))
    writes = 2 + 4 * 3  # two receipts; index entry, image and thumbnail of four drafts
    for at in range(writes):
        ws = memory_workspace()
        run = a_run(ws)
        finish(ws, run)
        with pytest.raises(KilledError):
            retire_campaigns(dying(ws, at=at, after=late), after(366))
        indexed = {item.image_uri for item in run.collection.items if ws.work.head(keys.render(item.render_key))}
        present = {ws.work.uri(key) for key in images(ws)}
        assert indexed <= present, "the index never names what is gone"
        retire_campaigns(ws, after(366))
        assert images(ws) == images(calm)
        assert ws.read(Retirement, keys.retirement("spring_sale", run.run_key)) == expected


def test_a_draft_that_came_back_into_use_after_a_killed_pass_is_kept() -> None:
    ws = memory_workspace()
    proof = {"press": "proof", "engine": "proof"}
    finish(ws, a_run(ws, **proof))
    with pytest.raises(KilledError):
        retire_campaigns(dying(ws, at=1, after=False), after(8))
    again = a_run(ws, "manual_2", **proof)
    assert again.collection.counts.reused == 8
    assert retire_campaigns(ws, after(8)) == []
    assert len(images(ws)) == 16


def test_a_changed_graph_does_not_free_the_approved_picture_of_the_old_one() -> None:
    ws = memory_workspace()
    old, new = a_run(ws), a_run(ws, "manual_2", edition=1)
    finish(ws, old)
    finish(ws, new)
    retire_campaigns(ws, after(366))
    assert images(ws) == kept_files(old, "sunrise") | kept_files(new, "sunrise")


def test_the_policy_file_shortens_a_class_and_its_mistakes_are_named(tmp_path: Path) -> None:
    ws = memory_workspace(Settings.model_validate({"home": tmp_path}))
    finish(ws, a_run(ws))
    policy = tmp_path / "include" / "policy" / "retention.yaml"
    policy.parent.mkdir(parents=True)
    policy.write_text("campaign: 10\n")
    assert retire_campaigns(ws, after(10)) == []
    assert len(retire_campaigns(ws, after(11))) == 1
    for text, told in (("campaing: 10", "campaing"), ("rejected: 0", "rejected"), ("a: [", "not YAML")):
        policy.write_text(text)
        with pytest.raises(InputError, match=told):
            retire_campaigns(ws, after(11))

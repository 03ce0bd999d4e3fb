"""Closing: the account adds up, says what remains, and is written once."""

from __future__ import annotations

from typing import Any

import orjson
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
)

from pressrun.core import keys
from pressrun.core.account import Account, RunSummary
from pressrun.core.codec import from_bytes
from pressrun.core.errors import ConflictError
from pressrun.core.lineage import RunLineage
from pressrun.core.refs import CloseRef
from pressrun.steps.close import close_run
from pressrun.steps.publish import publish_run
from pressrun.steps.workspace import Workspace, memory_workspace


def a_run(ws: Workspace, run_id: str = "manual_1", *, lose: int = 0, refuse: int = 0, **request: Any) -> Run:
    spec = make_spec()
    plan = make_plan(spec, make_request(spec, run_id, **request))
    ids = [item.item_id for item in plan.items]
    return collect(ws, plan, failed=tuple(ids[:lose]), refused=tuple(ids[lose : lose + refuse]))


def close(ws: Workspace, run: Run) -> CloseRef:
    closed = review(ws, run)
    return close_run(ws, run.plan_ref, run.quote_ref, run.collection_ref, closed, publish_run(ws, run.plan_ref, closed))


def test_the_account_adds_up() -> None:
    ws = memory_workspace()
    run = a_run(ws, lose=2, refuse=1)
    summary = close(ws, run)["summary"]
    assert summary == {
        "run_id": "manual_1", "planned": 8, "rendered": 5, "reused": 0, "qc_rejected": 1, "failed": 2, "lost": 0,
        "approved": 3, "rejected": 0, "changes_requested": 0, "not_selected": 2, "published": 3,
        "already_published": 0, "jobs": 1, "seconds": 12.5, "usd": round(12.5 / 3600 * 1.408, 6),
        "quote_usd": run.quote.usd, "remaining": 2,
    }  # fmt: skip


def test_what_remains_is_told_with_its_reasons() -> None:
    ws = memory_workspace()
    run = a_run(ws, lose=1, refuse=1)
    states = {item.item_id: "rejected" for item in run.collection.items[2:4]}
    states |= {item: state for item, state in approve_first(run).items() if item not in states}
    closed = review(ws, run, states)
    close_run(ws, run.plan_ref, run.quote_ref, run.collection_ref, closed, publish_run(ws, run.plan_ref, closed))
    summary = ws.read(RunSummary, keys.close(run.run_key))
    assert [(entry.label, entry.state, entry.reason) for entry in summary.remaining] == [
        ("AUR-01 · de-DE · square · sunrise", "failed", "timeout: no answer in 300 s"),
        ("AUR-01 · de-DE · square · garden", "qc_rejected", "blank"),
        ("AUR-01 · ja-JP · square · sunrise", "rejected", "off_brand looked at 100 %"),
        ("AUR-01 · ja-JP · square · garden", "rejected", "off_brand looked at 100 %"),
    ]
    assert summary.remaining_total == 4


def test_a_second_run_closes_with_everything_reused_and_already_published() -> None:
    ws = memory_workspace()
    close(ws, a_run(ws))
    summary = close(ws, a_run(ws, "manual_2"))["summary"]
    told = {name: summary[name] for name in ("rendered", "reused", "published", "already_published", "jobs", "usd")}
    assert told == {"rendered": 0, "reused": 8, "published": 0, "already_published": 4, "jobs": 0, "usd": 0.0}


def test_a_run_whose_review_and_publishing_were_skipped_closes() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    summary = close_run(ws, run.plan_ref, run.quote_ref, run.collection_ref)["summary"]
    assert (summary["approved"], summary["published"], summary["remaining"]) == (0, 0, 8)
    states = {entry.state for entry in ws.read(RunSummary, keys.close(run.run_key)).remaining}
    assert states == {"undecided"}


def test_approved_but_not_published_is_told_as_remaining() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    summary = close_run(ws, run.plan_ref, run.quote_ref, run.collection_ref, review(ws, run))["summary"]
    assert (summary["approved"], summary["published"]) == (4, 0)
    entries = ws.read(RunSummary, keys.close(run.run_key)).remaining
    assert sum(entry.state == "approved" for entry in entries) == 4


def test_a_dry_run_closes_without_a_collection_and_another_run_does_not() -> None:
    ws = memory_workspace()
    dry = a_run(ws, "manual_2", dry_run=True)
    summary = close_run(ws, dry.plan_ref, dry.quote_ref)["summary"]
    assert (summary["planned"], summary["lost"]) == (0, 0)
    assert summary["quote_usd"] == dry.quote.usd
    run = a_run(ws)
    with pytest.raises(ConflictError, match="nothing was collected"):
        close_run(ws, run.plan_ref, run.quote_ref)


def test_a_lost_item_is_refused_in_no_sum_but_shown() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    short = run.collection.model_copy(update={"items": run.collection.items[1:]})
    ws.write_once(keys.collection(run.run_key, short.digest()), short)
    ref = {**run.collection_ref, "digest": short.digest()}
    assert close_run(ws, run.plan_ref, run.quote_ref, ref)["summary"]["lost"] == 1  # type: ignore[arg-type]


def test_sums_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ConflictError, match="8 planned, 7 accounted for"):
        Account(run_id="r", planned=8, rendered=7).check(published=False)
    unpublished = Account(run_id="r", planned=8, rendered=8, approved=4, published=2, already_published=1)
    unpublished.check(published=False)
    with pytest.raises(ConflictError, match="4 approved, 3 published"):
        unpublished.check(published=True)


def test_lineage_of_the_run_names_everything_and_everybody() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    ref = close(ws, run)
    record = from_bytes(RunLineage, ws.fetch(ref["lineage_uri"]))
    assert ref["lineage_uri"] == ws.lineage.uri(keys.run_lineage(run.run_key))
    assert record.run.triggered_by == "maya"
    assert [(origin.number, origin.closed_by) for origin in record.rounds] == [(1, "rosa")]
    assert record.jobs == run.collection.jobs
    assert len(record.published) == 4
    assert record.counts["planned"] == 8
    assert record.collection_digest == run.collection.digest()


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("after", [False, True])
def test_killed_and_run_again_the_answer_is_the_same(at: int, after: bool) -> None:
    ws = memory_workspace()
    run = a_run(ws)
    closed = review(ws, run)
    published = publish_run(ws, run.plan_ref, closed)
    parts = (run.plan_ref, run.quote_ref, run.collection_ref, closed, published)
    with pytest.raises(KilledError):
        close_run(dying(ws, at=at, after=after), *parts)
    left = contents(ws.lineage)
    ref = close_run(ws, *parts)
    assert close_run(ws, *parts) == ref
    assert left.items() <= contents(ws.lineage).items()
    record = from_bytes(RunLineage, ws.fetch(ref["lineage_uri"]))
    assert ws.read(RunSummary, keys.close(run.run_key)).closed_at == record.closed_at


def test_xcom_stays_small() -> None:
    ws = memory_workspace()
    assert len(orjson.dumps(close(ws, a_run(ws, lose=4)))) < 2000


def test_the_estimate_is_held_against_what_the_jobs_took() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    measured = run.collection.model_copy(update={"job_seconds": run.quote.seconds / 2})
    key = keys.collection(run.run_key, measured.digest())
    ws.write_once(key, measured)
    collection_ref: Any = {**run.collection_ref, "digest": measured.digest()}
    closed = review(ws, run)
    close_run(ws, run.plan_ref, run.quote_ref, collection_ref, closed, publish_run(ws, run.plan_ref, closed))
    estimate = ws.read(RunSummary, keys.close(run.run_key)).estimate
    assert estimate is not None
    assert (estimate.error_percent, estimate.within_p90, estimate.measured) == (100.0, True, False)
    assert estimate.actual_usd == pytest.approx(run.quote.seconds / 2 / 3600 * 1.408, abs=1e-6)

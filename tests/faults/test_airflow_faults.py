"""What dies while Airflow runs a press: nothing is lost, and no job is ever bought twice for one attempt."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pressrun.core import keys
from pressrun.core.quote import Quote

if TYPE_CHECKING:
    from running_press import RunningPress

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(1200)]
PLANNED = 8


@pytest.fixture(autouse=True)
def _quick_again(running: RunningPress):
    yield
    running.relay.release()
    running.slow_down(0)


def assert_one_job_for_each_attempt(running: RunningPress, campaign: str, run_id: str, *, jobs: int) -> None:
    """SageMaker lists exactly the jobs that the run ordered, each created once."""
    records = running.records(campaign, run_id)
    names = [record.name for record in records]
    assert len(set(names)) == len(names) == jobs
    assert Counter((r.phase, r.index, r.attempt) for r in records).most_common(1)[0][1] == 1
    listed = [name for name in running.listed_jobs() if name in names]
    assert sorted(listed) == sorted(names)
    assert [running.relay.created[name] for name in names] == [1] * jobs


def test_a_killed_triggerer_costs_no_second_job(running: RunningPress) -> None:
    running.slow_down(3000)
    run_id = running.trigger("triggerer", "kill+1")
    running.wait_for_task("triggerer", run_id, "render_shards", "deferred")
    name = running.wait_for_job("triggerer", run_id)
    running.kill("triggerer")
    assert running.job(name) == "InProgress"
    account = running.finish("triggerer", run_id).account
    assert (account.planned, account.rendered, account.jobs) == (PLANNED, PLANNED, 2)
    assert_one_job_for_each_attempt(running, "triggerer", run_id, jobs=2)
    assert {record.attempt for record in running.records("triggerer", run_id)} == {1}


def test_a_scheduler_killed_between_create_and_return_leaves_a_job_to_attach_to(running: RunningPress) -> None:
    """SageMaker has the job; the answer never reaches the worker, which dies with its scheduler."""
    running.slow_down(1500)
    running.relay.hold()
    run_id = running.trigger("scheduler", "kill+1")
    assert running.relay.held.wait(300), running.told("scheduler", run_id)
    ordered = [record.name for record in running.records("scheduler", run_id)]
    assert any(running.job(name) for name in ordered), "the endpoint has the job"
    assert "deferred" not in running.task_states("scheduler", run_id, "render_shards")
    running.kill("scheduler")
    running.relay.release()
    account = running.finish("scheduler", run_id).account
    assert (account.planned, account.rendered, account.jobs) == (PLANNED, PLANNED, 2)
    assert_one_job_for_each_attempt(running, "scheduler", run_id, jobs=2)
    tries = [
        task["try_number"]
        for task in running.client().task_instances("press_scheduler", run_id)
        if task["task_id"] == "render_shards"
    ]
    assert max(tries) > 1, "a second try of the task attached to the first one's job"
    running.wait_healthy()


def test_a_killed_job_is_continued_with_its_missing_items_only(running: RunningPress) -> None:
    chance = random.Random(2026)
    running.slow_down(5000)
    run_id = running.trigger("job", "kill+1")
    name = running.wait_for_job("job", run_id)
    wanted = chance.randrange(1, 3)
    running.wait_for_images(name, wanted)
    time.sleep(chance.random() * 2)
    running.kill_job(name)
    running.slow_down(0)
    account = running.finish("job", run_id).account
    assert (account.planned, account.rendered, account.failed, account.jobs) == (PLANNED, PLANNED, 0, 3)
    first, second = (r for r in running.records("job", run_id) if r.index == running.record(name).index)
    saved = set(running.rendered(name))
    assert len(saved) >= wanted
    assert first.name == name
    assert set(second.item_ids) == set(first.item_ids) - saved
    assert_one_job_for_each_attempt(running, "job", run_id, jobs=3)


def test_a_render_task_set_to_failed_stops_its_job_and_keeps_its_images(running: RunningPress) -> None:
    running.slow_down(8000)
    run_id = running.trigger("stopped", "stop+1")
    name = running.wait_for_job("stopped", run_id)
    running.wait_for_task("stopped", run_id, "render_shards", "deferred")
    running.wait_for_images(name, 1)
    index = running.record(name).index
    path = f"{running.dag_run_path('stopped', run_id)}/taskInstances/render_shards/{index}"
    running.client().call("PATCH", path, json={"new_state": "failed"})
    running.wait_for_job_state(name, "Stopped")
    summary = running.finish("stopped", run_id)
    kept = len(running.rendered(name))
    assert 1 <= kept < 4
    assert summary.account.rendered == 4 + kept
    assert summary.account.failed == 4 - kept
    assert summary.remaining_total >= 1
    assert "no job delivered it" in {
        entry.reason.split(":")[0] for entry in summary.remaining if entry.state == "failed"
    }
    # Another run buys what is missing and nothing else.
    running.slow_down(0)
    again = running.trigger("stopped", "stop+2")
    account = running.finish("stopped", again).account
    assert (account.planned, account.reused, account.rendered) == (PLANNED, 4 + kept, 4 - kept)


def test_a_run_set_to_failed_stops_its_jobs_says_what_remains_and_goes_on_when_cleared(running: RunningPress) -> None:
    running.slow_down(8000)
    run_id = running.trigger("halted", "halt+1")
    name = running.wait_for_job("halted", run_id)
    running.wait_for_task("halted", run_id, "render_shards", "deferred")
    running.wait_for_images(name, 1)
    running.client().call("PATCH", running.dag_run_path("halted", run_id), json={"state": "failed"})
    stopped = [record.name for record in running.records("halted", run_id)]
    for job in stopped:
        running.wait_for_job_state(job, "Stopped")
    assert running.client().dag_run("press_halted", run_id)["state"] == "failed"
    saved = {item for job in stopped for item in running.rendered(job)}
    assert 1 <= len(saved) < PLANNED
    page = running.page(f"dags/press_halted/runs/{run_id.replace('+', '%2B')}/plan")
    assert f"<span>Finished</span><b>{len(saved)}</b>" in page
    assert f"<span>Remaining</span><b>{PLANNED - len(saved)}</b>" in page
    running.slow_down(0)
    # Airflow has skipped what was to come after: clearing the failed tasks alone would leave it at that.
    running.client().call("POST", f"{running.dag_run_path('halted', run_id)}/clear", json={"dry_run": False})
    account = running.finish("halted", run_id).account
    assert (account.planned, account.rendered, account.failed) == (PLANNED, PLANNED, 0)
    bought_again = {
        item for record in running.records("halted", run_id) if record.attempt > 1 for item in record.item_ids
    }
    assert bought_again.isdisjoint(saved)


def test_two_runs_at_the_same_moment_publish_nothing_twice(running: RunningPress) -> None:
    running.client().wait_for_dag("press_twins")
    with ThreadPoolExecutor(2) as pool:
        run_ids = list(pool.map(lambda number: running.trigger("twins", f"twin+{number}"), (1, 2)))
    for run_id in run_ids:
        running.wait_for_round("twins", run_id)
    accounts = [running.finish("twins", run_id).account for run_id in run_ids]
    assert [account.planned for account in accounts] == [PLANNED, PLANNED]
    assert accounts[0].published + accounts[1].published == accounts[0].approved
    assert accounts[1].already_published == accounts[1].approved
    for number in (0, 1):
        assert_one_job_for_each_attempt(running, "twins", run_ids[number], jobs=accounts[number].jobs)
    index = running.published_index("twins")
    assert len({file.uri for file in index.files}) == len(index.files) == accounts[0].published


def test_a_second_run_buys_publishes_and_asks_nothing(running: RunningPress) -> None:
    first = running.trigger("again", "once")
    account = running.finish("again", first).account
    assert (account.rendered, account.jobs) == (PLANNED, 2)
    second = running.trigger("again", "twice")
    running.wait_for_end("again", second)
    later = running.summary("again", second).account
    assert (later.planned, later.reused, later.rendered, later.jobs) == (PLANNED, PLANNED, 0, 0)
    assert (later.approved, later.published) == (account.approved, 0)
    assert later.already_published == later.approved
    assert running.records("again", second) == []
    quotes = [
        running.ws.read(Quote, info.key) for info in running.ws.work.list(keys.quotes(later_key(running, second)))
    ]
    assert [quote.to_render for quote in quotes] == [0]
    assert running.task_states("again", second, "await_review") == ["success"]
    closed = running.client("vic").xcom("press_again", second, "await_review")
    assert closed["by"] == "pressrun", "nobody was asked again"


def later_key(running: RunningPress, run_id: str) -> str:
    [edition] = running.editions("again", run_id)
    return edition

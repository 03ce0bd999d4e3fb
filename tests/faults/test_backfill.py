"""Past drops through `airflow backfill create`, as docs/how-to/backfill-a-market.md tells it, word for word."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pressrun.core import ids, keys
from pressrun.core.account import RunSummary

if TYPE_CHECKING:
    from running_press import RunningPress

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(1800)]
DROPS = [f"2026-11-{day}" for day in range(10, 15)]
RANGE = ("--from-date", "2026-11-10", "--to-date", "2026-11-15")


def run_id_of(drop: str) -> str:
    return f"backfill__{drop}T06:00:00+00:00"


def airflow(running: RunningPress, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`pressrun local airflow …` as a person runs it in the project's folder."""
    pressrun = str(Path(sys.executable).with_name("pressrun"))
    environment = {name: value for name, value in running.environment().items() if not name.startswith("AIRFLOW")}
    return subprocess.run(
        [pressrun, "local", "airflow", *arguments],
        cwd=running.project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def backfill(running: RunningPress, campaign: str, *arguments: str) -> None:
    """Create a backfill when the one before is complete."""
    wait_for_backfills(running, campaign)
    done = airflow(running, "backfill", "create", "--dag-id", ids.dag_id_of(campaign), *arguments)
    assert done.returncode == 0, done.stderr


def wait_for_backfills(running: RunningPress, campaign: str) -> None:
    def all_complete() -> bool:
        found = running.client().call("GET", "/api/v2/backfills", params={"dag_id": ids.dag_id_of(campaign)})
        return all(one["completed_at"] for one in found["backfills"])

    running.wait(all_complete, f"the backfill of {campaign} to be complete")


def edition(running: RunningPress, campaign: str, drop: str, conf: dict[str, Any]) -> str:
    deployment = running.ws.settings.deployment
    return ids.run_key(deployment=deployment, dag_id=ids.dag_id_of(campaign), run_id=run_id_of(drop), conf=conf)


def summary(running: RunningPress, campaign: str, drop: str, conf: dict[str, Any]) -> RunSummary:
    running.wait_for_end(campaign, run_id_of(drop))
    found = running.summary(campaign, run_id_of(drop), edition(running, campaign, drop, conf))
    assert (found.drop, found.account.lost) == (drop, 0)
    return found


def documents(running: RunningPress, run_key: str) -> dict[str, str]:
    """Key and ETag of everything that an edition has left."""
    campaign = run_key.rsplit("-", 2)[0]
    prefixes = (keys.runs(f"{run_key}/"), keys.reviews(campaign, run_key))
    return {info.key: info.etag for prefix in prefixes for info in running.ws.work.list(prefix)}


def told_commands(repository: Path) -> list[list[str]]:
    """The `airflow backfill create` lines of the page, without their first word."""
    page = (repository / "docs/how-to/backfill-a-market.md").read_text("utf-8")
    found = re.findall(r"^airflow (backfill create .+)$", page, re.MULTILINE)
    return [shlex.split(line) for line in found]


def test_five_past_drops_then_each_market_on_the_same_dates(running: RunningPress, repository: Path) -> None:
    running.client().wait_for_dag("press_daily_deals", timeout=300)
    backfill(running, "daily_deals", *RANGE)
    again = airflow(running, "backfill", "create", "--dag-id", "press_daily_deals", *RANGE)
    assert again.returncode == 1
    page = (repository / "docs/how-to/backfill-a-market.md").read_text("utf-8")
    assert_said(again.stderr, "Another backfill is running for Dag press_daily_deals.", page)
    first: dict[str, dict[str, str]] = {}
    for drop in DROPS:
        running.review("daily_deals", run_id_of(drop))
        account = summary(running, "daily_deals", drop, {}).account
        assert (account.planned, account.rendered, account.reused, account.failed) == (6, 6, 0, 0)
        assert account.published == account.approved > 0
        run_key = edition(running, "daily_deals", drop, {})
        first[run_key] = documents(running, run_key)
        findings = running.page(f"dags/press_daily_deals/runs/{run_id_of(drop).replace('+', '%2B')}/findings")
        assert_said(findings, "the final press is not set up here: this run prints proofs", page)
    jobs = set(running.listed_jobs())

    assert_nothing_is_created_by_default(running, page)

    for command, market in zip(told_commands(repository), ("de-DE", "ja-JP"), strict=True):
        conf = {"locales": [market]}
        wait_for_backfills(running, "daily_deals")
        done = airflow(running, *command)
        assert done.returncode == 0, done.stderr
        for drop in DROPS:
            account = summary(running, "daily_deals", drop, conf).account
            assert (account.planned, account.reused, account.rendered, account.published) == (2, 2, 0, 0)
            assert account.already_published == account.approved
    assert set(running.listed_jobs()) == jobs, "all of it was bought before"
    for run_key, before in first.items():
        assert documents(running, run_key) == before, "the first edition stays as it was"
    for drop in DROPS:
        assert len(running.editions("daily_deals", run_id_of(drop))) == 3


def assert_nothing_is_created_by_default(running: RunningPress, page: str) -> None:
    def states() -> dict[str, Any]:
        runs = running.client().call("GET", "/api/v2/dags/press_daily_deals/dagRuns", params={"limit": 100})["dag_runs"]
        return {run["dag_run_id"]: (run["state"], run["conf"], run["start_date"]) for run in runs}

    before, conf = states(), ("--dag-run-conf", '{"locales": ["de-DE"]}')
    wait_for_backfills(running, "daily_deals")
    dry = airflow(running, "backfill", "create", "--dag-id", "press_daily_deals", *RANGE, *conf, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert_said(dry.stdout, "Runs to be attempted:", page)
    assert dry.stdout.split("Runs to be attempted:")[1].strip() == ""
    silent = airflow(running, "backfill", "create", "--dag-id", "press_daily_deals", *RANGE, *conf)
    assert (silent.returncode, silent.stdout.strip()) == (0, ""), silent.stderr
    assert states() == before
    wait_for_backfills(running, "daily_deals")
    wrong = ("--dag-run-conf", '{"locales": "de-DE"}', "--reprocess-behavior", "completed")
    refused = airflow(running, "backfill", "create", "--dag-id", "press_daily_deals", *RANGE, *wrong)
    assert refused.returncode == 1
    assert_said(refused.stderr, "Invalid input for param locales: 'de-DE' is not of type 'array'", page)
    assert states() == before


def test_markets_that_were_not_rendered_before_are_bought_for_each_date(running: RunningPress) -> None:
    running.client().wait_for_dag("press_late", timeout=300)
    two_days = ("--from-date", "2026-11-10", "--to-date", "2026-11-12", "--reprocess-behavior", "completed")
    for market in ("de-DE", "ja-JP"):
        conf = {"locales": [market]}
        backfill(running, "late", *two_days, "--dag-run-conf", f'{{"locales": ["{market}"]}}')
        for drop in DROPS[:2]:
            running.review("late", run_id_of(drop))
            account = summary(running, "late", drop, conf).account
            assert (account.planned, account.rendered, account.reused) == (2, 2, 0)
            assert account.published == account.approved == 2
    for drop in DROPS[:2]:
        assert len(running.editions("late", run_id_of(drop))) == 2
    delivered = {file.uri for file in running.published_index("late").files}
    assert len(delivered) == 8


def test_a_mistyped_key_is_refused_by_name(running: RunningPress, repository: Path) -> None:
    page = (repository / "docs/how-to/backfill-a-market.md").read_text("utf-8")
    running.client().wait_for_dag("press_late", timeout=300)
    one_day = ("--from-date", "2026-11-13", "--to-date", "2026-11-14")
    backfill(running, "late", *one_day, "--dag-run-conf", '{"locale": ["de-DE"]}')
    run_id = run_id_of("2026-11-13")
    running.wait_for_end("late", run_id, "failed")
    assert running.task_states("late", run_id, "expand_manifest") == ["failed"]
    findings = running.page(f"dags/press_late/runs/{run_id.replace('+', '%2B')}/findings")
    assert_said(findings.replace("&#39;", "'"), "unknown key 'locale' in the run's conf", page)
    assert_said(findings.replace("&#39;", "'"), "did you mean 'locales'?", page)
    assert running.records("late", run_id) == []


def assert_said(text: str, sentence: str, page: str) -> None:
    """Airflow or we say it, and the how-to tells it in the same words."""
    assert sentence in text, text[-2000:]
    assert sentence in page, sentence

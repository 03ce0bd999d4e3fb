"""One run over several markets from the command line, and a spoilt campaign, both through a real Airflow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from poisoned import write_poisoned

from pressrun.core.gate import Gate
from pressrun.steps.canary import read_gate

if TYPE_CHECKING:
    from running_press import RunningPress

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(1500)]


def localize(running: RunningPress, *arguments: str) -> str:
    """`pressrun localize markets …` as a person runs it in the project's folder."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pressrun")), "localize", "markets", "--press", "proof", *arguments],
        cwd=running.project, env=running.environment(), capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_run_over_all_markets_is_reviewed_market_by_market(
    running: RunningPress, load: Callable[[str], ModuleType]
) -> None:
    load("tests/running_press.py")._write_campaign(running.project / "include/campaigns", "markets", seed=99)
    running.client().wait_for_dag("press_markets", timeout=400)
    said = localize(running, "--locales", "de-DE", "--dry-run")
    assert re.match(r"4 changed · 0 reused · \$\d+\.\d\d\n", said)
    both = ("--locales", "de-DE,ja-JP")
    assert localize(running, *both, "--dry-run").startswith("8 changed · 0 reused · $")
    runs = running.client().call("GET", "/api/v2/dags/press_markets/dagRuns")["dag_runs"]
    assert runs == [], "a dry run starts nothing"
    said = localize(running, *both, "--run-id", "de+ja")
    assert said.endswith("started de+ja\n")
    (run,) = running.client().call("GET", "/api/v2/dags/press_markets/dagRuns")["dag_runs"]
    assert run["dag_run_id"] == "de+ja"
    assert run["conf"] == {"press": "proof", "locales": ["de-DE", "ja-JP"]}
    account = running.finish("markets", "de+ja").account
    assert (account.planned, account.rendered, account.failed) == (8, 8, 0)
    said = localize(running, "--locales", "ja-JP")
    assert said.startswith("0 changed · 4 reused · $0.00\n")
    assert "nothing to buy, so no run was started" in said


def test_a_poisoned_campaign_costs_its_canary_and_says_why(running: RunningPress) -> None:
    write_poisoned(running.project / "include", "poisoned", [True] * 8, failed_share=0.5)
    run_id = running.trigger("poisoned", "all_blank")
    running.wait_for_end("poisoned", run_id, state="failed")
    assert running.task_states("poisoned", run_id, "open_gate") == ["failed"]
    assert running.task_states("poisoned", run_id, "render_shards") in ([], ["upstream_failed"])
    (record,) = running.records("poisoned", run_id)
    assert (record.phase, len(record.item_ids)) == ("canary", 4)
    (edition,) = running.editions("poisoned", run_id)
    gate = read_gate(running.ws, edition)
    assert isinstance(gate, Gate)
    assert (gate.state, gate.not_bought) == ("shut", 12)
    page = running.page(f"dags/press_poisoned/runs/{quote(run_id)}/plan")
    assert "the canary failed: 4 of 4 pictures are unusable; 12 items were not bought" in page
    assert "mend the workflow or the manifest, and run again" in page
    assert "is blank: contrast 0.0" in page

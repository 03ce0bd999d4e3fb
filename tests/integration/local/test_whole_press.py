"""The whole of it once: Airflow up from nothing, a run, killed components, down. Minutes, so with --all only."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pressrun.core.errors import NotAllowedError
from pressrun.local import pidfiles, press, processes
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import login_of
from pressrun.local.options import LocalOptions

pytestmark = [pytest.mark.network, pytest.mark.airflow, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(1200)]
OPTIONS = LocalOptions(airflow_port=21080, s3_port=21066, sagemaker_port=21058)
DAG = """
import time
from airflow.sdk import dag, task

@dag(schedule=None)
def print_sheets():
    @task
    def rest():
        time.sleep(15)
        return "rested"
    rest()

print_sheets()
"""


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Iterator[Path]:
    for folder in ("dags", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dags/sheets.py").write_text(DAG)
    (tmp_path / ".venv-s3").symlink_to(repository / ".venv-s3")
    yield tmp_path
    press.down(tmp_path)


def family(run: Path, name: str) -> list[int]:
    return processes.marked(pidfiles.MARK, pidfiles.mark_of(run, name))


def test_up_a_run_through_kills_and_down(project: Path, wait_until: Callable[..., Any]) -> None:
    there, run = press.up(project, OPTIONS), project / ".pressrun/run"
    assert press.status(project).healthy
    with (
        AirflowClient(there.airflow, login_of(project, "vic")) as viewer,
        AirflowClient(there.airflow, login_of(project, "rosa")) as reviewer,
    ):
        reviewer.wait_for_dag("print_sheets")
        with pytest.raises(NotAllowedError):
            viewer.trigger("print_sheets")
        made = reviewer.trigger("print_sheets", "autumn+1", note="the first")
        assert (made["triggering_user_name"], made["note"]) == ("rosa", "the first")
        wait_until(lambda: viewer.task_instances("print_sheets", "autumn+1")[0]["state"] == "running", 60)
        for name in ("triggerer", "scheduler"):
            known, old = pidfiles.read(run, name), family(run, name)
            assert known is not None
            assert len(old) > 1
            os.kill(known.pid, signal.SIGKILL)
            wait_until(lambda name=name, old=old: set(family(run, name)) - set(old), 30)
            assert not set(family(run, name)) & set(old)
        assert viewer.wait_for_run("print_sheets", "autumn+1", timeout=600)["state"] == "success"
        assert viewer.xcom("print_sheets", "autumn+1", "rest") == "rested"
    wait_until(lambda: press.status(project).healthy, 90)
    everything = [pid for item in press.status(project).components for pid in family(run, item.name)]
    assert len(everything) > 10
    press.down(project)
    assert [pid for pid in everything if processes.stamp(pid)] == []
    press.up(project, OPTIONS)  # again, on the same database
    assert "airflow-migrate" not in [item.name for item in press.status(project).components]

"""The pieces of bring-up that need a socket or an S3 server; the whole of it is what scripts/demo runs."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pressrun.core.errors import SetupError
from pressrun.local import pidfiles, ports, press, processes
from pressrun.local.buckets import LINEAGE, PUBLISHED, create_buckets, local_client
from pressrun.local.options import LocalOptions

pytestmark = pytest.mark.network


def test_buckets_are_made_once_and_lineage_is_locked(s3_url: str) -> None:
    s3 = local_client("s3", s3_url, "us-east-1")
    assert create_buckets(s3, "us-east-1") == [
        "pressrun-inputs",
        "pressrun-work",
        "pressrun-published",
        "pressrun-lineage",
    ]
    assert create_buckets(s3, "us-east-1") == []
    assert s3.get_bucket_versioning(Bucket=PUBLISHED)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=LINEAGE)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_a_port_in_use_is_one_sentence_with_its_user_and_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError) as caught:
            ports.require_free(port, "Airflow", "PRESSRUN_LOCAL_AIRFLOW_PORT")
        text = str(caught.value)
        assert text.startswith(f"port {port}, needed for Airflow, is in use by pid {os.getpid()} (")
        assert text.endswith("set PRESSRUN_LOCAL_AIRFLOW_PORT to a free port")
    ports.require_free(port, "Airflow", "PRESSRUN_LOCAL_AIRFLOW_PORT")


def test_up_names_a_taken_port_and_starts_nothing(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / ".venv-s3").symlink_to(repository / ".venv-s3")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port}, needed for the S3 endpoint, is in use"):
            press.up(tmp_path, LocalOptions(airflow_port=21090, s3_port=port, sagemaker_port=21091))
    assert press.status(tmp_path).supervisor is None


@pytest.mark.airflow
@pytest.mark.slow
def test_up_gives_up_with_the_log_of_what_does_not_start_and_leaves_nothing(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "dags").mkdir()
    broken = tmp_path / ".venv-s3/bin/ministack"
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\necho no disk today\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(SetupError, match=r"s3 died 5 times soon after its start; .*no disk today"):
        press.up(tmp_path, LocalOptions(airflow_port=21092, s3_port=free_port, sagemaker_port=21093))
    run = tmp_path / ".pressrun/run"
    assert pidfiles.names(run) == []
    for name in ("supervisor", "sagemaker", "airflow-migrate"):
        assert processes.marked(pidfiles.MARK, pidfiles.mark_of(run, name)) == []


def test_an_old_heartbeat_is_not_health() -> None:
    began = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    old, new = ("2026-11-20T11:59:59+00:00", "2026-11-20T12:00:01+00:00")
    assert not press._is_fresh({"status": "healthy", "latest_scheduler_heartbeat": old}, began)
    assert press._is_fresh({"status": "healthy", "latest_scheduler_heartbeat": new}, began)
    assert press._is_fresh({"status": "healthy", "latest_scheduler_heartbeat": old}, None)
    assert not press._is_fresh({"status": "unhealthy", "latest_scheduler_heartbeat": new}, began)
    assert press._is_fresh({"status": "healthy"}, began)


def test_down_and_status_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert press.down(tmp_path) == []
    assert not press.status(tmp_path).healthy


def test_up_says_in_one_sentence_that_it_cleaned_up(tmp_path: Path, free_port: int) -> None:
    run = tmp_path / ".pressrun/run"
    run.mkdir(parents=True)
    (run / "scheduler.pid.json").write_text('{"name": "scheduler", "pid": 999999, "stamp": "x:1", "command": []}')
    said: list[str] = []
    with pytest.raises(SetupError, match="there is no dags/ folder"):
        press.up(tmp_path, LocalOptions(airflow_port=free_port), say=said.append)
    assert said == ["Removed 1 stale pid file(s) of an earlier run that did not end well."]


def test_a_client_says_that_airflow_does_not_answer(free_port: int) -> None:
    from pressrun.local.client import AirflowClient
    from pressrun.local.credentials import Login

    with (
        AirflowClient(f"http://127.0.0.1:{free_port}", Login("maya", "admin", "x")) as client,
        pytest.raises(SetupError, match="Airflow does not answer"),
    ):
        client.dag_run("spring_sale", "manual__1")


def test_endpoint_addresses_are_what_boto3_reads(
    make_lab: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    lab = make_lab(make_config())
    there = press.Endpoints("http://127.0.0.1:1", lab.endpoint.config.s3_endpoint, lab.endpoint.url, "us-east-1", [])
    for name, value in there.environment().items():
        monkeypatch.setenv(name, value)
    session = boto3.Session()
    assert session.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"] == []
    assert session.client("logs").meta.endpoint_url == lab.endpoint.url
    assert lab.bucket in [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]

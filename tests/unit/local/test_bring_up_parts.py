"""Options, credentials, Airflow's environment, machine checks and pid files, without starting anything."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from pressrun.core.errors import SetupError
from pressrun.local import doctor, pidfiles, processes
from pressrun.local.airflow import MIGRATE, airflow_environment, airflow_services, note_migrated, prepare
from pressrun.local.client import _quoted
from pressrun.local.credentials import Secrets, login_of, logins_of
from pressrun.local.options import LocalOptions
from pressrun.local.paths import LocalPaths
from pressrun.local.services import Plan, clean_environment, s3_service, sagemaker_service


@pytest.fixture
def paths(tmp_path: Path) -> LocalPaths:
    made = LocalPaths(tmp_path)
    made.create()
    return made


def test_ports_come_from_the_environment() -> None:
    options = LocalOptions.from_environment({"PRESSRUN_LOCAL_S3_PORT": "21001", "PRESSRUN_REGION": "eu-west-1"})
    assert options.ports == {"airflow": 18080, "s3": 21001, "sagemaker": 14580}
    assert options.region == "eu-west-1"


@pytest.mark.parametrize("text", ["http", "80", "70000", "-1"])
def test_a_wrong_port_names_its_setting(text: str) -> None:
    with pytest.raises(SetupError, match="PRESSRUN_LOCAL_AIRFLOW_PORT="):
        LocalOptions.from_environment({"PRESSRUN_LOCAL_AIRFLOW_PORT": text})


def test_two_services_cannot_share_a_port() -> None:
    with pytest.raises(SetupError, match="share a port"):
        LocalOptions.from_environment({"PRESSRUN_LOCAL_AIRFLOW_PORT": "14566"})


def test_passwords_are_made_once_and_only_the_owner_reads_them(paths: LocalPaths) -> None:
    with pytest.raises(SetupError, match="no users yet"):
        login_of(paths.project, "rosa")
    made = Secrets.load_or_make(paths)
    assert Secrets.load_or_make(paths) == made
    prepare(paths, made)
    for path in (paths.secrets, paths.airflow / "passwords.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o700
    logins = {login.name: (login.role, login.password) for login in logins_of(paths.project)}
    assert {name: role for name, (role, _) in logins.items()} == {
        "maya": "admin", "rosa": "user", "kenji": "user", "vic": "viewer"
    }  # fmt: skip
    assert len({password for _, password in logins.values()}) == 4
    with pytest.raises(SetupError, match="no user 'eve'"):
        login_of(paths.project, "eve")


def test_an_unreadable_secrets_file_is_named(paths: LocalPaths) -> None:
    paths.secrets.write_text("{")
    with pytest.raises(SetupError, match=r"secrets\.json"):
        Secrets.load_or_make(paths)


def test_airflow_is_loopback_only_named_users_only_and_pointed_at_our_endpoints(
    paths: LocalPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_PROFILE": "work", "AIRFLOW_HOME": "/else", "PRESSRUN_WEBHOOK_URL": "http://w"}.items():
        monkeypatch.setenv(name, value)
    s3, sagemaker = "http://127.0.0.1:2", "http://127.0.0.1:3"
    secrets = Secrets.load_or_make(paths)
    env = airflow_environment(paths, secrets, port=1, s3_url=s3, sagemaker_url=sagemaker, region="us-east-1")
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    assert env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "maya:admin,rosa:user,kenji:user,vic:viewer"
    assert (env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL_SAGEMAKER"]) == (s3, sagemaker)
    assert env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] == sagemaker
    assert env["AIRFLOW_HOME"] == str(paths.airflow)
    assert "AWS_PROFILE" not in env
    assert env["PRESSRUN_WEBHOOK_URL"] == "http://w"
    services = airflow_services(paths, env, 1)
    assert [item.name for item in services] == [MIGRATE, "api-server", "scheduler", "dag-processor", "triggerer"]
    # Their log servers would listen on every interface.
    assert [item.name for item in services if "--skip-serve-logs" in item.command] == ["scheduler", "triggerer"]
    (paths.airflow / "airflow.db").touch()
    note_migrated(paths)
    assert MIGRATE not in [item.name for item in airflow_services(paths, env, 1)]
    (paths.airflow / "migrated").write_text("3.0.0")
    assert airflow_services(paths, env, 1)[0].name == MIGRATE


def test_a_plan_comes_back_from_its_file_and_only_the_owner_reads_it(paths: LocalPaths) -> None:
    plan = Plan((s3_service(paths, 2), sagemaker_service(paths, 3, "http://127.0.0.1:2", quotas={"total": 4})))
    plan.write(paths.run / "plan.json")
    assert Plan.read(paths.run / "plan.json") == plan
    assert stat.S_IMODE((paths.run / "plan.json").stat().st_mode) == 0o600
    assert plan.services[0].env["BIND_HOST"] == "127.0.0.1"
    assert "total=4" in plan.services[1].command
    assert "--lenient" not in plan.services[1].command


def test_a_person_s_proxy_stays_but_not_for_loopback() -> None:
    env = clean_environment({"HTTPS_PROXY": "http://p", "NO_PROXY": "corp", "AWS_PROFILE": "x", "PYTHONPATH": "/y"})
    assert env == {
        "HTTPS_PROXY": "http://p",
        "NO_PROXY": "corp,127.0.0.1,localhost",
        "no_proxy": "corp,127.0.0.1,localhost",
    }


def test_each_check_of_the_machine_is_a_sentence(tmp_path: Path, paths: LocalPaths) -> None:
    with pytest.raises(SetupError, match=r"Python 3\.10\.4 is too old for Pressrun — use Python 3\.11 or newer"):
        doctor.check_python((3, 10, 4))
    with pytest.raises(SetupError, match=r"SQLite 3\.7\.17 is too old"):
        doctor.check_sqlite((3, 7, 17))
    with pytest.raises(SetupError, match=r"only 0\.5 GiB are free"):
        doctor.check_disk(tmp_path, lambda _: 512 * 1024**2)
    with pytest.raises(SetupError, match="no dags/ folder"):
        doctor.check_project(paths)
    with pytest.raises(SetupError, match="Airflow is not installed"):
        doctor.check_commands(paths, tmp_path / "airflow")
    (tmp_path / "airflow").touch()
    with pytest.raises(SetupError, match="the S3 server is not installed — run scripts/demo"):
        doctor.check_commands(paths, tmp_path / "airflow")
    doctor.check_python()
    doctor.check_sqlite()


def test_a_stamp_tells_a_process_from_another_with_its_pid(tmp_path: Path) -> None:
    mine = processes.stamp(os.getpid())
    assert processes.is_same(os.getpid(), mine)
    assert not processes.is_same(os.getpid(), f"{mine}0")
    assert not processes.is_same(os.getpid(), None)
    known = pidfiles.write(tmp_path, "me", os.getpid(), ("python",))
    assert known.alive
    assert pidfiles.read(tmp_path, "me") == known
    pidfiles.path_of(tmp_path, "me").write_text(json.dumps({"name": "me"}))
    assert pidfiles.read(tmp_path, "me") is None
    assert pidfiles.names(tmp_path) == ["me"]


def test_a_run_id_is_one_path_segment() -> None:
    assert _quoted("manual__2026-11-20T18:04:21+00:00") == "manual__2026-11-20T18%3A04%3A21%2B00%3A00"

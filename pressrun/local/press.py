"""A whole press on one machine: up, down, status. The command line and scripts/demo call these."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from pressrun.core.errors import SetupError
from pressrun.local import doctor, pidfiles, processes
from pressrun.local.airflow import (
    HEALTH_PATH,
    MIGRATE,
    airflow_environment,
    airflow_services,
    note_migrated,
    prepare,
)
from pressrun.local.buckets import create_buckets, local_client
from pressrun.local.credentials import Login, Secrets, logins_of
from pressrun.local.options import LocalOptions
from pressrun.local.paths import LocalPaths
from pressrun.local.sagemaker.book import end_left_over as end_left_over_jobs
from pressrun.local.services import LOOPBACK, Plan, s3_service, sagemaker_service
from pressrun.local.supervisor import NAME as SUPERVISOR

UP_TIMEOUT = 180.0
DOWN_TIMEOUT = 75.0
HEALTH_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
Say = Callable[[str], None]
_GOOD = ("ready", "done", "healthy")


def _quiet(_: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Endpoints:
    """Where a running press is, and who can log in."""

    airflow: str
    s3: str
    sagemaker: str
    region: str
    logins: list[Login] = field(repr=False)

    def environment(self) -> dict[str, str]:
        """Variables that point boto3, the AWS command line and Pressrun's own commands at this press."""
        return {
            "AWS_ENDPOINT_URL_S3": self.s3,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.sagemaker,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self.sagemaker,
            "AWS_ACCESS_KEY_ID": "pressrun-local",
            "AWS_SECRET_ACCESS_KEY": "pressrun-local",
            "AWS_DEFAULT_REGION": self.region,
        }


@dataclass(frozen=True)
class ComponentStatus:
    """One line of `pressrun local status`. `state` is a component's state, or "healthy"/"unhealthy" as Airflow says."""

    name: str
    state: str
    pid: int | None
    port: int | None
    restarts: int
    detail: str
    log: str


@dataclass(frozen=True)
class PressStatus:
    """What runs. `supervisor` is None when nothing does; `left_over` are pid files of a run that did not end well."""

    supervisor: int | None
    components: list[ComponentStatus]
    left_over: list[str]

    @property
    def healthy(self) -> bool:
        return self.supervisor is not None and all(item.state in _GOOD for item in self.components)


def up(project: Path, options: LocalOptions | None = None, *, say: Say = _quiet) -> Endpoints:
    """Start everything and wait until it works; a press that already runs is only waited for.

    SetupError in one sentence for what is missing, in use or broken; then nothing is left running.
    """
    project = project.resolve()
    options, paths = options or LocalOptions.from_environment(), LocalPaths(project)
    paths.create()
    began: datetime | None = None
    if _supervisor(paths) is None:
        _clean_up(paths, say)
        doctor.require(project, options)
        _write_plan(paths, options)
        began = datetime.now(UTC)
        _start_supervisor(paths)
    try:
        endpoints = _wait_until_healthy(paths, options.region, began, say)
    except BaseException:
        if began is not None:  # we started it; a press that somebody else uses stays
            down(project, say=say)
        raise
    note_migrated(paths)
    return endpoints


def down(project: Path, *, say: Say = _quiet) -> list[str]:
    """Stop everything this project started, by pid; returns what was stopped. Does nothing when nothing runs."""
    paths = LocalPaths(project.resolve())
    if not paths.run.is_dir():
        return []
    stopped = []
    supervisor = _supervisor(paths)
    if supervisor is not None:
        stopped = [name for name in pidfiles.names(paths.run) if name != SUPERVISOR]
        processes.signal_pids([supervisor.pid], 15)
        if not processes.wait_gone(supervisor.pid, supervisor.stamp, DOWN_TIMEOUT):
            say(f"the supervisor (pid {supervisor.pid}) did not end within {DOWN_TIMEOUT:.0f} s and is killed")
            processes.signal_pids([supervisor.pid], 9)
            processes.wait_gone(supervisor.pid, supervisor.stamp, 5)
    left = _clean_up(paths, say)
    (paths.run / "status.json").unlink(missing_ok=True)
    return stopped + left


def status(project: Path) -> PressStatus:
    """What runs now, without starting or changing anything."""
    paths = LocalPaths(project.resolve())
    supervisor = _supervisor(paths)
    if supervisor is None:
        return PressStatus(None, [], pidfiles.names(paths.run))
    health = _health(_endpoints(paths, "us-east-1").airflow)
    components = []
    for name, item in _services(paths).items():
        part = health.get(name.replace("-", "_"), {}) if item["state"] == "ready" else {}
        components.append(ComponentStatus(name=name, **{**item, "state": part.get("status") or item["state"]}))
    return PressStatus(supervisor.pid, components, [])


def _supervisor(paths: LocalPaths) -> pidfiles.PidFile | None:
    known = pidfiles.read(paths.run, SUPERVISOR)
    return known if known is not None and known.alive else None


def _clean_up(paths: LocalPaths, say: Say) -> list[str]:
    """End what a run that did not end well left behind, and say so in one sentence."""
    ended, stale = pidfiles.end_left_over(paths.run)
    end_left_over_jobs(paths.sagemaker)
    (paths.run / "status.json").unlink(missing_ok=True)
    if ended:
        say(f"Ended what an earlier run had left: {', '.join(ended)}.")
    elif stale:
        say(f"Removed {stale} stale pid file(s) of an earlier run that did not end well.")
    return ended


def _write_plan(paths: LocalPaths, options: LocalOptions) -> None:
    secrets = Secrets.load_or_make(paths)
    prepare(paths, secrets)
    s3 = s3_service(paths, options.s3_port)
    sagemaker = sagemaker_service(
        paths, options.sagemaker_port, _url(options.s3_port), quotas=options.quotas, images=options.images
    )
    environment = airflow_environment(
        paths,
        secrets,
        port=options.airflow_port,
        s3_url=_url(options.s3_port),
        sagemaker_url=_url(options.sagemaker_port),
        region=options.region,
        extra=options.environment,
    )
    Plan((s3, sagemaker, *airflow_services(paths, environment, options.airflow_port))).write(paths.run / "plan.json")


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _start_supervisor(paths: LocalPaths) -> None:
    command = [sys.executable, "-m", "pressrun.local.supervisor", "--detach", str(paths.run), str(paths.logs)]
    path = paths.logs / "supervisor.log"
    with path.open("ab") as log:
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=paths.project, check=False
        )
    until = time.monotonic() + 20
    while _supervisor(paths) is None:
        if started.returncode != 0 or time.monotonic() > until:
            raise SetupError("the supervisor did not start", where=str(path), remedy=_tail(paths, SUPERVISOR))
        time.sleep(0.05)


def _wait_until_healthy(paths: LocalPaths, region: str, began: datetime | None, say: Say) -> Endpoints:
    endpoints, said, have_buckets = _endpoints(paths, region), set[str](), False
    started = time.monotonic()
    while True:
        services = _services(paths)
        for name, item in services.items():
            if item["state"] == "failed":
                raise SetupError(f"{name} {item['detail']}", where=item["log"], remedy=_tail(paths, name))
            if item["state"] in ("ready", "done") and name not in said and name in ("s3", "sagemaker", MIGRATE):
                said.add(name)
                say(f"{time.monotonic() - started:5.1f} s  {name} {item['state']}")
        if not have_buckets and services.get("s3", {}).get("state") == "ready":
            create_buckets(local_client("s3", endpoints.s3, region), region)
            have_buckets = True
        health = _health(endpoints.airflow)
        for part in HEALTH_PARTS:
            if part not in said and _is_fresh(health.get(part, {}), began):
                said.add(part)
                say(f"{time.monotonic() - started:5.1f} s  {part} healthy")
        if have_buckets and said >= {"sagemaker", *HEALTH_PARTS}:
            return endpoints
        if time.monotonic() - started > UP_TIMEOUT:
            missing = ", ".join(part for part in ("sagemaker", *HEALTH_PARTS) if part not in said)
            raise SetupError(f"not ready after {UP_TIMEOUT:.0f} s: {missing}", where=str(paths.logs))
        if _supervisor(paths) is None:
            log = str(paths.logs / "supervisor.log")
            raise SetupError("the supervisor ended", where=log, remedy=_tail(paths, SUPERVISOR))
        time.sleep(0.2)


def _is_fresh(part: dict[str, Any], began: datetime | None) -> bool:
    """Healthy by a heartbeat since `began`: the database still holds those of a press that ended a moment ago."""
    beats = [value for key, value in part.items() if key.startswith("latest_") and value]
    if part.get("status") != "healthy":
        return False
    return not beats or began is None or datetime.fromisoformat(beats[0]) >= began


def _services(paths: LocalPaths) -> dict[str, dict[str, Any]]:
    try:
        services: dict[str, dict[str, Any]] = json.loads((paths.run / "status.json").read_text("utf-8"))["services"]
    except (OSError, ValueError, KeyError):
        return {}
    return services


def _health(url: str) -> dict[str, dict[str, Any]]:
    try:
        body: dict[str, dict[str, Any]] = httpx.get(f"{url}{HEALTH_PATH}", timeout=5, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return body


def endpoints(project: Path) -> Endpoints:
    """Where the running press is; SetupError where none runs."""
    paths = LocalPaths(project.resolve())
    if _supervisor(paths) is None:
        raise SetupError("no press is running here", where=str(project), remedy="scripts/demo or `pressrun local up`")
    return _endpoints(paths, LocalOptions.from_environment().region)


def airflow_command(project: Path) -> tuple[str, dict[str, str]]:
    """The `airflow` command of the running press and the environment it needs; SetupError where none runs."""
    paths = LocalPaths(project.resolve())
    endpoints(project)
    services = Plan.read(paths.run / "plan.json").services
    server = next(service for service in services if service.name == "api-server")
    # A person reads these commands: no notes of Airflow to itself between their lines.
    quiet = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    return server.command[0], {**server.env, **quiet}


def _endpoints(paths: LocalPaths, region: str) -> Endpoints:
    ports = {service.name: service.port for service in Plan.read(paths.run / "plan.json").services}
    airflow, s3, sagemaker = (f"http://{LOOPBACK}:{ports[name]}" for name in ("api-server", "s3", "sagemaker"))
    return Endpoints(airflow, s3, sagemaker, region, logins_of(paths.project))


def _tail(paths: LocalPaths, name: str, lines: int = 5) -> str:
    try:
        text = (paths.logs / f"{name}.log").read_text("utf-8", errors="replace")
    except OSError:
        return "there is no log"
    return "last lines of its log: " + " | ".join(text.strip().splitlines()[-lines:])

"""Airflow's four components on one machine: environment, commands, and how to see that they work."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pressrun.local.credentials import ROLES, Secrets, write_private
from pressrun.local.paths import LocalPaths
from pressrun.local.services import LOOPBACK, Service, clean_environment

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
MIGRATE = "airflow-migrate"
HEALTH_PATH = "/api/v2/monitor/health"


def airflow_environment(
    paths: LocalPaths,
    secrets: Secrets,
    *,
    port: int,
    s3_url: str,
    sagemaker_url: str,
    region: str,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Everything the components, and `airflow` commands beside them, need to know. `extra` comes last."""
    project = paths.project
    url = f"http://{LOOPBACK}:{port}"
    airflow = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "8",  # each slot is a forked process; the default of 32 costs memory for nothing
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",  # a run of a paused DAG stays queued for ever
        "CORE__DAGS_FOLDER": str(project / "dags"),
        "CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": secrets.fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",  # else every decision is by "Anonymous"
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in ROLES.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(paths)),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{paths.airflow / 'airflow.db'}",
        "DATABASE__SQL_ALCHEMY_CONNECT_ARGS": "pressrun.local.sqlite.CONNECT_ARGS",
        "DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": "pressrun.local.sqlite.ASYNC_CONNECT_ARGS",
        "API__HOST": LOOPBACK,
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__SECRET_KEY": secrets.api_secret_key,
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "OPERATORS__DEFAULT_DEFERRABLE": "True",
        # A new campaign file is a new DAG within seconds.
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # What a killed scheduler or triggerer had in hand is taken up again within a minute instead of five.
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "30",
        "LOGGING__BASE_LOG_FOLDER": str(paths.airflow / "logs"),
    }
    return {
        "PRESSRUN_BASE_URL": url,
        **clean_environment(),
        **{f"AIRFLOW__{key}": value for key, value in airflow.items()},
        "AIRFLOW_HOME": str(paths.airflow),
        "PRESSRUN_HOME": str(project),
        "PYTHONPATH": str(project),
        "PYTHONUNBUFFERED": "1",
        "SCARF_ANALYTICS": "False",
        "DO_NOT_TRACK": "1",
        "SPT_NOENV": "1",  # setproctitle would write over the environment by which a component's processes are known
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: Airflow forks after threads have started
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker_url,
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": sagemaker_url,
        "AWS_ACCESS_KEY_ID": "pressrun-local",
        "AWS_SECRET_ACCESS_KEY": "pressrun-local",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **(extra or {}),
    }


def passwords_file(paths: LocalPaths) -> Path:
    """Where Airflow's simple auth manager reads passwords."""
    return paths.airflow / "passwords.json"


def prepare(paths: LocalPaths, secrets: Secrets) -> None:
    """Write the passwords before Airflow would make up its own and print them."""
    write_private(passwords_file(paths), json.dumps({name: secrets.passwords[name] for name in ROLES}))


def airflow_services(paths: LocalPaths, env: Mapping[str, str], port: int) -> list[Service]:
    """The components, after a migration if this database was not migrated by this Airflow yet.

    No log servers: they would listen on every interface, and the API server reads the same files directly.
    """
    command = str(Path(sys.executable).with_name("airflow"))
    first = [] if is_migrated(paths) else [MIGRATE]
    migrate = Service(MIGRATE, (command, "db", "migrate"), env, str(paths.project), once=True, stage=2)
    components = [
        Service(
            name=name,
            command=(command, name, *(("--skip-serve-logs",) if name in ("scheduler", "triggerer") else ())),
            env=env,
            cwd=str(paths.project),
            ready_url=f"http://{LOOPBACK}:{port}{HEALTH_PATH}" if name == "api-server" else None,
            port=port if name == "api-server" else None,
            needs=tuple(first),
            stage=2 if name == "api-server" else 3,
            grace=5.0,
        )
        for name in COMPONENTS
    ]
    return [migrate, *components] if first else components


def _marker(paths: LocalPaths) -> Path:
    return paths.airflow / "migrated"


def is_migrated(paths: LocalPaths) -> bool:
    """Whether the database is known to be at this Airflow's version: a migration that does nothing costs seconds."""
    try:
        noted = _marker(paths).read_text(encoding="ascii")
    except OSError:
        return False
    return noted == version("apache-airflow-core") and (paths.airflow / "airflow.db").exists()


def note_migrated(paths: LocalPaths) -> None:
    """Remember that the database is at this Airflow's version."""
    _marker(paths).write_text(version("apache-airflow-core"), encoding="ascii")

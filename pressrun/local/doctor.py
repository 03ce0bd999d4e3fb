"""What must be true of this machine before a press can start; each check is one clear sentence when it is not."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pressrun.core.errors import SetupError
from pressrun.local.options import LocalOptions, port_setting
from pressrun.local.paths import LocalPaths
from pressrun.local.ports import require_free

LEAST_PYTHON = (3, 11)
LEAST_SQLITE = (3, 15, 0)
LEAST_DISK_BYTES = 2 * 1024**3


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """SetupError if Python is too old."""
    if version < LEAST_PYTHON:
        found = ".".join(map(str, version))
        raise SetupError(f"Python {found} is too old for Pressrun", remedy="use Python 3.11 or newer")


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """SetupError if Airflow's metadata database would refuse this SQLite."""
    if version < LEAST_SQLITE:
        found, least = (".".join(map(str, numbers)) for numbers in (version, LEAST_SQLITE))
        raise SetupError(f"SQLite {found} is too old for Airflow", remedy=f"use a Python with SQLite {least} or newer")


def check_disk(path: Path, free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> None:
    """SetupError if images and logs would not fit."""
    available = free(path)
    if available < LEAST_DISK_BYTES:
        raise SetupError(
            f"only {available / 1024**3:.1f} GiB are free where the press keeps its files",
            where=str(path),
            remedy=f"free at least {LEAST_DISK_BYTES // 1024**3} GiB",
        )


def check_commands(paths: LocalPaths, airflow: Path | None = None) -> None:
    """SetupError if Airflow, or the S3 server in its own environment, is not installed."""
    airflow = airflow or Path(sys.executable).with_name("airflow")
    if not airflow.exists():
        raise SetupError("Airflow is not installed beside this Python", where=str(airflow), remedy="run scripts/demo")
    if not paths.s3_command.exists():
        raise SetupError("the S3 server is not installed", where=str(paths.s3_command), remedy="run scripts/demo")


def check_project(paths: LocalPaths) -> None:
    """SetupError if this is not a Pressrun checkout."""
    if not (paths.project / "dags").is_dir():
        raise SetupError("there is no dags/ folder", where=str(paths.project), remedy="start it in a Pressrun checkout")


def problems(project: Path, options: LocalOptions) -> Iterator[SetupError]:
    """Everything that is wrong, in the order in which a person would mend it. Ports count only while nothing runs."""
    paths = LocalPaths(project)
    checks: list[Callable[[], None]] = [
        check_python,
        check_sqlite,
        lambda: check_project(paths),
        lambda: check_commands(paths),
        lambda: check_disk(project),
    ]
    checks += [
        lambda service=service, port=port: require_free(port, _LABELS[service], port_setting(service))  # type: ignore[misc]
        for service, port in options.ports.items()
    ]
    for check in checks:
        try:
            check()
        except SetupError as exc:
            yield exc


def require(project: Path, options: LocalOptions) -> None:
    """Raise the first problem, if there is one."""
    first = next(problems(project, options), None)
    if first is not None:
        raise first


_LABELS = {"airflow": "Airflow", "s3": "the S3 endpoint", "sagemaker": "the SageMaker endpoint"}

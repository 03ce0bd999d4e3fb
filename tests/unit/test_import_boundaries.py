"""What import-linter cannot see: what is really loaded, through other people's packages too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import importlib, pkgutil, sys
package = importlib.import_module({package!r})
for found in pkgutil.walk_packages(getattr(package, "__path__", []), {package!r} + "."):
    # The gallery's adapter to Airflow's logins is the one module outside orchestration that may know Airflow.
    if not found.name.endswith(("__main__", ".airflow_auth")):
        importlib.import_module(found.name)
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
NO_CLOUD = {"airflow", "boto3", "botocore", "aiobotocore"}
NO_WEB = {"fastapi", "httpx", "starlette", "uvicorn", "websockets"}


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("pressrun.core", NO_CLOUD | NO_WEB),
        ("pressrun.settings", NO_CLOUD | NO_WEB),
        ("pressrun.typeset", NO_CLOUD | NO_WEB),
        ("pressrun.comfy", NO_CLOUD),
        ("pressrun.proof", NO_CLOUD),
        ("pressrun.runner", NO_CLOUD),
        ("pressrun.steps", {"airflow"}),
        ("pressrun.gallery", {"airflow"}),
        ("pressrun.cli", {"airflow", "fastapi"}),
    ],
)
def test_importing_everything_of_a_package_loads_nothing_forbidden(
    package: str, forbidden: set[str], repository: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(package=package)],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not forbidden & set(done.stdout.split())

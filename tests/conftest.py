"""What holds for every test: no network, nobody's credentials, fresh settings, the same examples on every CI run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from pressrun.settings import settings

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LOOPBACK = ["127.0.0.1", "localhost", "::1"]

hypothesis_settings.register_profile("dev", deadline=None, max_examples=60)
hypothesis_settings.register_profile(
    "ci",
    deadline=None,
    max_examples=100,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported: what the developer's shell says must not reach a test, nor a test the developer."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "PRESSRUN_", "AIRFLOW_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "*",
        "AIRFLOW_HOME": tempfile.mkdtemp(prefix="pressrun-tests-airflow-"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    }
    config.add_cleanup(lambda home=os.environ["AIRFLOW_HOME"]: shutil.rmtree(home, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sockets are off (pyproject.toml). Marked tests get loopback; browser tests need a browser."""
    chromium = any(shutil.which(name) for name in _CHROMIUM) and shutil.which("chromedriver")
    for item in items:
        if any(item.get_closest_marker(name) for name in ("network", "airflow", "faults", "browser")):
            item.add_marker(pytest.mark.allow_hosts(_LOOPBACK))
        if item.get_closest_marker("browser") and not chromium:
            item.add_marker(pytest.mark.skip(reason="no Chromium with chromedriver on this machine"))


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    """Settings are read once a process; a test that sets PRESSRUN_* must not hand them to the next one."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def running(load: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator:
    """A whole press with Airflow, shared by every test that needs one: tests/running_press.py says what it can do."""
    with load("tests/running_press.py").running_press(tmp_path_factory.mktemp("press"), repository) as press:
        yield press


@pytest.fixture(scope="session")
def load(repository: Path) -> Callable[[str], ModuleType]:
    """load("scripts/bootstrap.py"): a module that is in no package."""

    def run(path: str) -> ModuleType:
        file = repository / path
        spec = importlib.util.spec_from_file_location(f"_loaded_{file.stem}", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return run

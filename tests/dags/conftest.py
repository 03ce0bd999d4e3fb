"""A metadata database of its own for DAG tests, and campaigns in a folder of their own."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pressrun.settings import settings

CAMPAIGN = """
campaign: spring
title: Spring sale
owner: maya
team: brand
workflow: card
locales: [de-DE, ja-JP]
review: {reviewers: {"*": [rosa]}}
notify: [brand@example.com]
"""


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An initialised SQLite database, for this session only."""
    file = tmp_path_factory.mktemp("airflow") / "airflow.db"
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{file}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third-party deprecations while Airflow loads its own web application
        from airflow import settings as airflow_settings
        from airflow.utils.db import initdb

        airflow_settings.configure_vars()
        airflow_settings.configure_orm()
        initdb()
    yield file
    airflow_settings.dispose_orm(do_log=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path) -> Path:
    """A deployment's folder with the project's dags/ and no campaigns yet."""
    shutil.copytree(repository / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "include" / "campaigns").mkdir(parents=True)
    monkeypatch.setenv("PRESSRUN_HOME", str(tmp_path))
    settings.cache_clear()
    return tmp_path


@pytest.fixture
def campaign(home: Path) -> Callable[..., Path]:
    """campaign("spring", text): write a campaign file into the deployment."""

    def write(name: str = "spring", text: str | bytes = CAMPAIGN) -> Path:
        file = home / "include" / "campaigns" / name / "campaign.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write

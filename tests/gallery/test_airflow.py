"""The seam to Airflow: permissions asked as Airflow asks them, failing closed, and a plugin that loads."""

from __future__ import annotations

import asyncio
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import HTTPException, Request

from pressrun.gallery.airflow_app import AirflowGallery, review_path
from pressrun.gallery.auth import User
from pressrun.orchestration.links import gallery_url
from pressrun.settings import read_settings

with warnings.catch_warnings():
    # Airflow's API server imports deprecated modules of its own dependencies.
    warnings.simplefilter("ignore")
    from pressrun.gallery import airflow_auth

PLUGINS = Path(__file__).parents[2] / "plugins"


class Manager:
    """An auth manager: maya may answer in one DAG, vic may look."""

    def is_authorized_dag(self, *, method, user, access_entity, details) -> bool:
        self.asked = (method, access_entity.name, details.id)
        return (user.get_id(), method) in {("maya", "GET"), ("maya", "PUT"), ("vic", "GET")}

    async def get_user_from_token(self, token: str):
        from jwt import InvalidTokenError

        if token not in ("maya", "vic"):
            raise InvalidTokenError
        return person(token)


def person(name: str) -> SimpleNamespace:
    return SimpleNamespace(get_id=lambda: name, get_name=name.title)


@pytest.fixture
def manager(monkeypatch) -> Manager:
    from airflow.api_fastapi.core_api import security

    made = Manager()
    monkeypatch.setattr(security, "get_auth_manager", lambda: made)
    monkeypatch.setattr(airflow_auth, "get_auth_manager", lambda: made)
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda dag_id: None)
    return made


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "state": {}})


def test_looking_and_deciding_are_asked_of_airflow_per_dag(manager) -> None:
    maya, vic = (User(name, name, person(name)) for name in ("maya", "vic"))
    assert airflow_auth.require_access(maya, "press_x", "decide")
    assert manager.asked == ("PUT", "HITL_DETAIL", "press_x")
    assert airflow_auth.require_access(vic, "press_x", "look")
    assert manager.asked == ("GET", "HITL_DETAIL", "press_x")
    assert not airflow_auth.require_access(vic, "press_x", "decide")


def test_an_auth_manager_that_breaks_means_no(manager, monkeypatch, caplog) -> None:
    monkeypatch.setattr(manager, "is_authorized_dag", lambda **_: 1 / 0, raising=False)
    assert not airflow_auth.require_access(User("maya", "Maya", person("maya")), "press_x", "look")
    assert "refusing" in caplog.text


def test_the_user_comes_from_the_token_or_the_cookie(manager) -> None:
    for sent in (request(authorization="Bearer maya"), request(cookie="_token=maya")):
        user = asyncio.run(airflow_auth.current_user(sent))
        assert (user.id, user.name) == ("maya", "Maya")


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"authorization": "Bearer forged"}, 403)])
def test_no_or_bad_credentials_raise(manager, headers: dict[str, str], status: int) -> None:
    with pytest.raises(HTTPException) as caught:
        asyncio.run(airflow_auth.current_user(request(**headers)))
    assert caught.value.status_code == status


def test_fab_row_numbers_are_not_taken_for_reviewers(manager, monkeypatch) -> None:
    monkeypatch.setattr(Manager, "__module__", "airflow.providers.fab.auth_manager")
    assert asyncio.run(airflow_auth.current_user(request(cookie="_token=maya"))).id == "Maya"


def test_only_the_registration_is_loaded_as_a_plugin() -> None:
    assert (PLUGINS / ".airflowignore").read_text().splitlines() == ["*.py", "!pressrun_plugin.py"]
    assert [path.name for path in PLUGINS.rglob("*.py")] == ["pressrun_plugin.py"]


def test_the_plugin_registers_app_navigation_and_tabs() -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("pressrun_plugin", PLUGINS / "pressrun_plugin.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    plugin = module.PressrunPlugin
    assert isinstance(plugin.fastapi_apps[0]["app"], AirflowGallery)
    assert {view["destination"] for view in plugin.external_views} == {"nav", "dag_run"}
    routes = [view["url_route"] for view in plugin.external_views]
    assert len(set(routes)) == len(routes)
    review = next(route for route in routes if "review" in route)
    assert review_path("press_x", "r").endswith(f"/plugin/{review}")
    assert gallery_url(read_settings({}), "press_x", "r").endswith(review_path("press_x", "r"))

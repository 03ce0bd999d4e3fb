"""The REST client against recorded answers of Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pressrun.core.errors import NotAllowedError, NotFoundError, PressrunError, SetupError
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import Login

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, password: str = "right") -> AirflowClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            known = json.loads(request.content) == {"username": "maya", "password": "right"}
            return httpx.Response(201, json={"access_token": "t"}) if known else httpx.Response(401)
        assert request.headers["Authorization"] == "Bearer t"
        return answer(request)

    return AirflowClient("http://airflow/", Login("maya", "admin", password), transport=httpx.MockTransport(handle))


def test_trigger_sends_what_airflow_requires() -> None:
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={"dag_run_id": "r1", "state": "queued"})

    with client(answer) as session:
        assert session.trigger("spring_sale", "r1", {"press": "proof"}, "why")["dag_run_id"] == "r1"
    body = {"logical_date": None, "conf": {"press": "proof"}, "note": "why", "dag_run_id": "r1"}
    assert seen == [("POST", "/api/v2/dags/spring_sale/dagRuns", body)]


def lost_answer(known: bool) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadTimeout("timed out", request=request)
        assert request.url.path == "/api/v2/dags/spring_sale/dagRuns/r1"
        return httpx.Response(200, json={"dag_run_id": "r1", "state": "queued"}) if known else httpx.Response(404)

    return answer


def test_a_lost_answer_to_a_trigger_is_looked_up_by_name() -> None:
    with client(lost_answer(known=True)) as session:
        assert session.trigger("spring_sale", "r1")["state"] == "queued"


@pytest.mark.parametrize("run_id", ["r1", None])
def test_a_trigger_without_answer_and_without_run_says_so(run_id: str | None) -> None:
    with client(lost_answer(known=False)) as session, pytest.raises(SetupError, match="does not answer: timed out"):
        session.trigger("spring_sale", run_id)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAllowedError), (403, NotAllowedError), (404, NotFoundError), (400, PressrunError)]
)
def test_a_refusal_is_our_error_with_airflow_s_words(status: int, kind: type[PressrunError]) -> None:
    with (
        client(lambda _: httpx.Response(status, json={"detail": "unknown key 'locale'"})) as session,
        pytest.raises(kind, match=f"answered {status}: unknown key 'locale'"),
    ):
        session.trigger("spring_sale")


def test_a_wrong_password_names_the_user() -> None:
    with client(lambda _: httpx.Response(200), "wrong") as session, pytest.raises(NotAllowedError, match="'maya'"):
        session.import_errors()


def test_task_instances_come_from_all_pages() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        items = [{"map_index": number} for number in range(offset, min(offset + 100, 230))]
        return httpx.Response(200, json={"task_instances": items, "total_entries": 230})

    with client(answer) as session:
        assert [item["map_index"] for item in session.task_instances("d", "r")] == list(range(230))


def test_waiting_for_a_run_ends_with_its_state() -> None:
    states = iter(["queued", "running", "failed"])
    with client(lambda _: httpx.Response(200, json={"state": next(states)})) as session:
        assert session.wait_for_run("d", "r", timeout=5, every=0)["state"] == "failed"
    with (
        client(lambda _: httpx.Response(200, json={"state": "running"})) as session,
        pytest.raises(PressrunError, match="d: run r is still running after 0 s"),
    ):
        session.wait_for_run("d", "r", timeout=0, every=0)


def test_a_dag_that_never_appears_is_explained_by_its_import_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/importErrors"):
            error = {"filename": "campaigns.py", "stack_trace": "Traceback\nInputError: no manifest\n"}
            return httpx.Response(200, json={"import_errors": [error]})
        return httpx.Response(404, json={"detail": "not found"})

    with client(answer) as session, pytest.raises(PressrunError, match=r"campaigns\.py: InputError: no manifest"):
        session.wait_for_dag("spring_sale", timeout=0)

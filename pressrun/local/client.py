"""A small client of Airflow's REST API: what scripts and the command line need, as a named user."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from pressrun.core.errors import NotAllowedError, NotFoundError, PressrunError, SetupError
from pressrun.local.credentials import Login
from pressrun.local.sqlite import BUSY_SECONDS

PAGE = 100
"""Airflow caps a page at this many entries, whatever is asked for."""
PATIENCE = 1.5 * BUSY_SECONDS
"""Seconds to wait for an answer: longer than Airflow itself may wait for its database."""
ENDED = frozenset({"success", "failed"})


class AirflowClient:
    """One user's session. Use it as a context manager, or call `close`.

    A refused call is NotAllowedError (401, 403), NotFoundError (404) or PressrunError with Airflow's own words.
    """

    def __init__(
        self, base_url: str, login: Login, *, timeout: float = PATIENCE, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.base_url, self._login = base_url.rstrip("/"), login
        # A person's proxy settings and netrc have no say on loopback.
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout, trust_env=False, transport=transport)

    def __enter__(self) -> AirflowClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def token(self) -> str:
        """A bearer token of this user, also good for plugin apps; valid for a day."""
        body = {"username": self._login.name, "password": self._login.password}
        answer = self._send("POST", "/auth/token", json=body)
        if answer.status_code not in (200, 201):
            raise NotAllowedError(
                f"Airflow does not know user {self._login.name!r} with this password", where=self.base_url
            )
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, **request: Any) -> Any:
        """One call below the base URL, for example `call("GET", "/api/v2/dags")`; returns the JSON body or None."""
        if "Authorization" not in self._http.headers:
            self._http.headers["Authorization"] = f"Bearer {self.token()}"
        answer = self._send(method, path, **request)
        if answer.is_success:
            return answer.json() if answer.content else None
        kinds: dict[int, type[PressrunError]] = {401: NotAllowedError, 403: NotAllowedError, 404: NotFoundError}
        raise kinds.get(answer.status_code, PressrunError)(
            f"{method} {path} answered {answer.status_code}: {_detail(answer)}", where=self.base_url
        )

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TransportError as exc:
            where = self.base_url
            raise SetupError(f"Airflow does not answer: {exc}", where=where, remedy="pressrun local up") from exc

    def trigger(
        self,
        dag_id: str,
        run_id: str | None = None,
        conf: Mapping[str, Any] | None = None,
        note: str | None = None,
        logical_date: str | None = None,
    ) -> dict[str, Any]:
        """Start a run; returns it, `dag_run_id` among its members. `logical_date` is ISO 8601, None for none.

        When the answer is lost but a run of this name has begun all the same, that run is returned.
        """
        body = {"logical_date": logical_date, "conf": dict(conf or {}), "note": note}
        if run_id is not None:
            body["dag_run_id"] = run_id
        try:
            run: dict[str, Any] = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        except SetupError as unanswered:
            if run_id is None:
                raise
            try:
                return self.dag_run(dag_id, run_id)
            except PressrunError:
                raise unanswered from None
        return run

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run; `state` is queued, running, success or failed."""
        run: dict[str, Any] = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{_quoted(run_id)}")
        return run

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout: float, every: float = 1.0) -> dict[str, Any]:
        """Wait until a run ended; PressrunError after `timeout` seconds."""
        until = time.monotonic() + timeout
        while (run := self.dag_run(dag_id, run_id))["state"] not in ENDED:
            if time.monotonic() > until:
                raise PressrunError(f"run {run_id} is still {run['state']} after {timeout:.0f} s", where=dag_id)
            time.sleep(every)
        return run

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, mapped ones each."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances"
            body = self.call("GET", path, params={"limit": PAGE, "offset": len(found)})
            found += body["task_instances"]
            if len(found) >= body["total_entries"] or not body["task_instances"]:
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The value of one XCom."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", path, params={"map_index": map_index, "deserialize": "false"})["value"]

    def import_errors(self) -> list[dict[str, Any]]:
        """Files that could not be parsed, with `filename` and `stack_trace`."""
        errors: list[dict[str, Any]] = self.call("GET", "/api/v2/importErrors", params={"limit": PAGE})["import_errors"]
        return errors

    def wait_for_dag(self, dag_id: str, *, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until a DAG is parsed; PressrunError, with the import errors there are, after `timeout` seconds."""
        until = time.monotonic() + timeout
        while True:
            try:
                dag: dict[str, Any] = self.call("GET", f"/api/v2/dags/{dag_id}")
                return dag
            except NotFoundError:
                if time.monotonic() > until:
                    broken = "; ".join(f"{item['filename']}: {_last_line(item)}" for item in self.import_errors())
                    raise PressrunError(
                        f"no DAG after {timeout:.0f} s{f'; files that do not import: {broken}' if broken else ''}",
                        where=dag_id,
                    ) from None
            time.sleep(0.5)


def _quoted(run_id: str) -> str:
    return quote(run_id, safe="")  # a run id holds the colons and the plus of its time


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json().get("detail", answer.text)
    except (ValueError, AttributeError):
        detail = answer.text
    return str(detail)[:500]


def _last_line(item: Mapping[str, Any]) -> str:
    return next(iter(reversed(str(item.get("stack_trace", "")).strip().splitlines())), "")

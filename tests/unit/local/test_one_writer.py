"""Two writing requests on one SQLite file, as Airflow handles them: a commit on the event loop, then one in a thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from pressrun.local.one_writer import OneWriter
from pressrun.local.sqlite import CONNECT_ARGS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path, **CONNECT_ARGS) as connection:
        connection.execute("CREATE TABLE log (name TEXT)")
    connection.close()
    return path


def server(file: Path, meeting: asyncio.Event) -> FastAPI:
    """The first request holds the write lock in its thread when the second one's audit log is to be written."""
    app = FastAPI()

    def session() -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(file, check_same_thread=False, **{**CONNECT_ARGS, "timeout": 1.0})
        yield connection
        connection.commit()
        connection.close()

    own: Any = Depends(session, scope="function")

    async def audit(name: str, connection: Any = own) -> None:
        if name == "second":
            await asyncio.wait_for(meeting.wait(), 60)
        connection.execute("INSERT INTO log VALUES (?)", (f"audit of {name}",))
        connection.commit()

    @app.post("/runs/{name}", dependencies=[Depends(audit)])
    def trigger(name: str, connection: Any = own) -> str:
        connection.execute("INSERT INTO log VALUES (?)", (name,))
        loop.call_soon_threadsafe(meeting.set)
        return name

    loop = asyncio.get_running_loop()
    return app


async def both(app: ASGIApp) -> list[Any]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow", timeout=120) as client:
        calls = (client.post(f"/runs/{name}") for name in ("first", "second"))
        return await asyncio.gather(*calls, return_exceptions=True)


async def test_side_by_side_one_of_them_fails(file: Path) -> None:
    answers = await both(server(file, asyncio.Event()))
    assert [type(answer) for answer in answers].count(sqlite3.OperationalError) == 1


async def test_in_turns_both_are_written(file: Path) -> None:
    answers = await both(OneWriter(server(file, asyncio.Event()), apart="/pressrun"))
    assert [answer.status_code for answer in answers] == [200, 200]
    connection = sqlite3.connect(file)
    rows = sorted(name for (name,) in connection.execute("SELECT name FROM log"))
    connection.close()
    assert rows == ["audit of first", "audit of second", "first", "second"]


@pytest.mark.parametrize(
    ("method", "path", "waits"),
    [
        ("POST", "/api/v2/dags/d/dagRuns", True),
        ("PATCH", "/execution/task-instances/t/run", True),
        ("GET", "/api/v2/dags", False),
        ("POST", "/pressrun/api/decisions", False),
        ("POST", "/pressrunaway", True),
    ],
)
async def test_who_waits_for_a_writer(method: str, path: str, waits: bool) -> None:
    entered, leave = asyncio.Queue[str](), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await entered.put(scope["path"])
        if scope["path"] == "/writer":
            await leave.wait()

    async def nothing(*_: Any) -> Any: ...

    middleware = OneWriter(app, apart="/pressrun")
    first = asyncio.create_task(middleware({"type": "http", "method": "POST", "path": "/writer"}, nothing, nothing))
    assert await entered.get() == "/writer"
    second = asyncio.create_task(middleware({"type": "http", "method": method, "path": path}, nothing, nothing))
    for _ in range(5):
        await asyncio.sleep(0)
    assert entered.empty() is waits
    leave.set()
    await asyncio.gather(first, second)
    assert await entered.get() == path

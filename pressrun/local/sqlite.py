"""How Airflow's components share one SQLite file: readers never wait, and who will write takes the write lock first.

Python's sqlite3 begins a transaction at the first change only. A savepoint before that begins one that has merely read;
when another component writes meanwhile, SQLite refuses the later change at once ("database is locked") without any
waiting. `airflow backfill create` over dates that have runs does exactly that, and stops half way.

With SQLite's default rollback journal a commit also waits until nobody reads, and syncs the disk several times. Four
busy components on a slow disk then keep a trigger waiting for half a minute. A write-ahead log has neither and survives
a killed process; only a power cut may lose the last moments of a local press.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any, Self

BUSY_SECONDS = 60.0


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        if sql.startswith("SAVEPOINT") and not self.connection.in_transaction:
            super().execute("BEGIN IMMEDIATE")
        return super().execute(sql, parameters)


class WriteFirstConnection(sqlite3.Connection):
    """A connection whose transactions take the write lock when they begin. Reading alone takes none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The log is a property of the file and stays; whoever opens it while another is at work leaves it as it is.
        with contextlib.suppress(sqlite3.OperationalError):
            self.execute("PRAGMA journal_mode=WAL").close()
        self.execute("PRAGMA synchronous=NORMAL").close()

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


CONNECT_ARGS = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE", "factory": WriteFirstConnection}
"""Arguments of sqlite3.connect, for Airflow's setting [database] sql_alchemy_connect_args."""
ASYNC_CONNECT_ARGS = {"timeout": BUSY_SECONDS}
"""The same for the few asynchronous sessions, which only read."""

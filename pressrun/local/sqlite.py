"""How Airflow's components share one SQLite file: whoever will write takes the write lock first, and waits for it.

Python's sqlite3 begins a transaction at the first change only. A savepoint before that begins one that has merely read;
when another component writes meanwhile, SQLite refuses the later change at once ("database is locked") without any
waiting. `airflow backfill create` over dates that have runs does exactly that, and stops half way.
"""

from __future__ import annotations

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

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


CONNECT_ARGS = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE", "factory": WriteFirstConnection}
"""Arguments of sqlite3.connect, for Airflow's setting [database] sql_alchemy_connect_args."""

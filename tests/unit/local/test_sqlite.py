"""Two components on one SQLite file: nobody is refused for having read first."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from pressrun.local.sqlite import CONNECT_ARGS


def read_in_a_savepoint_then_write(mine: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """What SQLAlchemy's begin_nested does, while somebody else writes between its reading and its writing."""
    mine.cursor().execute("SAVEPOINT one")
    mine.cursor().execute("SELECT * FROM runs").fetchall()
    writer = threading.Thread(target=lambda: (other.execute("INSERT INTO runs VALUES ('theirs')"), other.commit()))
    writer.start()
    writer.join(0.3)
    mine.cursor().execute("INSERT INTO runs VALUES ('mine')")
    mine.cursor().execute("RELEASE one")
    mine.commit()
    writer.join(20)


def prepared(path: Path, **arguments: object) -> list[sqlite3.Connection]:
    found = [sqlite3.connect(path, check_same_thread=False, **arguments) for _ in range(2)]  # type: ignore[call-overload]
    found[0].execute("PRAGMA journal_mode=WAL")
    found[0].execute("CREATE TABLE IF NOT EXISTS runs (name TEXT)")
    found[0].commit()
    return found


def test_plain_connections_refuse_at_once(tmp_path: Path) -> None:
    mine, other = prepared(tmp_path / "plain.db", timeout=20)
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        read_in_a_savepoint_then_write(mine, other)
    mine.close()
    other.close()


def test_ours_wait_for_each_other(tmp_path: Path) -> None:
    mine, other = prepared(tmp_path / "ours.db", **CONNECT_ARGS)
    read_in_a_savepoint_then_write(mine, other)
    assert mine.execute("SELECT name FROM runs ORDER BY name").fetchall() == [("mine",), ("theirs",)]
    mine.close()
    other.close()


def test_a_commit_does_not_wait_for_readers(tmp_path: Path) -> None:
    path = tmp_path / "ours.db"
    mine, other = (sqlite3.connect(path, **{**CONNECT_ARGS, "timeout": 0.0}) for _ in range(2))
    mine.executescript("CREATE TABLE runs (name TEXT); INSERT INTO runs VALUES ('a'), ('b'), ('c')")
    half_read = other.execute("SELECT name FROM runs")
    assert half_read.fetchone() == ("a",)
    mine.execute("INSERT INTO runs VALUES ('mine')")
    mine.commit()
    assert half_read.fetchall() == [("b",), ("c",)]
    mine.close()
    other.close()


def test_reading_takes_no_lock(tmp_path: Path) -> None:
    mine, other = prepared(tmp_path / "ours.db", **CONNECT_ARGS)
    mine.cursor().execute("SELECT * FROM runs").fetchall()
    assert not mine.in_transaction
    other.execute("INSERT INTO runs VALUES ('theirs')")
    other.commit()
    mine.close()
    other.close()

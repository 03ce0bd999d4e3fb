"""Pid files that cannot lead to somebody else's process: each carries what makes the process itself known again."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from pressrun.local import processes

MARK = "LOCAL_PRESS_SERVICE"
"""Environment variable that every process of a component inherits; see `mark_of`."""


@dataclass(frozen=True)
class PidFile:
    """A component's process as it was started. It leads its own session and group, so `pid` is also the group."""

    name: str
    pid: int
    stamp: str
    command: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Whether that very process still runs; a stranger with the same pid does not count."""
        return processes.is_same(self.pid, self.stamp)


def path_of(run: Path, name: str) -> Path:
    return run / f"{name}.pid.json"


def mark_of(run: Path, name: str) -> str:
    """The value of `MARK` for a component: unique per project, so two checkouts never end each other."""
    return f"{run.resolve()}#{name}"


def write(run: Path, name: str, pid: int, command: tuple[str, ...]) -> PidFile:
    """Note a process that was just started."""
    known = PidFile(name, pid, processes.stamp(pid) or "", command)
    part = path_of(run, name).with_suffix(".part")
    part.write_text(json.dumps(asdict(known)), encoding="utf-8")
    part.replace(path_of(run, name))
    return known


def read(run: Path, name: str) -> PidFile | None:
    """The pid file of a component; None if there is none, or it was cut short."""
    try:
        data = json.loads(path_of(run, name).read_text(encoding="utf-8"))
        return PidFile(data["name"], int(data["pid"]), data["stamp"], tuple(data["command"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(run: Path, name: str) -> None:
    path_of(run, name).unlink(missing_ok=True)


def names(run: Path) -> list[str]:
    """Components that have a pid file, readable or not."""
    return sorted(path.name.removesuffix(".pid.json") for path in run.glob("*.pid.json"))


def end_left_over(run: Path, *, grace: float = 5.0) -> tuple[list[str], int]:
    """End what an earlier run left behind and remove its pid files.

    Returns the sentences-to-be: ("scheduler (pid 12)", …) that were still running, and how many pid files were stale.
    Call it only when no supervisor runs on this directory.
    """
    ended, stale = [], 0
    for name in names(run):
        known = read(run, name)
        if known is not None and known.alive:
            processes.signal_pids([known.pid], signal.SIGTERM)
            processes.wait_gone(known.pid, known.stamp, grace)
            if known.pid != os.getpgrp():
                processes.signal_group(known.pid, signal.SIGKILL)
            ended.append(f"{name} (pid {known.pid})")
        else:
            stale += 1
        orphans = processes.end_marked(MARK, mark_of(run, name))
        if orphans and not (known and known.pid in orphans) and not any(text.startswith(f"{name} ") for text in ended):
            ended.append(f"{name} (pid {', '.join(map(str, orphans))})")
        remove(run, name)
    return ended, stale

"""Knowing a process again: a pid alone may belong to somebody else by the time it is read back from a file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def stamp(pid: int) -> str | None:
    """What makes this process different from any other that ever has the same pid; None if there is no live one.

    On Linux the boot's id and the start tick; elsewhere the start time that `ps` prints. A zombie counts as dead.
    """
    if PROC.joinpath("self/stat").exists():
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        return None if fields[0] in "ZX" else f"{_boot_id()}:{fields[19]}"
    answer = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return None if not answer or answer[0].startswith("Z") else " ".join(answer[1:])


def _boot_id() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


def is_same(pid: int, expected: str | None) -> bool:
    """True if `pid` is alive and is the very process that `stamp` described."""
    return expected is not None and stamp(pid) == expected


def command_line(pid: int) -> str:
    """The command of a process for a sentence, or "" if it is gone or somebody else's."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def marked(variable: str, value: str) -> list[int]:
    """Pids of our live processes whose environment carried `variable=value` when they were started.

    Children inherit the mark even when they leave the process group (Airflow's task processes do), so this finds what a
    killed parent left behind. Where there is no /proc it finds nothing, and the process group is all we have.
    """
    wanted = f"{variable}={value}".encode()
    found = []
    with contextlib.suppress(OSError):
        for entry in PROC.iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0") and stamp(int(entry.name)):
                    found.append(int(entry.name))
    return sorted(found)


def signal_group(pgid: int, number: int) -> None:
    """Send a signal to a whole process group; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def signal_pids(pids: Iterable[int], number: int) -> None:
    """Send a signal to each pid; those that are gone are fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_marked(variable: str, value: str, *, grace: float = 0.0) -> list[int]:
    """End every process that carries the mark: SIGTERM, `grace` seconds, SIGKILL. Returns the pids that were ended."""
    ended = set(marked(variable, value))
    if ended and grace > 0:
        signal_pids(ended, signal.SIGTERM)
        until = time.monotonic() + grace
        while time.monotonic() < until and any(stamp(pid) for pid in ended):
            time.sleep(0.05)
    # A process may fork between the look and the signal, so look again until nothing is left.
    for _ in range(20):
        left = marked(variable, value)
        if not left:
            break
        ended.update(left)
        signal_pids(left, signal.SIGKILL)
        time.sleep(0.02)
    return sorted(ended)


def wait_gone(pid: int, expected: str | None, timeout: float) -> bool:
    """Wait until the process that `expected` describes is gone; False if it is still there after `timeout` seconds."""
    until = time.monotonic() + timeout
    while is_same(pid, expected):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True

"""Is a port free, and if not, who has it."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from pressrun.core.errors import SetupError
from pressrun.local import processes

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server of ours could listen there now (connections that linger from an earlier one do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """ "pid 12 (python -m http.server)" of who listens on a port, or "" where that cannot be known."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for entry in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (entry / "fd").iterdir()):
                return f"pid {entry.name} ({processes.command_line(int(entry.name))[:60].strip()})"
    return ""


def require_free(port: int, what: str, setting: str) -> None:
    """SetupError that names the port, who uses it if known, and the setting to change."""
    if not is_free(port):
        used_by = owner(port)
        raise SetupError(
            f"port {port}, needed for {what}, is in use{f' by {used_by}' if used_by else ''}",
            remedy=f"end that program, or set {setting} to a free port",
        )

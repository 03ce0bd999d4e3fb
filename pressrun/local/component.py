"""One supervised component: starting, looking whether it is ready, bringing it back, ending it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Literal

from pressrun.local import pidfiles, processes
from pressrun.local.services import Service

QUICK_DEATH_SECONDS = 10.0
QUICK_DEATHS_ALLOWED = 5
LONGEST_BACKOFF = 10.0
READY_CHECK_EVERY = 0.3

# A person's proxy has no business between us and a loopback port.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

State = Literal["waiting", "starting", "ready", "backoff", "done", "failed", "stopped"]


class Component:
    """A service and its process. `tick` is called over and over; it never blocks longer than a ready check (1 s)."""

    def __init__(self, service: Service, run: Path, logs: Path) -> None:
        self.service, self._run, self.log = service, run, logs / f"{service.name}.log"
        self.state: State = "waiting"
        self.restarts, self.detail = 0, ""
        self._quick_deaths = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self._started = self._next_look = self._resume_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    def tick(self, *, needs_ready: bool) -> None:
        """Move on by one step, if there is one to take."""
        now = time.monotonic()
        if self.state == "waiting" and needs_ready:
            self._start(now)
        elif self.state == "backoff" and now >= self._resume_at:
            self.restarts += 1
            self._start(now)
        elif self.state in ("starting", "ready") and self._popen is not None:
            code = self._popen.poll()
            if code is not None:
                self._ended(code, now)
            elif self.state == "starting" and now >= self._next_look:
                self._next_look = now + READY_CHECK_EVERY
                if not self.service.once and self._answers():
                    self.state = "ready"

    def _start(self, now: float) -> None:
        service = self.service
        # What a killed predecessor left (Airflow's executor workers outlive their scheduler) would work on beside us.
        processes.end_marked(pidfiles.MARK, self._mark)
        environment = dict(service.env) | {pidfiles.MARK: self._mark}
        with self.log.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    service.command,
                    env=environment,
                    cwd=service.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as exc:
                self.state, self.detail = "failed", f"cannot be started: {exc}"
                return
        pidfiles.write(self._run, service.name, self._popen.pid, service.command)
        self._started, self.state, self.detail = now, "starting", ""

    @property
    def _mark(self) -> str:
        return pidfiles.mark_of(self._run, self.service.name)

    def _ended(self, code: int, now: float) -> None:
        shown = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self.detail = f"ended with {shown} after {now - self._started:.0f} s"
        pidfiles.remove(self._run, self.service.name)
        if self.service.once:
            self.state = "done" if code == 0 else "failed"
            return
        self._quick_deaths = self._quick_deaths + 1 if now - self._started < QUICK_DEATH_SECONDS else 1
        if self._quick_deaths >= QUICK_DEATHS_ALLOWED:
            self.state = "failed"
            self.detail = f"died {self._quick_deaths} times soon after its start; {self.detail}"
            processes.end_marked(pidfiles.MARK, self._mark)
            return
        self.state = "backoff"
        self._resume_at = now + min(0.25 * 2**self._quick_deaths, LONGEST_BACKOFF)

    def _answers(self) -> bool:
        if self.service.ready_url is None:
            return True
        try:
            with _DIRECT.open(self.service.ready_url, timeout=1):
                return True
        except urllib.error.HTTPError as exc:
            with contextlib.closing(exc):
                return exc.code < 500
        except OSError:
            return False

    def ask_to_end(self) -> None:
        """SIGTERM to the component's own process, which ends its children itself."""
        if self.pid is not None:
            processes.signal_pids([self.pid], signal.SIGTERM)

    def end(self, until: float) -> None:
        """Wait for the end up to a moment of the monotonic clock, then SIGKILL all that carries its mark."""
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(max(0.0, until - time.monotonic()))
            if self._popen.pid != os.getpgrp():
                processes.signal_group(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        processes.end_marked(pidfiles.MARK, self._mark)
        pidfiles.remove(self._run, self.service.name)
        if self.state not in ("done", "failed"):
            self.state = "stopped"

    def status(self) -> dict[str, Any]:
        """What `status.json` says of this component."""
        return {
            "state": self.state,
            "pid": self.pid,
            "restarts": self.restarts,
            "detail": self.detail,
            "log": str(self.log),
            "port": self.service.port,
        }

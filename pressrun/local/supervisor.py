"""`python -m pressrun.local.supervisor [--detach] RUN LOGS`: runs the services of `RUN/plan.json` until SIGTERM.

It is the parent of every component, so it sees each death at once and brings the component back. It writes
`RUN/status.json` whenever something changes. Only one supervisor runs on a directory: it holds a lock on
`RUN/supervisor.lock`, which the system releases however it dies.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pressrun.local import pidfiles
from pressrun.local.component import Component
from pressrun.local.services import Plan

log = logging.getLogger("pressrun.local.supervisor")
NAME = "supervisor"
TICK_SECONDS = 0.1


class Supervisor:
    """Components and the loop over them."""

    def __init__(self, plan: Plan, run: Path, logs: Path) -> None:
        self._run = run
        self._components = {service.name: Component(service, run, logs) for service in plan.services}
        self._ending = threading.Event()
        self._written = ""

    def ask_to_end(self, *_: Any) -> None:
        """Leave the loop at the next look; also a signal handler."""
        self._ending.set()

    def serve(self) -> None:
        """Run everything until asked to end, then stop it, highest stage first."""
        while not self._ending.wait(TICK_SECONDS):
            for component in self._components.values():
                before = component.state
                component.tick(needs_ready=self._needs_ready(component))
                if component.state != before:
                    level = logging.ERROR if component.state == "failed" else logging.INFO
                    log.log(level, "%s: %s %s", component.service.name, component.state, component.detail)
            self._write_status()
        self._stop_all()
        self._write_status()

    def _needs_ready(self, component: Component) -> bool:
        return all(self._components[name].state in ("ready", "done") for name in component.service.needs)

    def _stop_all(self) -> None:
        for stage in sorted({item.service.stage for item in self._components.values()}, reverse=True):
            together = [item for item in self._components.values() if item.service.stage == stage]
            for component in together:
                component.ask_to_end()
            now = time.monotonic()
            for component in together:
                component.end(now + component.service.grace)
                log.info("%s: %s", component.service.name, component.state)

    def _write_status(self) -> None:
        services = {name: component.status() for name, component in self._components.items()}
        text = json.dumps({"supervisor": os.getpid(), "services": services}, indent=1)
        if text != self._written:
            part = self._run / "status.json.part"
            part.write_text(text, encoding="utf-8")
            part.replace(self._run / "status.json")
            self._written = text


def main(argv: Sequence[str] | None = None) -> int:
    """Take the lock, clean up after an earlier run, and serve."""
    parser = argparse.ArgumentParser(prog="python -m pressrun.local.supervisor", description=__doc__)
    parser.add_argument("run", type=Path, help="directory with plan.json; pid files and status go here")
    parser.add_argument("logs", type=Path, help="directory for the components' logs")
    parser.add_argument("--detach", action="store_true", help="return at once, and go on in the background")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    with (options.run / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.error("another supervisor runs on %s", options.run)
            return 3
        if options.detach:
            if os.fork() > 0:
                return 0  # the child holds the lock on
            os.setsid()
        ended, _ = pidfiles.end_left_over(options.run)
        if ended:
            log.warning("ended what an earlier run had left: %s", ", ".join(ended))
        supervisor = Supervisor(Plan.read(options.run / "plan.json"), options.run, options.logs)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, supervisor.ask_to_end)
        pidfiles.write(options.run, NAME, os.getpid(), tuple(sys.argv))
        try:
            supervisor.serve()
        finally:
            pidfiles.remove(options.run, NAME)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The supervisor and what it leaves behind, with real processes and real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pressrun.local import pidfiles, processes
from pressrun.local.services import Plan, Service

pytestmark = pytest.mark.network

SLEEP = "import time; time.sleep(600)"
WITH_ORPHAN = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "print('up', flush=True); time.sleep(600)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def service(name: str, code: str = SLEEP, **changes: Any) -> Service:
    return Service(name, (sys.executable, "-c", code), dict(os.environ), "/", **{"grace": 1.0} | changes)


class Press:
    """A supervisor on directories of its own."""

    def __init__(self, root: Path, wait_until: Callable[..., Any]) -> None:
        self.run, self.logs, self.wait_until = root / "run", root / "logs", wait_until
        self.run.mkdir(parents=True)
        self.logs.mkdir()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *services: Service) -> None:
        Plan(services).write(self.run / "plan.json")
        self.process = self.spawn()
        self.wait_until(lambda: (known := pidfiles.read(self.run, "supervisor")) and known.alive)

    def spawn(self) -> subprocess.Popen[bytes]:
        with (self.logs / "supervisor.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pressrun.local.supervisor", self.run, self.logs],
                stderr=log,
                start_new_session=True,
            )

    def states(self) -> dict[str, str]:
        try:
            services = json.loads((self.run / "status.json").read_text())["services"]
        except FileNotFoundError:
            return {}
        return {name: item["state"] for name, item in services.items()}

    def wait_for(self, **states: str) -> None:
        self.wait_until(lambda: states.items() <= self.states().items())

    def pid(self, name: str) -> int:
        known = self.wait_until(lambda: pidfiles.read(self.run, name))
        return int(known.pid)

    def family(self, name: str) -> list[int]:
        return processes.marked(pidfiles.MARK, pidfiles.mark_of(self.run, name))

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
        if self.process is not None:
            self.process.wait(20)


@pytest.fixture
def press(tmp_path: Path, wait_until: Callable[..., Any]) -> Iterator[Press]:
    made = Press(tmp_path, wait_until)
    yield made
    made.end()
    pidfiles.end_left_over(made.run, grace=0.2)


def test_a_killed_component_comes_back_and_its_orphans_are_ended_first(press: Press) -> None:
    press.start(service("worker", WITH_ORPHAN), service("other"))
    press.wait_for(worker="ready", other="ready")
    press.wait_until(lambda: len(press.family("worker")) == 2)
    first, other, family = press.pid("worker"), press.pid("other"), press.family("worker")
    os.kill(first, signal.SIGKILL)
    press.wait_until(lambda: (known := pidfiles.read(press.run, "worker")) and known.pid != first)
    press.wait_until(lambda: len(press.family("worker")) == 2)
    assert not set(family) & set(press.family("worker"))
    assert press.pid("other") == other
    assert json.loads((press.run / "status.json").read_text())["services"]["worker"]["restarts"] == 1


def test_sigterm_ends_everything_by_stage_and_leaves_no_pid_file(press: Press) -> None:
    press.start(
        service("storage", stage=0), service("worker", WITH_ORPHAN, stage=2), service("stubborn", STUBBORN, stage=1)
    )
    press.wait_for(storage="ready", worker="ready", stubborn="ready")
    press.wait_until(lambda: len(press.family("worker")) == 2)
    press.wait_until(lambda: "up" in (press.logs / "stubborn.log").read_text())
    pids = [pid for name in ("storage", "worker", "stubborn") for pid in press.family(name)]
    press.end()
    assert press.process is not None
    assert press.process.returncode == 0
    assert [pid for pid in pids if processes.stamp(pid)] == []
    assert pidfiles.names(press.run) == []
    stops = [line.split()[3] for line in (press.logs / "supervisor.log").read_text().splitlines() if "stopped" in line]
    assert stops == ["worker:", "stubborn:", "storage:"]


def test_a_component_that_keeps_dying_is_given_up_loudly(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    press.start(service("broken", "raise SystemExit(4)"), service("other"))
    press.wait_until(lambda: press.states().get("broken") == "failed", 30)
    detail = json.loads((press.run / "status.json").read_text())["services"]["broken"]["detail"]
    assert detail == "died 5 times soon after its start; ended with exit code 4 after 0 s"
    assert "ERROR broken: failed died 5 times" in (press.logs / "supervisor.log").read_text()
    assert press.states()["other"] == "ready"


def test_a_needed_step_comes_first_and_its_failure_keeps_the_rest_from_starting(press: Press) -> None:
    press.start(
        service("migrate", "import time; time.sleep(0.5)", once=True),
        service("after", needs=("migrate",)),
        service("bad", "raise SystemExit(1)", once=True),
        service("never", needs=("bad",)),
    )
    press.wait_for(migrate="done", after="ready", bad="failed")
    assert press.states()["never"] == "waiting"


def test_ready_means_that_it_answers(press: Press, free_port: int) -> None:
    code = (
        "import time, http.server as h; time.sleep(1)\n"
        f"h.HTTPServer(('127.0.0.1', {free_port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    press.start(service("web", code, ready_url=f"http://127.0.0.1:{free_port}/", port=free_port))
    press.wait_for(web="starting")
    press.wait_for(web="ready")
    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=120) as answer:
        assert answer.status == 200


def test_a_second_supervisor_refuses(press: Press) -> None:
    press.start(service("worker"))
    press.wait_for(worker="ready")
    assert press.spawn().wait(20) == 3
    assert press.states() == {"worker": "ready"}


def test_what_a_killed_supervisor_leaves_is_ended_from_another_process(press: Press) -> None:
    press.start(service("worker", WITH_ORPHAN), service("other"))
    press.wait_until(lambda: len(press.family("worker")) == 2)
    press.wait_for(other="ready")
    pids = [*press.family("worker"), *press.family("other")]
    assert press.process is not None
    press.process.kill()
    press.process.wait()
    ended, stale = pidfiles.end_left_over(press.run, grace=1.0)
    assert [text.split()[0] for text in ended] == ["other", "worker"]
    assert stale == 1  # the supervisor's own
    assert [pid for pid in pids if processes.stamp(pid)] == []


def test_a_stale_pid_file_never_ends_a_stranger(press: Press) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        known = pidfiles.write(press.run, "scheduler", stranger.pid, ("airflow", "scheduler"))
        text = pidfiles.path_of(press.run, "scheduler").read_text().replace(known.stamp, "another-boot:1")
        pidfiles.path_of(press.run, "scheduler").write_text(text)
        pidfiles.path_of(press.run, "torn").write_text('{"name": "to')
        assert pidfiles.end_left_over(press.run) == ([], 2)
        assert stranger.poll() is None
        assert pidfiles.names(press.run) == []
    finally:
        stranger.kill()
        stranger.wait()

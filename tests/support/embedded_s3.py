"""The real S3 server of the local press, for tests: a session fixture to import into a conftest."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pressrun.local.paths import LocalPaths
from pressrun.local.services import s3_service

PROJECT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of its own, gone after the session."""
    paths = LocalPaths(tmp_path_factory.mktemp("s3"))
    paths.create()
    service = s3_service(paths, free_port())
    command = LocalPaths(PROJECT).s3_command
    assert command.exists(), "the S3 server is missing: scripts/test makes its environment"
    assert service.ready_url is not None
    with (paths.logs / "s3.log").open("wb") as log:
        server = subprocess.Popen([command], env=service.env, cwd=service.cwd, stdout=log, stderr=log)
    until = time.monotonic() + 120
    while not _answers(service.ready_url):
        assert server.poll() is None, (paths.logs / "s3.log").read_text()
        assert time.monotonic() < until, "the S3 server does not answer"
        time.sleep(0.05)
    yield service.ready_url.rstrip("/")
    server.terminate()
    server.wait(10)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
        return True
    return False

"""The server under test: any ComfyUI by `--comfy-url`, else a proof press that is started here.

    .venv/bin/python -m pytest tests/conformance --comfy-url http://127.0.0.1:8188

The server may be in use by nobody else: the suite clears its queue. A server far away is reached through a tunnel or
by its address; only that host and loopback are opened.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).resolve().parent
LOOPBACK = ["127.0.0.1", "localhost", "::1"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--comfy-url", default=None, help="A running ComfyUI; default a proof press started for the tests")


def asked_url(config: pytest.Config) -> str | None:
    # The option exists only where pytest is pointed at this folder: a run of all tests does not read it so early.
    return config.getoption("--comfy-url", default=None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    host = urlsplit(asked_url(config) or "").hostname
    hosts = [*LOOPBACK, *sorted({found[4][0] for found in socket.getaddrinfo(host, None)} if host else ())]
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.network)
            item.add_marker(pytest.mark.allow_hosts(hosts), append=False)


@dataclass
class Engine:
    """A server and the few calls that the suite makes, each as raw as the wire."""

    url: str

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    def socket(self, client_id: str) -> ClientConnection:
        return connect(self.url.replace("http", "ws", 1) + f"/ws?clientId={client_id}", max_size=None, proxy=None)

    def post(self, graph: Any, **more: Any) -> httpx.Response:
        return self.http.post("/prompt", json={"prompt": graph, **more})

    def run(self, graph: dict[str, Any], **more: Any) -> tuple[str, list[dict[str, Any]]]:
        """(prompt id, every text message up to its `executing` with node null)."""
        client_id = uuid.uuid4().hex
        with self.socket(client_id) as connection:
            answer = self.post(graph, client_id=client_id, **more)
            assert answer.status_code == 200, answer.text
            prompt_id = str(answer.json()["prompt_id"])
            return prompt_id, heard(connection, prompt_id)

    def job(self, prompt_id: str) -> tuple[int, dict[str, Any]]:
        answer = self.http.get(f"/api/jobs/{prompt_id}")
        return answer.status_code, answer.json()

    def idle(self) -> None:
        self.http.post("/queue", json={"clear": True})
        self.http.post("/interrupt", json={})
        until = time.monotonic() + 240
        while time.monotonic() < until:
            if self.http.get("/prompt").json()["exec_info"]["queue_remaining"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError("the server does not become idle")


def heard(connection: ClientConnection, prompt_id: str) -> list[dict[str, Any]]:
    """Text messages until the prompt's end, binary previews left out."""
    messages: list[dict[str, Any]] = []
    while True:
        raw = connection.recv(timeout=240)
        if isinstance(raw, bytes):
            continue
        message = json.loads(raw)
        messages.append(message)
        data = message["data"]
        if message["type"] == "executing" and data["node"] is None and data.get("prompt_id") == prompt_id:
            return messages


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server under test."""
    asked = asked_url(request.config)
    if asked:
        yield asked.rstrip("/")
        return
    folder = tmp_path_factory.mktemp("proof")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "pressrun.proof", "--listen", "127.0.0.1", "--port", str(port)]
    command += ["--input-directory", str(folder), "--output-directory", str(folder / "output")]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{url}/system_stats", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < until, "the proof press does not answer"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def engine(server: str) -> Iterator[Engine]:
    """The server, idle before and after."""
    found = Engine(server)
    found.idle()
    yield found
    found.idle()
    found.http.close()


@pytest.fixture
def graph() -> Callable[..., dict[str, Any]]:
    """graph(seed=…, prefix=…, size=…): four nodes, no model, one picture of its own for each seed."""

    def make(seed: int | None = None, prefix: str | None = None, size: int = 64) -> dict[str, Any]:
        number = uuid.uuid4().int % 2**32 if seed is None else seed
        inputs = {"width": size, "height": size, "batch_size": 1, "color": 3368601}
        return {
            "1": {"class_type": "EmptyImage", "inputs": inputs},
            "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": number, "strength": 0.3}},
            "3": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
            "4": {
                "class_type": "SaveImage",
                "inputs": {"images": ["3", 0], "filename_prefix": prefix or f"conformance/{uuid.uuid4().hex}"},
            },
        }

    return make

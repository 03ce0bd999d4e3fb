"""A proof press as a real process on a free port, and a small client for it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect


@dataclass
class Server:
    """A running press: its process, address and folders."""

    process: subprocess.Popen[bytes]
    port: int
    input: Path
    output: Path

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=100, trust_env=False)

    def socket(self, client_id: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/ws?clientId={client_id}", max_size=None, proxy=None)

    def post(self, graph: dict[str, Any], client_id: str | None = None, **more: Any) -> httpx.Response:
        body = {"prompt": graph, **({"client_id": client_id} if client_id else {}), **more}
        with self.http as http:
            return http.post("/prompt", json=body)

    def run(self, graph: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Post a graph and return every message up to `executing` with node null."""
        client_id = uuid.uuid4().hex
        with self.socket(client_id) as connection:
            response = self.post(graph, client_id, **more)
            assert response.status_code == 200, response.text
            return until_finished(connection, response.json()["prompt_id"])


def until_finished(connection: ClientConnection, prompt_id: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    while True:
        message = json.loads(connection.recv(timeout=100))
        messages.append(message)
        data = message["data"]
        if message["type"] == "executing" and data["node"] is None and data["prompt_id"] == prompt_id:
            return messages


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start presses with extra arguments; all of them are stopped, by their own process handle, at the end."""
    started: list[Server] = []

    def start(*arguments: str) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        folders = [tmp_path / "input", tmp_path / "output"]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pressrun.proof", "--listen", "127.0.0.1", "--port", str(port)]
        command += ["--input-directory", str(folders[0]), "--output-directory", str(folders[1]), *arguments]
        with (tmp_path / "server.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        server = Server(process, port, *folders)
        started.append(server)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with server.http as http:
                    http.get("/system_stats").raise_for_status()
                return server
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError((tmp_path / "server.log").read_text())

    yield start
    for server in started:
        server.process.terminate()
        try:
            server.process.wait(5)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait(5)


def _free_graph(seed: int = 11, prefix: str = "lab/free", size: int = 96) -> dict[str, Any]:
    """The model-free graph of the recordings."""
    size_inputs = {"width": size, "height": size, "batch_size": 1}
    return {
        "1": {"class_type": "EmptyImage", "inputs": {**size_inputs, "color": 2113664}, "_meta": {"title": "bg"}},
        "2": {"class_type": "EmptyImage", "inputs": {**size_inputs, "color": 14721072}},
        "3": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": size, "height": size}},
        "4": {
            "class_type": "FeatherMask",
            "inputs": {"mask": ["3", 0], "left": 48, "top": 0, "right": 0, "bottom": 48},
        },
        "5": {
            "class_type": "ImageCompositeMasked",
            "inputs": {
                "destination": ["1", 0],
                "source": ["2", 0],
                "x": 0,
                "y": 0,
                "resize_source": False,
                "mask": ["4", 0],
            },
        },
        "6": {"class_type": "ImageAddNoise", "inputs": {"image": ["5", 0], "seed": seed, "strength": 0.2}},
        "7": {
            "class_type": "TextOverlay",
            "inputs": {
                "images": ["6", 0],
                "text": "hello",
                "font_size": 10.0,
                "color": "#ffffff",
                "position": "bottom",
                "align": "center",
                "outline": True,
            },
        },
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": prefix}},
    }


def _sampler_graph(
    seed: int = 1, steps: int = 3, prefix: str = "lab/t2i", text: str = "spring blossoms"
) -> dict[str, Any]:
    """txt2img as in the recordings."""
    sampler = {"sampler_name": "euler", "scheduler": "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0]}
    return {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": seed,
                "steps": steps,
                "cfg": 7.0,
                **sampler,
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl_base_1.0.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 128, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": prefix}},
    }


@pytest.fixture
def free_graph() -> Callable[..., dict[str, Any]]:
    return _free_graph


@pytest.fixture
def sampler_graph() -> Callable[..., dict[str, Any]]:
    return _sampler_graph

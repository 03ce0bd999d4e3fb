"""The engine that a benchmark runs against: one that is named by address, or one that is started here as jobs do."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pressrun.comfy.server import EngineServer
from pressrun.runner.config import RunnerConfig
from pressrun.runner.engines import engine_specs, output_folder
from pressrun.runner.places import Places

NO_SHARD = "0" * 64


@dataclass(frozen=True)
class Bench:
    """Where to send prompts. `output` is the engine's output folder, None where it is on another machine."""

    kind: str
    url: str
    output: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=("proof", "comfyui"), default="proof")
    parser.add_argument("--url", help="a running server; default one started here (comfyui: COMFYUI_HOME)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


@contextlib.contextmanager
def engine(kind: str, url: str | None = None, *, args: str = "") -> Iterator[Bench]:
    """A ready engine; one that was started here is stopped and its folder removed."""
    if url:
        yield Bench(kind, url.rstrip("/"), None)
        return
    folder = Path(tempfile.mkdtemp(prefix="pressrun-bench-"))
    config = RunnerConfig(
        base_dir=folder, shard_sha256=NO_SHARD, engine_count=1, engine_args=args,
        comfyui_home=Path(os.environ["COMFYUI_HOME"]) if kind == "comfyui" else None,
        comfyui_python=os.environ.get("COMFYUI_PYTHON"),
    )  # fmt: skip
    places = Places(folder)
    places.make()
    server = EngineServer(engine_specs(kind, config, places)[0])
    try:
        asyncio.run(server.start())
        yield Bench(kind, server.base_url, output_folder(places, 0))
    finally:
        asyncio.run(server.stop(idle=True))
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> str:
    """What the figures were taken on, for a line of RESULTS.md."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {platform.system()}, Python {platform.python_version()}, load {load:.1f}"


def _lines(path: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(path).read_text().splitlines()
    return []

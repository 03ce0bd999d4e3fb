"""The reference: a ComfyUI of its own, one graph after the other, nothing of ours between graph and picture."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
from PIL import Image

from pressrun.comfy.server import EngineServer
from pressrun.core.shard import Shard
from pressrun.runner.config import RunnerConfig
from pressrun.runner.engines import engine_specs, output_folder
from pressrun.runner.parts import bind
from pressrun.runner.places import Places


def pixels(path: Path) -> str:
    """A digest of the decoded pixels: the files themselves hold their own names."""
    with Image.open(path) as image:
        return hashlib.sha256(repr((image.mode, image.size)).encode() + image.tobytes()).hexdigest()


@contextlib.contextmanager
def stock_comfyui(base: Path) -> Iterator[tuple[str, Path]]:
    """(address, output folder) of a ComfyUI without our sink."""
    config = RunnerConfig(
        base_dir=base, shard_sha256="0" * 64, engine_count=1, sink="stock",
        comfyui_home=Path(os.environ["COMFYUI_HOME"]), comfyui_python=os.environ.get("COMFYUI_PYTHON"),
    )  # fmt: skip
    places = Places(base)
    places.make()
    server = EngineServer(engine_specs("comfyui", config, places)[0])
    try:
        asyncio.run(server.start())
        yield server.base_url, output_folder(places, 0)
    finally:
        asyncio.run(server.stop(idle=True))


def one_at_a_time(base: Path, document: Shard) -> dict[str, str]:
    """Pixel digest of each item: posted with the artist's own SaveImage, waited for by asking, then the next."""
    found = {}
    with stock_comfyui(base) as (url, output), httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        for item in document.items:
            prompt_id = str(uuid.uuid4())
            graph = bind(document, item, f"reference/{item.item_id}")
            http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id}).raise_for_status()
            until = time.monotonic() + 300
            while not (entry := http.get(f"/history/{prompt_id}").json().get(prompt_id)):
                assert time.monotonic() < until, item.item_id
                time.sleep(0.005)
            assert entry["status"]["status_str"] == "success", entry["status"]
            (image,) = (image for out in entry["outputs"].values() for image in out["images"])
            found[item.item_id] = pixels(output / image["subfolder"] / image["filename"])
    return found

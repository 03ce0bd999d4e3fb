"""What saving one picture of a megapixel costs the thread that drives the GPU: stock SaveImage against ours.

The claim: at most 15 ms a picture. Measured in the engine itself, as the time between the moment when the save node
is entered and the moment when it is left; the two take turns on the same pictures, and medians are compared. A server
that does not know our node (the proof press, a bare ComfyUI by --url) is measured with SaveImage alone.

    COMFYUI_HOME=… COMFYUI_PYTHON=… python benchmarks/sink.py --engine comfyui --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import uuid
from typing import Any

import httpx
from support.engine import Bench, add_arguments, engine, machine

from pressrun.comfy.nodes import SINK_CLASS
from pressrun.comfy.trial import try_graph
from pressrun.runner.sink import with_sink

SIDE = 1024
SAVE = "4"


def graph(seed: int) -> dict[str, Any]:
    """One megapixel of its own, as hard to compress as a photograph."""
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 8421504}},
        "2": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": seed, "strength": 0.05}},
        SAVE: {
            "class_type": "SaveImage",
            "inputs": {"images": ["2", 0], "filename_prefix": f"sink/{uuid.uuid4().hex}"},
        },
    }


async def save_ms(url: str, one: dict[str, Any]) -> float:
    trial = await try_graph(url, one)
    assert trial.good, trial.failure
    assert trial.node_seconds
    return 1000 * trial.node_seconds[SAVE]


def measure(bench: Bench, items: int) -> dict[str, float]:
    known = httpx.get(f"{bench.url}/object_info/{SINK_CLASS}", trust_env=False).json()
    stock: list[float] = []
    fast: list[float] = []
    for number in range(items + 1):  # the first pair warms up
        seed = time.time_ns() % 2**31 + number
        stock.append(asyncio.run(save_ms(bench.url, graph(seed))))
        replaced = with_sink(graph(seed), (SAVE,)) if known else None
        if replaced:
            fast.append(asyncio.run(save_ms(bench.url, dict(replaced))))
    found = {"stock_ms_per_image": round(statistics.median(stock[1:]), 1)}
    if fast:
        found["thread_ms_per_image"] = round(statistics.median(fast[1:]), 1)
        found["thread_ms_least"] = round(min(fast[1:]), 1)
        found["ours_vs_stock"] = round(found["thread_ms_per_image"] / found["stock_ms_per_image"], 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    parser.add_argument("--items", type=int, default=20)
    chosen = parser.parse_args()
    with engine(chosen.engine, chosen.url) as bench:
        found: dict[str, Any] = measure(bench, chosen.items)
    found |= {"engine": chosen.engine, "items": chosen.items, "machine": machine()}
    if chosen.json:
        print(json.dumps(found))
        return
    print("  ".join(f"{name} {value}" for name, value in found.items()))
    if "thread_ms_per_image" not in found:
        print(f"this server does not know {SINK_CLASS}: only SaveImage was measured")


if __name__ == "__main__":
    main()

"""One engine, the same items, three clients: the runner's session against the server's own ceiling and a plain loop.

The claim: with 150 ms of waiting per picture (an upload's stand-in) the runner keeps the engine as busy as if nobody
waited. Compared in turns on one engine, medians over rounds, items of about 40 ms and of about 1 s apart:

    playbook   a websocket for each prompt, POST, wait, GET /history, GET /view, close, 150 ms
    ceiling    every prompt posted at once, nothing else done
    ours       the runner's own session: queue kept a few deep, 150 ms a picture in its pool
    cpu_work   as ours, but with the real work on the picture in place of the wait, on the engine's own cores

The time of `ours` and `cpu_work` ends when the engine has finished its last prompt, as that of `ceiling` does: what the
last pictures still wait for keeps no engine from working. `tail_seconds` is that rest, once for a whole job. An engine
idles for a millisecond or two between prompts whatever its clients do: `idle_share_of_ceiling` is that floor.

    python benchmarks/runner.py --engine proof --items 40 --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import websockets
from support.engine import NO_SHARD, Bench, add_arguments, engine, machine

from pressrun.comfy.client import ComfyClient
from pressrun.comfy.errors import EngineError
from pressrun.core.codec import digest_of
from pressrun.core.contract import Binding
from pressrun.core.item import Item
from pressrun.core.plan import WorkflowBundle
from pressrun.core.result import OutputFile, read_segment
from pressrun.core.shard import Shard, ShardLimits
from pressrun.runner import desk as desk_module
from pressrun.runner import session as session_module
from pressrun.runner.config import RunnerConfig
from pressrun.runner.desk import Desk
from pressrun.runner.parts import JobParts, bind
from pressrun.runner.places import Places
from pressrun.runner.press import ordered
from pressrun.runner.session import HEARD, Inbox, Session
from pressrun.runner.work import WorkQueue

WAIT = 0.150
# Waiting is no work: the pool is as deep as the session lets harvests run ahead.
POOL = 12
# Pixels a side. The proof press draws small ones and then waits until its fixed latency is over.
SIZES = {("proof", "short"): 128, ("proof", "long"): 128, ("comfyui", "short"): 512, ("comfyui", "long"): 2304}
PROOF_LATENCY_MS = {"short": 40, "long": 1000}


def make_shard(kind: str, count: int, size: int, *, looks: int = 1, swapped: bool = False) -> Shard:
    """`count` items of their own seeds. `looks` workflows share nothing; `swapped` alternates them."""
    stamp = uuid.uuid4().int % 2**31
    bundles = {f"look{number}": bundle(number, size) for number in range(looks)}
    numbers = [n % looks if swapped else n * looks // count for n in range(count)]
    items = tuple(
        Item(
            item_id=f"{stamp:08x}{n:08x}", cell_id="c", axes={"product": "p", "locale": "en-GB"},
            workflow=f"look{look}", params={}, seed=(stamp + n) % 2**31, render_key=f"k{n}",
        )
        for n, look in enumerate(numbers)
    )  # fmt: skip
    return Shard(
        run_key="bench", campaign="bench", plan_digest="d", phase="main", index=0, attempt=1, engine=kind,
        engine_class="bench", workflows=bundles, inputs=(), items=items, limits=ShardLimits(max_runtime=3600),
    )  # fmt: skip


def bundle(look: int, size: int) -> WorkflowBundle:
    """A graph without models: a base that stays in the engine's cache, noise by seed, and its file."""
    graph: dict[str, Any] = {
        "1": {"class_type": "EmptyImage",
              "inputs": {"width": size, "height": size, "batch_size": 1, "color": 3368601 + look * 65793}},
        "3": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 1, "strength": 0.2}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }  # fmt: skip
    return WorkflowBundle(
        name=f"look{look}", graph=graph, graph_sha256=digest_of(graph), contract_sha256="c",
        bindings={"seed": (Binding(node="3", input="seed"),)}, outputs=("4",),
    )  # fmt: skip


def graphs(shard: Shard, name: str) -> list[dict[str, Any]]:
    return [dict(bind(shard, item, f"bench/{name}-{item.item_id}")) for item in shard.items]


async def playbook(bench: Bench, shard: Shard) -> float:
    """Seconds of the loop that a person writes first."""
    begin = time.perf_counter()
    address = bench.url.replace("http", "ws", 1)
    async with httpx.AsyncClient(base_url=bench.url, timeout=60, trust_env=False) as http:
        for graph in graphs(shard, "a"):
            client_id = uuid.uuid4().hex
            async with websockets.connect(f"{address}/ws?clientId={client_id}", max_size=None, proxy=None) as socket:
                answer = (await http.post("/prompt", json={"prompt": graph, "client_id": client_id})).json()
                await ended(socket, 1)
            entry = (await http.get(f"/history/{answer['prompt_id']}")).json()[answer["prompt_id"]]
            for output in entry["outputs"].values():
                for image in output["images"]:
                    (await http.get("/view", params=image)).raise_for_status()
            await asyncio.sleep(WAIT)
    return time.perf_counter() - begin


async def ceiling(bench: Bench, shard: Shard) -> tuple[float, float]:
    """(seconds, idle share) of the server alone: its queue is never empty and nobody asks for anything."""
    client_id = uuid.uuid4().hex
    address = f"{bench.url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
    bodies = [orjson.dumps({"prompt": graph, "client_id": client_id}) for graph in graphs(shard, "b")]
    async with (
        httpx.AsyncClient(base_url=bench.url, timeout=60, trust_env=False) as http,
        websockets.connect(address, max_size=None, proxy=None) as socket,
    ):
        begin = time.perf_counter()
        for body in bodies:
            (await http.post("/prompt", content=body)).raise_for_status()
        busy = await ended(socket, len(bodies))
        seconds = time.perf_counter() - begin
        return seconds, max(0.0, 1 - busy / seconds)


async def ended(socket: Any, count: int) -> float:
    """Wait until so many prompts have ended; seconds that they took by the server's own clock, as `ours` counts."""
    busy = 0.0
    while count:
        raw = await socket.recv()
        if not isinstance(raw, str) or not raw[:40].partition('"type":')[2].lstrip().startswith('"execut'):
            continue
        message = orjson.loads(raw)
        kind, data = message["type"], message["data"]
        busy += {"execution_start": -1, "execution_success": 1}.get(kind, 0) * data.get("timestamp", 0) / 1000
        count -= kind == "executing" and data["node"] is None
    return busy


def waited(*_: Any, **__: Any) -> tuple[OutputFile, ...]:
    """An upload's stand-in."""
    time.sleep(WAIT)
    return (OutputFile(node="4", file="images/x.png", sha256="0" * 64, size=1, media_type="image/png"),)


async def ours(bench: Bench, shard: Shard, harvest: Callable[..., Any] | None) -> tuple[float, float, float]:
    """(seconds, share of them in which the engine worked on no prompt, seconds of the tail) of the runner's session."""
    folder = Path(tempfile.mkdtemp(prefix="pressrun-bench-job-"))
    places = Places(folder)
    places.make()
    shard = ordered(shard)
    config = RunnerConfig(base_dir=folder, shard_sha256=NO_SHARD, sink="stock" if harvest else "auto")
    work = WorkQueue.of(shard.items)
    desk = Desk(shard, work, places, job="bench", host="bench", event_text=False)
    server: Any = SimpleNamespace(resident_bytes=None, alive=True, exit_code=None, base_url=bench.url)
    inbox: Inbox = asyncio.Queue()
    before = session_module.harvest
    session_module.harvest = harvest or before
    try:
        with ThreadPoolExecutor(POOL if harvest else 2) as pool:
            parts = JobParts(
                shard=shard, shard_sha256=uuid.uuid4().hex * 2, config=config, places=places, host="bench", work=work,
                desk=desk, pool=pool,
            )  # fmt: skip

            last = 0.0

            def deliver(event: Any) -> None:
                nonlocal last
                if getattr(event, "what", "") == "finished":
                    last = time.perf_counter()
                if isinstance(event, EngineError) or event.what in HEARD:
                    inbox.put_nowait(event)

            async with ComfyClient(bench.url, deliver) as client:
                begin = time.perf_counter()
                await Session(client, server, bench.output or folder, parts, inbox).run()
                seconds, tail = last - begin, time.perf_counter() - last
    finally:
        session_module.harvest = before
    desk.flush()
    results = [
        result
        for path in sorted((places.output / "results").iterdir())
        for result in read_segment(path.read_bytes(), where=path.name)
    ]
    assert [result.outcome for result in results] == ["rendered"] * len(shard.items), results[:1]
    shutil.rmtree(folder)
    return seconds, max(0.0, 1 - sum(result.seconds for result in results) / seconds), tail


def measure(bench: Bench, length: str, items: int, rounds: int) -> dict[str, float]:
    """Ratios for items of one length. Each round makes every client render items of its own, one client at a time."""
    size = SIZES[bench.kind, length]
    rates: dict[str, list[float]] = {name: [] for name in ("playbook", "ceiling", "ours", "cpu_work")}
    idle: list[float] = []
    floor: list[float] = []
    tails: list[float] = []
    asyncio.run(ceiling(bench, make_shard(bench.kind, 2, size)))  # the first prompts of a process are slow
    for _ in range(rounds):
        seconds, share = asyncio.run(ceiling(bench, make_shard(bench.kind, items, size)))
        rates["ceiling"].append(items / seconds)
        floor.append(share)
        seconds, share, tail = asyncio.run(ours(bench, make_shard(bench.kind, items, size), waited))
        tails.append(tail)
        rates["ours"].append(items / seconds)
        idle.append(share)
        rates["playbook"].append(items / asyncio.run(playbook(bench, make_shard(bench.kind, items, size))))
        if bench.output is not None:
            seconds, *_ = asyncio.run(ours(bench, make_shard(bench.kind, items, size), None))
            rates["cpu_work"].append(items / seconds)
    median = {name: statistics.median(values) for name, values in rates.items() if values}
    found = {
        "ours_vs_ceiling": ratio(rates["ours"], rates["ceiling"]),
        "ours_vs_playbook": ratio(rates["ours"], rates["playbook"]),
        "idle_share": round(statistics.median(idle), 4),
        "idle_share_of_ceiling": round(statistics.median(floor), 4),
        "tail_seconds": round(statistics.median(tails), 3),
    }
    if rates["cpu_work"]:
        found["cpu_work_vs_ceiling"] = ratio(rates["cpu_work"], rates["ceiling"])
    return found | {f"{name}_per_second": round(value, 2) for name, value in median.items()}


def swapped_vs_sorted(bench: Bench, items: int, rounds: int) -> float:
    """Seconds of a manifest in which looks alternate, over those of the same items in blocks."""
    shares, size = [], SIZES[bench.kind, "short"]
    for _ in range(rounds):
        apart, *_ = asyncio.run(ours(bench, make_shard(bench.kind, items, size, looks=2), waited))
        mixed, *_ = asyncio.run(ours(bench, make_shard(bench.kind, items, size, looks=2, swapped=True), waited))
        shares.append(mixed / apart)
    return round(statistics.median(shares), 3)


def ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """Median of the rounds' own ratios: what disturbs a round disturbs both sides."""
    return round(statistics.median(value / other for value, other in zip(values, base, strict=True)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    parser.add_argument("--items", type=int, default=40, help="short items a round; long ones are an eighth")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    desk_module.log = session_module.log = lambda _: None  # type: ignore[assignment]
    found: dict[str, Any] = {}
    for length in ("short", "long"):
        args = f"--latency-ms {PROOF_LATENCY_MS[length]}" if chosen.engine == "proof" else ""
        with engine(chosen.engine, chosen.url, args=args) as bench:
            count = chosen.items if length == "short" else max(4, chosen.items // 8)
            found[length] = measure(bench, length, count, chosen.rounds)
            if length == "short":
                found["swapped_vs_sorted"] = swapped_vs_sorted(bench, chosen.items, chosen.rounds)
    short = found["short"]
    answer = {name: short[name] for name in ("ours_vs_ceiling", "ours_vs_playbook", "idle_share")}
    answer |= {"swapped_vs_sorted": found["swapped_vs_sorted"], "engine": chosen.engine, "items": chosen.items,
               "machine": machine(), "short": short, "long": found["long"]}  # fmt: skip
    if chosen.json:
        print(json.dumps(answer))
        return
    print(answer["machine"])
    for length in ("short", "long"):
        print(length, "  ".join(f"{name} {value}" for name, value in found[length].items()))
    print("swapped_vs_sorted", answer["swapped_vs_sorted"])


if __name__ == "__main__":
    main()

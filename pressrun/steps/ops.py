"""Operations on a running server: is it well, and are its models warm? Both are graphs in include/ops."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from pressrun.comfy.trial import Trial, try_graph, view
from pressrun.comfy.wire import OutputRef
from pressrun.core.errors import EngineError, InputError
from pressrun.core.graph import Graph, read_graph

# Below this a client-supplied prompt id, /api/jobs or the finish message is not what the runner relies on.
OLDEST = (0, 6, 0)
# What include/ops/healthcheck.api.json ends with: 0x336699, inverted.
EXPECTED = (0xCC, 0x99, 0x66)
EXPECTED_SIZE = (64, 64)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check: its name, whether it is good, and what was seen in a few words."""

    check: str
    good: bool
    seen: str


def ops_graph(include: Path, name: str) -> Graph:
    """A graph of include/ops."""
    path = include / "ops" / f"{name}.api.json"
    if not path.is_file():
        raise InputError("there is no such graph", where=str(path))
    return read_graph(path.read_bytes(), file=f"ops/{path.name}")


def healthcheck(include: Path, base_url: str, *, timeout_seconds: float = 60.0) -> list[Verdict]:
    """Everything the runner relies on, in the order in which it breaks. The first bad verdict ends the list."""
    graph = ops_graph(include, "healthcheck")
    return asyncio.run(_healthcheck(graph, base_url.rstrip("/"), timeout_seconds))


async def _healthcheck(graph: Graph, base_url: str, timeout_seconds: float) -> list[Verdict]:
    found: list[Verdict] = []
    try:
        stats, classes = await _facts(base_url, graph)
    except EngineError as exc:
        return [Verdict("answers", False, str(exc))]
    version = str(stats.get("system", {}).get("comfyui_version", "unknown"))
    proof = ", a proof press" if "pressrun_proof" in stats.get("system", {}) else ""
    found.append(Verdict("answers", True, f"ComfyUI {version}{proof}"))
    if (read := parse_version(version)) is not None and read < OLDEST:
        return [*found, Verdict("version", False, f"{version} is older than {'.'.join(map(str, OLDEST))}")]
    devices = [str(device.get("name")) for device in stats.get("devices", ())]
    found.append(Verdict("device", True, ", ".join(devices) or "none told"))
    missing = [name for name, known in classes.items() if not known]
    if missing:
        return [*found, Verdict("nodes", False, f"the server does not know {', '.join(missing)}")]
    found.append(Verdict("nodes", True, f"{len(classes)} of {len(classes)} known"))
    try:
        trial = await try_graph(base_url, graph, timeout_seconds=timeout_seconds)
    except EngineError as exc:
        return [*found, Verdict("graph", False, str(exc))]
    found.append(_ran(trial, "graph"))
    if trial.good:
        found.append(await _picture(base_url, trial.outputs))
    return found


async def _facts(base_url: str, graph: Graph) -> tuple[dict[str, Any], dict[str, bool]]:
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=10.0, trust_env=False) as http:
            answer = await http.get("/system_stats")
            if answer.status_code != 200:
                raise EngineError(f"HTTP {answer.status_code}", where=str(answer.url), remedy="is this a ComfyUI?")
            stats = answer.json()
            names = sorted({node["class_type"] for node in graph.values()})
            known = {name: bool((await http.get(f"/object_info/{name}")).json()) for name in names}
    except httpx.HTTPError as exc:
        raise EngineError(
            f"{type(exc).__name__}: {exc}", where=base_url, remedy="is it up, and is this its port?"
        ) from exc
    except ValueError as exc:
        raise EngineError("the answer is not JSON", where=base_url, remedy="is this a ComfyUI?") from exc
    return stats, known


async def _picture(base_url: str, outputs: tuple[OutputRef, ...]) -> Verdict:
    if not outputs:
        return Verdict("picture", False, "success, but no output file: is the graph's save node cached?")
    try:
        with Image.open(io.BytesIO(await view(base_url, outputs[0]))) as image:
            size, pixel = image.size, image.convert("RGB").tobytes()[:3]
    except (EngineError, OSError) as exc:
        return Verdict("picture", False, str(exc))
    # One step of 255 is rounding: ComfyUI cuts fractions off where a processor gives 101.99997.
    near = all(abs(found - wanted) <= 1 for found, wanted in zip(pixel, EXPECTED, strict=True))
    if size != EXPECTED_SIZE or not near:
        return Verdict("picture", False, f"{size[0]} × {size[1]}, colour {tuple(pixel)}; expected 64 × 64, {EXPECTED}")
    return Verdict("picture", True, "size and colour as expected")


def warm_up(
    include: Path, base_url: str, checkpoints: list[str], *, timeout_seconds: float = 600.0,
    clock: Callable[[], float] = time.monotonic,
) -> list[Verdict]:  # fmt: skip
    """Load each checkpoint once and take one step with it, so that no item pays for the first time."""
    graph = ops_graph(include, "warmup")
    loader = next(node_id for node_id, node in graph.items() if "ckpt_name" in node["inputs"])
    found = []
    for name in checkpoints:
        one = {**graph, loader: {**graph[loader], "inputs": {**graph[loader]["inputs"], "ckpt_name": name}}}
        begin = clock()
        try:
            trial = asyncio.run(try_graph(base_url.rstrip("/"), one, timeout_seconds=timeout_seconds))
        except EngineError as exc:
            found.append(Verdict(name, False, str(exc)))
            break
        verdict = _ran(trial, name)
        found.append(Verdict(name, verdict.good, f"{clock() - begin:.1f} s" if verdict.good else verdict.seen))
    return found


def _ran(trial: Trial, check: str) -> Verdict:
    if trial.good:
        return Verdict(check, True, f"ran in {trial.seconds:.2f} s")
    return Verdict(check, False, f"{trial.outcome}: {trial.failure.message if trial.failure else 'no reason given'}")


def parse_version(text: str) -> tuple[int, ...] | None:
    """`0.33.0` as numbers; None for what is no version (the proof press and forks may say anything)."""
    parts = text.split(".")[:3]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) and len(parts) == 3 else None

"""The press: one shard, all engines of the machine, from intake to exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pressrun.comfy.server import EngineServer, EngineSpec
from pressrun.core.errors import EngineError, InputError, PressrunError, SetupError
from pressrun.core.graph import Graph
from pressrun.core.shard import Shard
from pressrun.runner.config import RunnerConfig
from pressrun.runner.desk import Desk, log
from pressrun.runner.engines import engine_specs, output_folder
from pressrun.runner.exit_codes import ExitCode
from pressrun.runner.gpu import check_gpu
from pressrun.runner.intake import read_shard, stage_assets
from pressrun.runner.lane import Lane
from pressrun.runner.models import stage_models
from pressrun.runner.order import order_key
from pressrun.runner.parts import JobParts, bind
from pressrun.runner.places import Places
from pressrun.runner.work import WorkQueue

_TICK_SECONDS = 0.25


@dataclass(frozen=True)
class Report:
    """How a job ended. `message` goes to /opt/ml/output/message, at most 1 KB."""

    code: ExitCode
    message: str


def ordered(shard: Shard) -> Shard:
    """The shard with its items in the order that loads every model once."""
    keys = {
        item.item_id: order_key(item.workflow, _graph_or_template(shard, item_number))
        for item_number, item in enumerate(shard.items)
    }
    return shard.model_copy(update={"items": tuple(sorted(shard.items, key=lambda item: keys[item.item_id]))})


def _graph_or_template(shard: Shard, number: int) -> Graph:
    item = shard.items[number]
    try:
        return bind(shard, item, "")
    except (PressrunError, LookupError, TypeError):
        # Such an item fails with its reason when its turn comes; the order does not depend on it.
        return dict(shard.workflows[item.workflow].graph)


async def press(config: RunnerConfig) -> Report:
    """Render the shard that the environment names. InputError or SetupError where it cannot even begin."""
    places = Places(config.base_dir)
    shutil.rmtree(places.work, ignore_errors=True)
    places.make()
    job, host = places.job_and_host()
    if places.hosts() > 1:
        raise InputError(
            f"this job has {places.hosts()} instances, and each would render the whole shard",
            where="ProcessingResources.ClusterConfig.InstanceCount",
            remedy="one instance a job; more shards in parallel instead (job.parallel)",
        )
    shard = read_shard(places.shard, expected_sha256=config.shard_sha256)
    if config.engine is not None and config.engine != shard.engine:
        raise InputError(
            f"the shard is for engine {shard.engine!r}, the job for {config.engine!r}",
            where="PRESSRUN_ENGINE",
            remedy="a proof must never pass for a final image",
        )
    size = stage_assets(shard, places.assets, places.staged)
    if shard.models:
        weights = stage_models(shard.models, places.models_channel, places.models)
        log(f"{len(shard.models)} models checked ({weights:,} bytes)")
    if shard.engine == "comfyui" and config.require_gpu:
        _look_at_gpu(config)
    shard = ordered(shard)
    log(f"job {job}: {len(shard.items)} items, {len(shard.inputs)} input files ({size:,} bytes), engine {shard.engine}")
    work = WorkQueue.of(shard.items)
    desk = Desk(shard, work, places, job=job, host=host, event_text=config.event_text)
    desk.resume()
    if not work.settled:
        with ThreadPoolExecutor(max_workers=max(2, (os.cpu_count() or 2) // 2), thread_name_prefix="harvest") as pool:
            parts = JobParts(
                shard=shard,
                shard_sha256=config.shard_sha256,
                config=config,
                places=places,
                host=host,
                work=work,
                desk=desk,
                pool=pool,
            )
            unavailable = await _run_lanes(parts, engine_specs(shard.engine, config, places))
    else:
        unavailable = None
    desk.progress("done" if work.settled else "draining")
    desk.flush()
    shutil.rmtree(places.work, ignore_errors=True)
    return _report(desk, work, unavailable)


def _look_at_gpu(config: RunnerConfig) -> None:
    """Print what the host has; end with a sentence where torch cannot use it."""
    found = check_gpu(config.comfyui_python or sys.executable)
    print(found.smi, flush=True)
    compat = " through the compatibility libraries" if found.compat else ""
    log(f"torch {found.torch}, CUDA {found.cuda}{compat}: {', '.join(found.devices)}")
    os.environ.update(found.environ())


async def _run_lanes(parts: JobParts, specs: list[EngineSpec]) -> PressrunError | None:
    """Run one lane per engine. Returns why no engine could go on, where that is so."""
    desk, work = parts.desk, parts.work
    lanes = [
        Lane(number, EngineServer(spec), output_folder(parts.places, number), parts)
        for number, spec in enumerate(specs)
    ]
    desk.progress("starting")
    clerk = asyncio.create_task(_clerk(desk, work))
    timer = asyncio.create_task(_time_limit(parts))
    try:
        with _stop_on_signal(work):
            outcomes = await asyncio.gather(*(lane.run() for lane in lanes), return_exceptions=True)
    finally:
        for task in (clerk, timer):
            task.cancel()
        await asyncio.gather(clerk, timer, return_exceptions=True)
        await asyncio.gather(*(lane.stop() for lane in lanes))
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, EngineError | SetupError):
            raise outcome
    broken = [outcome for outcome in outcomes if isinstance(outcome, PressrunError)]
    return broken[0] if broken and not work.settled and not work.stop_reason else None


async def _clerk(desk: Desk, work: WorkQueue) -> None:
    while True:
        await desk.tick("draining" if work.stop_reason else "rendering")
        await asyncio.sleep(_TICK_SECONDS)


async def _time_limit(parts: JobParts) -> None:
    """Stop in time to flush: SageMaker kills a job at MaxRuntime without a word."""
    limit = parts.shard.limits.max_runtime
    margin = parts.config.margin_seconds
    if margin is None:
        margin = min(120.0, max(10.0, limit / 10))
    await asyncio.sleep(max(1.0, limit - margin - parts.desk.elapsed))
    log(f"{limit - parts.desk.elapsed:.0f} s are left of MaxRuntime: finishing what runs")
    parts.work.stop("time")


@contextlib.contextmanager
def _stop_on_signal(work: WorkQueue) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop(name: str) -> None:
        log(f"{name}: finishing what runs, giving back the rest")
        work.stop("signal")

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop, number.name)
    try:
        yield
    finally:
        for number in numbers:
            # Ignored rather than restored: a second SIGTERM must not cut the last flush short.
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _report(desk: Desk, work: WorkQueue, unavailable: PressrunError | None) -> Report:
    counts = f"{desk.rendered}/{desk.planned} rendered, {desk.failed} failed in {desk.elapsed:.0f} s"
    left = len(work.undecided)
    if work.settled:
        return Report(ExitCode.OK, counts)
    if unavailable is not None:
        return Report(ExitCode.ENGINE_UNAVAILABLE, f"{counts}, {left} left: {unavailable}")
    if work.stop_reason == "budget":
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(desk.failure_kinds.items()))
        only_engine = set(desk.failure_kinds) <= {"engine", "timeout"}
        code = ExitCode.ENGINE_UNAVAILABLE if only_engine else ExitCode.BAD_INPUT
        return Report(code, f"{counts}, stopped with {left} left: too many failures ({kinds}); {desk.first_failure}")
    why = "MaxRuntime is near" if work.stop_reason == "time" else "asked to stop"
    return Report(ExitCode.COME_AGAIN, f"{counts}, {left} left: {why}")

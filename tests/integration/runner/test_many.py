"""A whole day's shard: memory does not grow with the items that are done, and every one of them has its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner_shards as shards
from runner_job import Job

from pressrun.proof.cache import ResultCache

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(7200)]
ITEMS = 20_000
HOURS = 7000.0
GROWTH = 64_000_000  # bytes of the runner, from the first quarter to the end
ENGINE = ResultCache().limit + 240_000_000  # the proof press keeps results up to a limit; that, and what it starts with


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def test_twenty_thousand_items_in_flat_memory(tmp_path: Path) -> None:
    one = Job(tmp_path, shards.shard([shards.item(n) for n in range(ITEMS)]))
    one.start()
    try:
        assert one.process is not None
        seen = []
        for part in (0.25, 0.95):
            one.until(lambda part=part: one.progress_count() >= part * ITEMS, HOURS)
            (engine,) = one.engines()
            seen.append((resident(one.process.pid), resident(engine)))
        assert one.wait(HOURS) == 0, one.log
    finally:
        one.end()
    one.check_nothing_lost()
    assert {result.outcome for result in one.results()} == {"rendered"}
    (runner, _), (runner_later, engine_later) = seen
    print(f"resident MB at a quarter and near the end: {[[n // 1_000_000 for n in pair] for pair in seen]}")
    assert runner_later - runner < GROWTH
    assert engine_later < ENGINE

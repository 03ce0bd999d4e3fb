import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "unit/runner"))

from runner_job import Job

from pressrun.core.shard import Shard


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    jobs: list[Job] = []

    def make(document: Shard, assets: dict[str, bytes] | None = None) -> Job:
        jobs.append(Job(tmp_path / f"job-{len(jobs)}", document, assets))
        return jobs[-1]

    yield make
    for one in jobs:
        one.end()

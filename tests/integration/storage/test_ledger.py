"""Two runs start at the same moment with a budget for one, over the real S3 server: exactly one proceeds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from types import ModuleType

import pytest

from pressrun.core.errors import NotAllowedError
from pressrun.settings import Settings
from pressrun.steps.ledger import read_ledger, reserve_run
from pressrun.steps.workspace import Workspace, memory_workspace
from pressrun.storage.s3 import S3Store

pytestmark = pytest.mark.network
TRIES = 100


def test_concurrent_runs_cannot_overspend_together(
    make_s3: Callable[..., S3Store], load: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    press = load("tests/unit/steps/job_press.py").Press()
    runs = [
        press.plan.model_copy(update={"run": press.plan.run.model_copy(update={"run_key": f"spring-{side}"})})
        for side in ("left", "right")
    ]
    budgets = tmp_path / "include" / "policy" / "budgets.yaml"
    budgets.parent.mkdir(parents=True)
    budgets.write_text(f"campaigns: {{spring: {{usd: {press.quote.ceiling_usd}}}}}")
    ws: Workspace = replace(memory_workspace(Settings(home=tmp_path)), work=make_s3())
    for number in range(TRIES):
        # Each try in a month of its own: as far as a ledger goes, an empty one.
        now = datetime(2026 + number // 12, number % 12 + 1, 1, tzinfo=UTC)
        start = Barrier(2)

        def proceeds(plan: object, now: datetime = now, start: Barrier = start, number: int = number) -> bool:
            quote = press.quote.model_copy(update={"price_source": f"try {number}"})
            start.wait()
            try:
                reserve_run(ws, plan, quote, now=now)  # type: ignore[arg-type]
            except NotAllowedError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(proceeds, runs)) == 1
        assert len(read_ledger(ws, f"{now:%Y-%m}", "default").entries) == 1

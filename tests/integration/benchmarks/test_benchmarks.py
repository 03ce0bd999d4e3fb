"""The benchmarks run on the proof press and say what the claims are about. What the figures are is not a test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(1200)]


def run(repository: Path, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, *words, "--json"], cwd=repository, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_runners_benchmark_names_its_ratios(repository: Path) -> None:
    found = run(repository, "benchmarks/runner.py", "--engine", "proof", "--items", "4", "--rounds", "1")
    assert {"ours_vs_ceiling", "ours_vs_playbook", "idle_share", "swapped_vs_sorted", "machine"} <= found.keys()
    for length in ("short", "long"):
        part = found[length]
        assert isinstance(part, dict)
        assert part["ours_per_second"] > 0
        assert "cpu_work_vs_ceiling" in part


def test_the_sinks_benchmark_measures_what_the_server_knows(repository: Path) -> None:
    found = run(repository, "benchmarks/sink.py", "--engine", "proof", "--items", "2")
    assert isinstance(found["stock_ms_per_image"], float)
    assert "thread_ms_per_image" not in found, "the proof press does not offer our node"


def test_the_estimates_benchmark_holds_jobs_out_and_names_its_errors(repository: Path) -> None:
    found = run(repository, "benchmarks/estimate.py", "--runs", "2", "--campaigns", "ad_variants")
    assert {"p50_error", "p90_coverage", "rule_error", "mean_error", "machine"} <= found.keys()
    assert (found["runs"], found["held_out"]) == (2, 1)
    (job,) = found["jobs"]  # type: ignore[misc]
    assert job["actual"] > 0
    assert job["p50"] < job["p90"]

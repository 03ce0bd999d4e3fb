"""Estimate against actual: small runs of the proof press, some to learn from, the others to be foretold.

The claim: what a job takes is foretold from jobs before it, with a p90 that nine of ten stay below. Each job is a
runner of its own as SageMaker starts it, with a random handful of a sample campaign's items and its cold start. The
baselines see the same jobs: the rule of thumb where nothing was measured, and the mean seconds of an item. Every second
job is held out; `later_…` foretells the later half from the earlier, whatever else the machine did meanwhile.

    python benchmarks/estimate.py --runs 10 --json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.engine import machine

from pressrun.core import ids
from pressrun.core.codec import sha256_hex
from pressrun.core.cost import CostBasis, assumed
from pressrun.core.item import Item
from pressrun.core.job import JobRecord
from pressrun.core.observation import CostObservation, learn, observe
from pressrun.core.plan import RenderPlan
from pressrun.core.quoting import shard_plan
from pressrun.core.result import read_segment
from pressrun.core.shard import make_shard
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace

ROOT = Path(__file__).resolve().parents[1]
CAMPAIGNS = ("spring_sale", "daily_deals", "ad_variants")
DROP = "2026-11-10"
HELD_OUT = 2
"""Every second job is held out, so that those that are learnt from saw the same machine at the same load."""
JOB_TIMEOUT = 600


@dataclass(frozen=True)
class Done:
    """A job that was rendered: its items, and what it took from the order to the last picture."""

    items: tuple[Item, ...]
    seconds: float
    seen: tuple[CostObservation, ...]


def plan_of(ws: Workspace, campaign: str) -> RenderPlan:
    """A campaign's plan for the proof press, its input files staged."""
    sources = Sources(ws, campaign)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="bench-0123456789ab-abcdef", dag_id=ids.dag_id_of(campaign), run_id="bench",
        run_type="manual", conf={"press": "proof"}, drop=DROP, triggered_by="bench",
    )  # fmt: skip
    made, _ = make_plan(ws, sources, spec, request)
    sources.stage()
    return made


def run_job(ws: Workspace, plan: RenderPlan, items: Sequence[Item], number: int) -> Done:
    """Render the items in a runner of their own."""
    shard = make_shard(plan, items, plan_digest="0" * 64, phase="main", index=number, attempt=1)
    with tempfile.TemporaryDirectory(prefix="pressrun-bench-") as folder:
        base = Path(folder)
        data = shard.to_bytes()
        (base / "processing/input/shard").mkdir(parents=True)
        (base / "processing/input/shard/shard.json").write_bytes(data)
        for asset in shard.inputs:
            place = base / "processing/input/assets/assets" / asset.sha256
            place.mkdir(parents=True, exist_ok=True)
            (place / asset.name).write_bytes(ws.fetch(asset.uri))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PRESSRUN_", "COMFYUI_"))}
        record = JobRecord(
            run_key="bench", name=f"job-{number}", phase="main", index=number, attempt=1, quoted="q",
            item_ids=tuple(item.item_id for item in items), shard_sha256=sha256_hex(data),
            instance_type="ml.m5.xlarge", ordered_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pressrun.runner"], cwd=base, capture_output=True, text=True, check=False,
            timeout=JOB_TIMEOUT,
            env={**kept, "SAGEMAKER_BASE_DIR": folder, "PRESSRUN_SHARD_SHA256": record.shard_sha256,
                 "PRESSRUN_ENGINE": "proof"},
        )  # fmt: skip
        segments = sorted((base / "processing/output/results").glob("*.jsonl"))
        results = [line for path in segments for line in read_segment(path.read_bytes(), where=path.name)]
    if done.returncode or sum(result.outcome == "rendered" for result in results) != len(items):
        raise SystemExit(f"a job did not render its items:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    seen = observe(record, results, {item.item_id: item for item in items}, engine_class=plan.engine_class)
    return Done(tuple(items), seen[0].wall_seconds, tuple(seen))


def foretell(known: Sequence[Done], held: Sequence[Done], plan: RenderPlan) -> list[dict[str, float]]:
    """For each held-out job: seconds it took, and what was said of it."""
    observations = [seen for job in known for seen in job.seen]
    names = {item.workflow for item in plan.items}
    learnt = {
        name: learn([seen for seen in observations if seen.workflow == name], press="proof",
                    engine_class=plan.engine_class)
        for name in names
    }  # fmt: skip
    rule: dict[str, CostBasis] = dict.fromkeys(names, assumed("proof"))
    mean = sum(job.seconds for job in known) / sum(len(job.items) for job in known)
    found = []
    for job in held:
        said = shard_plan("main", 0, job.items, learnt)
        found.append(
            {
                "items": len(job.items), "actual": job.seconds, "p50": said.seconds, "p90": said.seconds_p90,
                "rule": shard_plan("main", 0, job.items, rule).seconds, "mean": mean * len(job.items),
            }
        )  # fmt: skip
    return found


def error(rows: Sequence[dict[str, float]], name: str) -> float:
    """Median of |foretold ÷ actual − 1|."""
    return statistics.median(abs(row[name] / row["actual"] - 1) for row in rows)


def measure(campaigns: Sequence[str], runs: int, seed: int) -> dict[str, Any]:
    """All runs, one after the other; campaigns in turns, so that a busy minute hits them alike."""
    chance = random.Random(seed)
    ws = memory_workspace(Settings.model_validate({"home": ROOT}))
    plans = {name: plan_of(ws, name) for name in campaigns}
    done: dict[str, list[Done]] = {name: [] for name in campaigns}
    for number in range(runs):
        for name, plan in plans.items():
            count = chance.randint(2, min(12, len(plan.items)))
            done[name].append(run_job(ws, plan, chance.sample(plan.items, count), number))
    rows: list[dict[str, float]] = []
    later: list[dict[str, float]] = []
    by_campaign = {}
    for name, jobs in done.items():
        held = [job for at, job in enumerate(jobs) if at % HELD_OUT == HELD_OUT - 1]
        own = foretell([job for job in jobs if job not in held], held, plans[name])
        rows += own
        by_campaign[name] = {"held_out": len(own), "p50_error": round(error(own, "p50"), 3)}
        half = len(jobs) // 2
        later += foretell(jobs[:half], jobs[half:], plans[name])
    actual = sum(row["actual"] for row in rows)
    return {
        "machine": machine(),
        "runs": runs * len(campaigns),
        "held_out": len(rows),
        "p50_error": round(error(rows, "p50"), 3),
        "p50_total_error": round(sum(row["p50"] for row in rows) / actual - 1, 3),
        "p90_coverage": round(sum(row["actual"] <= row["p90"] for row in rows) / len(rows), 3),
        "rule_error": round(error(rows, "rule"), 3),
        "mean_error": round(error(rows, "mean"), 3),
        "later_p50_error": round(error(later, "p50"), 3),
        "later_p90_coverage": round(sum(row["actual"] <= row["p90"] for row in later) / len(later), 3),
        "campaigns": by_campaign,
        "jobs": [{name: round(value, 2) for name, value in row.items()} for row in rows],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="jobs of each campaign; every second is held out")
    parser.add_argument("--campaigns", default=",".join(CAMPAIGNS), help="comma separated")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    found = measure(asked.campaigns.split(","), max(2, asked.runs), asked.seed)
    if asked.json:
        print(json.dumps(found))
        return 0
    print(f"{found['held_out']} of {found['runs']} proof jobs were held out, on {found['machine']}")
    print(
        f"expected seconds are off by {found['p50_error']:.1%} (median); all together {found['p50_total_error']:+.1%}"
    )
    print(f"{found['p90_coverage']:.0%} stayed below their p90")
    print(f"the later half from the earlier: off by {found['later_p50_error']:.1%}, this machine's changing load in it")
    print(f"the rule of thumb is off by {found['rule_error']:.1%}, the mean of an item by {found['mean_error']:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

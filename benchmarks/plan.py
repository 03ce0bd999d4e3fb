"""Planning a large campaign: every stage in columns, against the published playbook's loop over items.

The claim: 1,000,000 items (1,000 products × 50 locales × 4 variants × 5 sizes, four prompt templates, 50 translations)
are expanded, filled in, validated, keyed, priced, cut into shards and written at no more than 40 µs of CPU an item and
1.5 GB of memory, in proportion to their number; and the playbook's loop takes at least 35 times as long for the same
items, in the same minute of the same process.

    python benchmarks/plan.py --items 1000000 --json

`cpu_s` and `us_per_item` are CPU of the process for all stages, the checks of the prompt policy (`check`) and reading
the campaign (`read`) among them; the look-up of a million keys in the render index (`index`) is measured apart.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent))
from support.campaign import LOCALES, PER_PRODUCT, SIZES, VARIANTS, manifest, translations, write_campaign

from pressrun.core.bought_columns import BoughtColumns
from pressrun.core.large_plan import ITEMS_FILE, LargePlan
from pressrun.core.plan import WorkflowBundle
from pressrun.core.stopwatch import Stopwatch
from pressrun.settings import Settings
from pressrun.steps.expand import make_request
from pressrun.steps.large_plan import plan_large
from pressrun.steps.library import Library
from pressrun.steps.render_index import rendered_keys
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import memory_workspace

STAGES = ("expand", "template", "validate", "key", "price", "shard", "write", "check", "read")
SAMPLE = 200


def plan(home: Path, items: int, folder: Path, *, whole: bool = False) -> tuple[LargePlan, float, dict[str, float]]:
    """The plan, CPU seconds, and those by stage. `whole`: these are all items of the campaign, so there is no limit."""
    prices = {"ml.g5.xlarge": 1.41}  # any price will do: what is measured is the pricing
    ws = memory_workspace(Settings.model_validate({"home": home, "prices": prices}))
    start, watch = time.process_time(), Stopwatch()
    sources = Sources(ws, "scale")
    spec = sources.spec()
    conf = {"press": "final"} if whole else {"press": "final", "limit": items}
    request = make_request(
        ws.settings, spec, run_key="benchmark", dag_id="press_scale", run_id="benchmark", run_type="manual", conf=conf,
        drop="2026-11-20", triggered_by="benchmark",
    )  # fmt: skip
    made, gather = plan_large(ws, sources, spec, request, folder, watch=watch)
    took = time.process_time() - start
    errors = [str(finding) for finding in gather.findings if finding.severity == "error"]
    if errors or made.bill.planned != items:
        raise SystemExit(f"{made.bill.planned} of {items} items planned: {errors[:3]}")
    watch.seconds["read"] += took - sum(watch.seconds.values())
    return made, took, watch.seconds


class Playbook:
    """The playbook's loop: for each item fill in its prompts, validate, deep-copy the template, patch it, dump it.

    `validated` as published, with `jsonschema.validate()`, which compiles the schema every time; "compiled" with a
    validator that is made once; "none" without, to see the bare loop.
    """

    def __init__(self, home: Path, products: int) -> None:
        _, self.bundle, contract = Library(home / "include").loaded("hero")
        self.schema = dict(contract.validator.schema)
        self.compiled = jsonschema.Draft202012Validator(self.schema)
        self.defaults = contract.defaults
        self.rows = manifest(products)
        self.texts = {(key, locale): text for key, locale, text, _ in translations(products)}

    def contexts(self, count: int) -> list[tuple[dict[str, str], str, tuple[str, str], tuple[str, int, int]]]:
        chance = random.Random(20261120)
        axes = (self.rows, LOCALES, VARIANTS, SIZES)
        return [tuple(chance.choice(axis) for axis in axes) for _ in range(count)]  # type: ignore[misc]

    def one(
        self, row: dict[str, str], locale: str, variant: tuple[str, str], size: tuple[str, int, int], how: str
    ) -> bytes:
        params: dict[str, Any] = {
            **self.defaults,
            "scene": f"{row['setting']}, {variant[1]}, empty foreground, product photography, shallow depth of field",
            "negative": "text, letters, watermark, people, hands"
            + (", daylight" if variant[0] == "night" else "") + f", {row['avoid']}",
            "headline": self.texts.get((f"{row['sku']}.headline", locale)) or self.texts["headline", locale],
            "claim": f"{self.texts['claim', locale]}\n{self.texts['offer', locale]}",
            "width": size[1], "height": size[2], "steps": 28, "photo": row["photo"],
        }  # fmt: skip
        if how == "validated":
            jsonschema.validate(params, self.schema)
        elif how == "compiled":
            self.compiled.validate(params)
        graph = copy.deepcopy(self.bundle.graph)
        patch(graph, self.bundle, params | {"seed": random.Random(row["sku"] + variant[0]).getrandbits(32)})
        return json.dumps({"prompt": graph}).encode()

    def seconds(self, count: int, how: str) -> float:
        """CPU seconds an item."""
        chosen = self.contexts(count)
        start = time.process_time()
        for context in chosen:
            self.one(*context, how)
        return (time.process_time() - start) / count


def patch(graph: dict[str, Any], bundle: WorkflowBundle, params: dict[str, Any]) -> None:
    for name, targets in bundle.bindings.items():
        if name in params:
            for target in targets:
                graph[target.node]["inputs"][target.input] = params[name]


def index(home: Path, path: Path) -> dict[str, float]:
    """Seconds to list a render index of every second item's key, and to look all items up in it."""
    keys = pq.read_table(path, columns=["render_key"])["render_key"].to_pylist()
    ws = memory_workspace(Settings.model_validate({"home": home}))
    for key in keys[::2]:
        ws.work.create(f"renders/{key}.json", b"{}")
    start = time.process_time()
    known = rendered_keys(ws)
    listed = time.process_time()
    bought = BoughtColumns()
    bought.add_keys(keys)
    reused = bought.reused(known)
    done = time.process_time()
    if int(reused.sum()) != len(keys[::2]):
        raise SystemExit("the index does not hold what was put into it")
    return {"list": round(listed - start, 3), "look_up": round(done - listed, 3)}


def measure(items: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        home, products = Path(temporary), -(-items // PER_PRODUCT)
        write_campaign(home, "scale", products)
        small = max(min(items, 2000), items // 100)
        write_campaign(home / "few", "scale", -(-small // PER_PRODUCT))
        plan(home / "few", min(items, 1000), home / "warm")  # imports are paid once for a process
        _, small_cpu, _ = plan(home / "few", small, home / "small", whole=small % PER_PRODUCT == 0)
        made, cpu, stages = plan(home, items, home / "plan", whole=items % PER_PRODUCT == 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        loop = Playbook(home, products)
        sample = min(SAMPLE, items)
        took = {
            how: loop.seconds(sample * times, how) for how, times in (("validated", 1), ("compiled", 5), ("none", 5))
        }
        each = cpu / items
        size = sum(file.stat().st_size for file in (home / "plan").iterdir())
        return {
            "items": items,
            "cpu_s": round(cpu, 3),
            "peak_mb": round(peak, 1),
            "us_per_item": round(each * 1e6, 2),
            "vs_playbook": round(took["validated"] / each, 1),
            "vs_playbook_compiled": round(took["compiled"] / each, 1),
            "vs_playbook_unvalidated": round(took["none"] / each, 1),
            "us_per_item_playbook": {how: round(seconds * 1e6, 1) for how, seconds in took.items()},
            "linear": {
                "items": small,
                "us_per_item": round(small_cpu / small * 1e6, 2),
                "ratio": round(each / (small_cpu / small), 2),
            },
            "stages": {name: round(stages.get(name, 0.0), 3) for name in STAGES},
            "index": index(home, home / "plan" / ITEMS_FILE),
            "shards": made.bill.shards,
            "usd": made.bill.usd,
            "mb_written": round(size / 1e6, 1),
        }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(options.items)
    if options.json:
        print(orjson.dumps(report).decode())
        return 0
    few, apart = report["linear"], report["index"]
    print(f"{report['items']:,} items, {report['shards']} shards: {report['cpu_s']} s of CPU, {report['peak_mb']} MB")
    print(f"{report['us_per_item']} µs an item; of {few['items']:,} items {few['us_per_item']} µs")
    for name, seconds in report["stages"].items():
        print(f"  {name:9} {seconds:8.3f} s")
    print(f"index: listed in {apart['list']} s, looked up in {apart['look_up']} s (measured apart)")
    print(f"the playbook's loop takes {report['vs_playbook']} times as long")
    print(f"  with a validator compiled once {report['vs_playbook_compiled']} times")
    print(f"  without validation {report['vs_playbook_unvalidated']} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())

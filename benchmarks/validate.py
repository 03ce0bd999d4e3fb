"""Validating and binding one item: against the published playbook's loop, and against compiled jsonschema.

The claim: a verdict and a patched graph for each item at a tenth of the cost, or less, of a compiled `jsonschema`
validator and a deep copy — with the same verdict on every item. All three run on the same items, interleaved, in one
process; figures are medians over rounds.

    python benchmarks/validate.py --items 2000 --json
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from pressrun.core.binding import compile_graph
from pressrun.core.contract import Contract
from pressrun.core.plan import WorkflowBundle
from pressrun.steps.library import Library

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 7
Params = dict[str, Any]


def items(contract: Contract, count: int) -> list[Params]:
    """Parameter sets as a campaign makes them; one in twenty breaks a rule."""
    chance = random.Random(20261120)
    made = []
    for number in range(count):
        params = contract.complete(
            {
                "scene": f"an empty stone podium at sunrise, soft light, number {number}, product photography",
                "photo": f"{number:012x}-product.png",
                "overlay": f"{chance.randrange(40):012x}-overlay.png",
                "negative": chance.choice(["text, people", "watermark, hands, clutter", "Wörter, 文字, نص"]),
                "width": chance.choice([768, 1024, 576]),
                "height": chance.choice([768, 1024]),
                "steps": chance.randint(10, 50),
                "cfg": chance.choice([1.0, 4.5, 6.0, 7.5]),
            }
        )
        if number % 20 == 19:
            params |= chance.choice(
                [{"steps": 500}, {"width": 772}, {"negative": "x" * 401}, {"stepz": 3}, {"cfg": "7"}]
            )
        made.append(params)
    return made


class Ours:
    """pressrun.core: compiled validator, copy on write."""

    def __init__(self, bundle: WorkflowBundle, contract: Contract) -> None:
        self.bundle, self.is_valid = bundle, contract.validator.is_valid

    def one(self, params: Params) -> bool:
        if not self.is_valid(params):
            return False
        compile_graph(self.bundle, params=params, seed=7, inputs={}, filename_prefix="item")
        return True


class Compiled:
    """A `jsonschema` validator made once, a deep copy of the graph for each item, then the same patches."""

    def __init__(self, bundle: WorkflowBundle, contract: Contract) -> None:
        self.bundle = bundle
        self.validator = jsonschema.Draft202012Validator(dict(contract.validator.schema))

    def one(self, params: Params) -> bool:
        if not self.validator.is_valid(params):
            return False
        _patch(copy.deepcopy(self.bundle.graph), self.bundle, params)
        return True


class Playbook:
    """The playbook's own loop: `jsonschema.validate()` for each item, which checks and compiles the schema every time,
    then a deep copy of the template and patches into it."""

    def __init__(self, bundle: WorkflowBundle, contract: Contract) -> None:
        self.bundle, self.schema = bundle, dict(contract.validator.schema)

    def one(self, params: Params) -> bool:
        try:
            jsonschema.validate(params, self.schema)
        except jsonschema.ValidationError:
            return False
        _patch(copy.deepcopy(self.bundle.graph), self.bundle, params)
        return True


def _patch(graph: dict[str, Any], bundle: WorkflowBundle, params: Params) -> None:
    for name, targets in bundle.bindings.items():
        if name in params:
            for target in targets:
                graph[target.node]["inputs"][target.input] = params[name]


def measure(ways: dict[str, Callable[[Params], bool]], sets: list[Params]) -> tuple[dict[str, float], bool]:
    """Median seconds per item of each way, and whether all agree on every item."""
    slow = sets[: max(20, len(sets) // 20)]  # the playbook's loop takes milliseconds an item
    verdicts = {name: [way(params) for params in slow] for name, way in ways.items()}
    both = [[way(params) for params in sets] for name, way in ways.items() if name != "playbook"]
    same = all(found == verdicts["ours"] for found in verdicts.values()) and both[0] == both[1]
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            chosen = slow if name == "playbook" else sets
            start = time.perf_counter()
            for params in chosen:
                way(params)
            seconds[name].append((time.perf_counter() - start) / len(chosen))
    return {name: statistics.median(found) for name, found in seconds.items()}, same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    _, bundle, contract = Library(ROOT / "include").loaded("product_hero@1")
    sets = items(contract, options.items)
    ways = {kind.__name__.lower(): kind(bundle, contract).one for kind in (Ours, Compiled, Playbook)}
    took, same = measure(ways, sets)
    report = {
        "items": options.items,
        "verdicts_identical": same,
        "vs_playbook": round(took["playbook"] / took["ours"], 1),
        "vs_compiled": round(took["compiled"] / took["ours"], 1),
        "us_per_item": round(took["ours"] * 1e6, 2),
        "us_per_item_compiled": round(took["compiled"] * 1e6, 2),
        "us_per_item_playbook": round(took["playbook"] * 1e6, 2),
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(f"{options.items} items of {bundle.name}, medians of {ROUNDS} interleaved rounds")
        print(f"pressrun            {report['us_per_item']:9.2f} µs an item")
        print(f"compiled jsonschema {report['us_per_item_compiled']:9.2f} µs: {report['vs_compiled']} × as long")
        print(f"the playbook's loop {report['us_per_item_playbook']:9.2f} µs: {report['vs_playbook']} × as long")
        print(f"verdicts identical: {same}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

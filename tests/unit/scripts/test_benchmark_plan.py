"""The planning benchmark names its figures, and plans exactly the items that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.parametrize("items", [60, 1000])
def test_a_small_run_names_every_figure(load: Callable[[str], ModuleType], items: int) -> None:
    module = load("benchmarks/plan.py")
    found = module.measure(items)
    assert {"cpu_s", "peak_mb", "us_per_item", "vs_playbook", "stages"} <= found.keys()
    assert found["items"] == items
    assert set(found["stages"]) == set(module.STAGES)
    assert sum(found["stages"].values()) == pytest.approx(found["cpu_s"], abs=0.01)
    assert found["index"].keys() == {"list", "look_up"}


def test_the_playbooks_loop_and_ours_fill_in_the_same_texts(
    load: Callable[[str], ModuleType], tmp_path: object
) -> None:
    import json
    from pathlib import Path

    import pyarrow.parquet as pq

    module, home = load("benchmarks/plan.py"), Path(str(tmp_path))
    module.write_campaign(home, "scale", 10)
    module.plan(home, 10_000, home / "plan", whole=True)
    table = pq.read_table(home / "plan" / "items.parquet").to_pylist()
    ours = {(row["product"], row["locale"], row["variant"], row["size"]): row for row in table}
    loop = module.Playbook(home, 10)
    for row, locale, variant, size in loop.contexts(50):
        graph = json.loads(loop.one(row, locale, variant, size, "validated"))["prompt"]
        mine = ours[row["sku"], locale, variant[0], size[0]]
        for name in ("scene", "negative", "headline", "claim", "width", "height"):
            (target, *_) = loop.bundle.bindings[name]
            assert graph[target.node]["inputs"][target.input] == mine[f"params.{name}"]

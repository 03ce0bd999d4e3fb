"""The validation benchmark compares like with like: all three ways say the same of every item."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pressrun.steps.library import Library


def test_all_ways_agree_and_some_items_are_bad(
    load: Callable[[str], ModuleType], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("benchmarks/validate.py")
    monkeypatch.setattr(module, "ROUNDS", 1)
    _, bundle, contract = Library(repository / "include").loaded("product_hero@1")
    sets = module.items(contract, 60)
    ways = {
        kind.__name__.lower(): kind(bundle, contract).one for kind in (module.Ours, module.Compiled, module.Playbook)
    }
    took, same = module.measure(ways, sets)
    assert same
    assert all(seconds > 0 for seconds in took.values())
    assert [ways["ours"](params) for params in sets].count(False) == 3

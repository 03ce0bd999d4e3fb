"""Running graphs without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pressrun.proof.cache import ResultCache
from pressrun.proof.execution import Engine, Execution
from pressrun.proof.faults import Faults
from pressrun.proof.files import Folders
from pressrun.proof.nodeinfo import ModelNames
from pressrun.proof.queue import Item
from pressrun.proof.validation import validate

Run = Callable[[dict[str, Any]], Execution]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    for folder in (made.input, made.output, made.temp):
        folder.mkdir()
    return made


@pytest.fixture
def run(folders: Folders) -> Run:
    """Validate a graph (it must be valid) and run it to its end, whatever that is."""
    engine = Engine(folders, ResultCache(), Faults([]), lambda *_: None, lambda: False, lambda _: None)

    def start(graph: dict[str, Any]) -> Execution:
        verdict = validate(graph, folders, ModelNames())
        assert verdict.error is None, verdict
        assert verdict.node_errors == {}
        execution = Execution(engine, Item(0, "id", graph, {"client_id": "c"}, verdict.outputs))
        execution.run()
        return execution

    return start

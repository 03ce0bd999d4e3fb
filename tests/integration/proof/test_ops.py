"""`pressrun ops`: what it says of a server that is well, of one that is not, and of none."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pressrun.cli import app

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]
Start = Callable[..., Any]


def ops(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ops", *words])
    return result.exit_code, result.output


def test_a_server_that_is_well(press: Start) -> None:
    code, said = ops("healthcheck", "--url", f"http://127.0.0.1:{press().port}")
    assert code == 0, said
    for check in ("answers", "device", "nodes", "graph", "picture"):
        assert f"good {check}: " in said
    assert "is well" in said


def test_a_server_whose_nodes_raise(press: Start) -> None:
    code, said = ops("healthcheck", "--url", f"http://127.0.0.1:{press('--fault', 'error@1').port}")
    assert code == 1
    assert "bad  graph: error: " in said
    assert "picture" not in said
    assert "is not fit for work" in said


def test_no_server() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        code, said = ops("healthcheck", "--url", f"http://127.0.0.1:{probe.getsockname()[1]}")
    assert code == 1
    assert "bad  answers: " in said
    assert "is it up, and is this its port?" in said


def test_checkpoints_are_warmed_up_one_by_one(press: Start, tmp_path: Path) -> None:
    lock = tmp_path / "models.json"
    lock.write_text(json.dumps({"checkpoints": ["hero.safetensors"]}))
    url = f"http://127.0.0.1:{press('--models-lock', str(lock)).port}"
    code, said = ops("warmup", "hero.safetensors", "--url", url)
    assert code == 0, said
    assert "good hero.safetensors: " in said
    code, said = ops("warmup", "hero.safetensors", "another.safetensors", "--url", url)
    assert code == 1
    assert "good hero.safetensors: " in said
    assert "bad  another.safetensors: refused: " in said

"""The GPU check: each way it can go wrong is a sentence of its own, with what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pressrun.core.errors import SetupError
from pressrun.runner.gpu import Run, check_gpu

SMI = """Fri Nov 20 18:00:00 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver}.82.07              Driver Version: {driver}.82.07      CUDA Version: {cuda}     |
|-----------------------------------------+------------------------+----------------------+
"""


def machine(
    *, driver: int = 570, cuda: str = "12.8", built: str | None = "12.8", works: bool = True, with_compat: bool = False
) -> tuple[Run, list[Mapping[str, str]]]:
    """A machine with this driver, and an image whose torch is built for CUDA `built`."""
    asked: list[Mapping[str, str]] = []

    def run(command: Sequence[str], extra: Mapping[str, str]) -> tuple[int, str]:
        if command[0] == "nvidia-smi":
            return 0, SMI.format(driver=driver, cuda=cuda)
        asked.append(extra)
        available = works or (with_compat and "LD_LIBRARY_PATH" in extra)
        devices = ["NVIDIA A10G"] if available else []
        found = {"torch": "2.9.1", "cuda": built, "available": available, "devices": devices}
        return 0, "a warning\n" + json.dumps(found) + "\n"

    return run, asked


def test_a_machine_that_fits_needs_nothing(tmp_path: Path) -> None:
    run, asked = machine()
    found = check_gpu("python", run=run, compat=tmp_path)
    assert (found.devices, found.compat, found.environ(), len(asked)) == (("NVIDIA A10G",), False, {}, 1)


def test_compatibility_libraries_are_used_only_where_torch_needs_them(tmp_path: Path) -> None:
    run, asked = machine(driver=470, cuda="11.4", works=False, with_compat=True)
    found = check_gpu("python", run=run, compat=tmp_path)
    assert found.compat
    assert asked == [{}, {"LD_LIBRARY_PATH": str(tmp_path)}]
    assert found.environ()["LD_LIBRARY_PATH"].startswith("/usr/local/cuda/compat")


@pytest.mark.parametrize(("built", "needed"), [("12.8", "needs 525"), ("13.0", "needs 580")])
def test_an_old_driver_is_named_with_the_one_that_would_do(tmp_path: Path, built: str, needed: str) -> None:
    run, _ = machine(driver=470, cuda="11.4", built=built, works=False)
    with pytest.raises(SetupError, match=f"driver 470 is too old for CUDA {built}.*{needed}.*TORCH_INDEX"):
        check_gpu("python", run=run, compat=tmp_path / "absent")


def test_what_else_can_be_wrong_is_told_apart(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(SetupError, match="built for CPU"):
        check_gpu("python", run=machine(built=None, works=False)[0], compat=absent)
    with pytest.raises(SetupError, match="although the driver is new enough"):
        check_gpu("python", run=machine(works=False)[0], compat=absent)
    with pytest.raises(SetupError, match="no NVIDIA driver"):
        check_gpu("python", run=lambda *_: (127, "nvidia-smi: not found"), compat=absent)

    def without_torch(command: Sequence[str], extra: Mapping[str, str]) -> tuple[int, str]:
        return (0, SMI) if command[0] == "nvidia-smi" else (1, "ModuleNotFoundError: No module named 'torch'")

    with pytest.raises(SetupError, match="No module named 'torch'"):
        check_gpu("python", run=without_torch, compat=absent)


def test_the_real_calls_end_with_a_sentence_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="instance_type"):
        check_gpu(sys.executable)

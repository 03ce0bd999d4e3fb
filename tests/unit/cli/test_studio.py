"""The studio ends together with its ComfyUI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pressrun.cli.studio import run_to_end
from pressrun.core.errors import SetupError

SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_the_studio_ends_its_program(told: signal.Signals, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pressrun.cli.studio import run_to_end; "
        f"sys.exit(run_to_end([sys.executable, '-c', {SLEEP!r}], Path({str(tmp_path)!r})))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as studio:
        assert studio.stdout is not None
        child = int(studio.stdout.readline())
        studio.send_signal(told)
        assert studio.wait(120) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_program_that_ends_by_itself_tells_its_code(tmp_path: Path) -> None:
    assert run_to_end([sys.executable, "-c", "raise SystemExit(3)"], tmp_path) == 3


def test_a_program_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be started") as told:
        run_to_end([str(tmp_path / "no-python")], tmp_path)
    assert told.value.remedy == "set COMFYUI_PYTHON"

"""A real ComfyUI for the demo: the one that COMFYUI_HOME names, else the image's own, fetched once and kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pressrun.comfy.identity import comfyui_class
from pressrun.core.errors import SetupError
from pressrun.steps.studio import pinned_comfyui

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
TORCH = ("torch", "torchvision", "torchaudio")
HOURS = 2 * 3600.0
_ARGUMENT = re.compile(r"^ARG ([A-Z_]+)=(\S+)$", re.MULTILINE)

Say = Callable[[str], None]


def comfyui_variables(project: Path, *, say: Say, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that make finals be drawn by a real ComfyUI on this machine.

    SetupError where the one that COMFYUI_HOME names cannot run, or none is named and none can be fetched.
    """
    source = os.environ if environ is None else environ
    if named := source.get("COMFYUI_HOME"):
        home, python = Path(named).resolve(), source.get("COMFYUI_PYTHON") or _python_of(Path(named).resolve())
        say(f"ComfyUI: {comfyui_class(home)} in {home}")
    else:
        home, python = fetched(project, say=say)
    if _run([python, "-c", "import torch"], cwd=home):
        raise SetupError(
            "this Python has no torch, which ComfyUI needs",
            where=python,
            remedy="set COMFYUI_PYTHON to the one that has",
        )
    return {"PRESSRUN_FINAL_ENGINE": "comfyui", "COMFYUI_HOME": str(home), "COMFYUI_PYTHON": python}


def fetched(project: Path, *, say: Say, repository: str | None = None, wheels: str = CPU_WHEELS) -> tuple[Path, str]:
    """(home, Python) of the pinned ComfyUI below .pressrun/comfyui, from the internet the first time."""
    container = project / "container"
    pinned = pinned_comfyui(container / "Dockerfile")
    arguments = dict(_ARGUMENT.findall((container / "Dockerfile").read_text(encoding="utf-8")))
    place = project / ".pressrun" / "comfyui" / pinned.commit[:12]
    home, python, done = place / "src", str(place / "venv" / "bin" / "python"), place / "COMPLETE"
    if done.is_file():
        say(f"ComfyUI {pinned.tag} is in {place}")
        return home, python
    shutil.rmtree(place, ignore_errors=True)  # an earlier attempt that did not end
    place.mkdir(parents=True)
    address = repository or arguments["COMFYUI_REPOSITORY"]
    say(f"Fetching ComfyUI {pinned.tag} from {address} …")
    fetch = ["sh", str(container / "fetch_commit"), address, pinned.commit, str(home)]
    _step(fetch, "ComfyUI cannot be fetched", where=address, cwd=place)
    (home / "COMMIT").write_text(pinned.commit + "\n", encoding="ascii")
    say("Installing what it needs, for the CPU: about 1.5 GB, once …")
    _step([sys.executable, "-m", "venv", str(place / "venv")], "there is no environment for ComfyUI", where=str(place))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    torch = [f"{name}=={arguments[name.upper() + '_VERSION']}" for name in TORCH]
    _step([*pip, "--index-url", wheels, *torch], "torch cannot be installed", where=wheels)
    lock = container / "comfyui.lock"
    locked = [*pip, "--no-deps", "--require-hashes", "--requirement", str(lock)]
    _step(locked, "ComfyUI's packages cannot be installed", where=str(lock))
    done.touch()
    return home, python


def _python_of(home: Path) -> str:
    """The Python that an installation by hand usually has beside it; else this one."""
    usual = (home / folder / "bin" / "python" for folder in ("venv", ".venv"))
    return str(next((path for path in usual if path.is_file()), sys.executable))


def _step(command: Sequence[str], failure: str, *, where: str, cwd: Path | None = None) -> None:
    if why := _run(command, cwd=cwd):
        raise SetupError(
            f"{failure}: {why}", where=where,
            remedy="this needs the internet, once; or set COMFYUI_HOME to a ComfyUI that is on this machine",
        )  # fmt: skip


def _run(command: Sequence[str], *, cwd: Path | None = None) -> str:
    """Empty where it went well, else the last line of what it said."""
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=HOURS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return said[-1] if said else f"exit {done.returncode}"

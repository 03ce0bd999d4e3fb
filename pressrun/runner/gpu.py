"""The GPU, before anything is loaded: what the driver is, whether torch can use it, and if not, why in one sentence.

SageMaker does not say which driver a Processing host has. CUDA's own rule is: a driver serves every CUDA release of
its major version and all older ones; for a newer major version the image brings forward-compatibility libraries,
which work on data-centre GPUs only, and which break a host that is newer than they are. So they are tried, not assumed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressrun.core.errors import SetupError

COMPAT_LIBRARIES = Path("/usr/local/cuda/compat")
# The first driver of each CUDA release line, from NVIDIA's compatibility table.
_DRIVERS = {11: 450, 12: 525, 13: 580}
_PROBE = (
    "import json,torch;a=torch.cuda.is_available();"
    "print(json.dumps({'torch':torch.__version__,'cuda':torch.version.cuda,'available':a,"
    "'devices':[torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if a else []}))"
)
_VERSIONS = re.compile(r"Driver Version:\s*(?P<driver>\d+)[\d.]*.*?CUDA Version:\s*(?P<cuda>[\d.]+)", re.DOTALL)

Run = Callable[[Sequence[str], Mapping[str, str]], tuple[int, str]]


@dataclass(frozen=True, slots=True)
class GpuReport:
    """What was found. `compat` True: torch needs the forward-compatibility libraries on this host."""

    smi: str
    torch: str
    cuda: str
    devices: tuple[str, ...]
    compat: bool

    def environ(self) -> dict[str, str]:
        """Variables that engines need beside this process's own."""
        if not self.compat:
            return {}
        others = os.environ.get("LD_LIBRARY_PATH", "")
        return {"LD_LIBRARY_PATH": os.pathsep.join(part for part in (str(COMPAT_LIBRARIES), others) if part)}


def check_gpu(python: str, *, run: Run | None = None, compat: Path = COMPAT_LIBRARIES) -> GpuReport:
    """Look at the GPUs through nvidia-smi and the torch of ComfyUI's Python. SetupError where they cannot be used."""
    call = run or _run
    code, smi = call(["nvidia-smi"], {})
    if code != 0:
        raise SetupError(
            "this machine has no NVIDIA driver, or the container cannot see it", where=f"nvidia-smi: {_last(smi)}",
            remedy="choose a GPU instance type (ml.g5, ml.g6 …) in the campaign's job.instance_type; with docker, "
            "run with --gpus all",
        )  # fmt: skip
    first = _torch(call, python, {})
    if first.get("available"):
        return _report(smi, first, compat=False)
    if compat.is_dir():
        second = _torch(call, python, {"LD_LIBRARY_PATH": str(compat)})
        if second.get("available"):
            return _report(smi, second, compat=True)
    raise _too_old(smi, first, compat)


def _report(smi: str, found: Mapping[str, Any], *, compat: bool) -> GpuReport:
    return GpuReport(smi, str(found["torch"]), str(found["cuda"]), tuple(map(str, found["devices"])), compat)


def _torch(call: Run, python: str, extra: Mapping[str, str]) -> dict[str, Any]:
    code, text = call([python, "-W", "ignore", "-c", _PROBE], extra)
    line = next((line for line in reversed(text.splitlines()) if line.startswith("{")), "")
    if code != 0 or not line:
        raise SetupError(
            f"torch cannot be imported: {_last(text)}", where=python,
            remedy="the image is not built as container/Dockerfile says",
        )  # fmt: skip
    found: dict[str, Any] = json.loads(line)
    return found


def _too_old(smi: str, torch: Mapping[str, Any], compat: Path) -> SetupError:
    cuda = str(torch.get("cuda") or "")
    if not cuda:
        return SetupError(
            f"torch {torch.get('torch')} is built for CPU", where="torch.cuda.is_available() is false",
            remedy="build the image with TORCH_INDEX of a CUDA release, for example …/whl/cu128",
        )  # fmt: skip
    match = _VERSIONS.search(smi)
    driver = int(match["driver"]) if match else 0
    needed = _DRIVERS.get(int(cuda.partition(".")[0]), 0)
    if match and driver < needed:
        tried = "; the compatibility libraries did not help" if compat.is_dir() else ""
        return SetupError(
            f"the host's driver {driver} is too old for CUDA {cuda} of torch {torch.get('torch')}, which needs "
            f"{needed} or newer{tried}",
            where=f"nvidia-smi: driver {driver}, CUDA {match['cuda']}",
            remedy="build the image with an older TORCH_INDEX and BASE_IMAGE (cu126 needs driver 525), or choose a "
            "newer instance type",
        )  # fmt: skip
    return SetupError(
        f"torch {torch.get('torch')} (CUDA {cuda}) cannot use the GPU although the driver is new enough",
        where=f"nvidia-smi: driver {driver or 'unknown'}",
        remedy="is another process holding it, or is this GPU too old or too new for that torch?",
    )


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"


def _run(command: Sequence[str], extra: Mapping[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, env={**os.environ, **extra}, capture_output=True, text=True, check=False, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return 127, str(exc)
    return done.returncode, done.stdout + done.stderr

"""What the machine has to compute with, as the driver says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def gpu_count() -> int:
    """GPUs that the driver lists; 0 where there is no driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0


def has_accelerator() -> bool:
    """Whether a workstation's ComfyUI finds something faster than the CPU: an NVIDIA or AMD GPU, or a Mac's own.

    Without one it ends at once with a traceback, unless it is told so.
    """
    return sys.platform == "darwin" or Path("/dev/kfd").exists() or gpu_count() > 0

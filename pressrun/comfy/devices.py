"""What the machine has to compute with, as the driver says."""

from __future__ import annotations

import subprocess


def gpu_count() -> int:
    """GPUs that the driver lists; 0 where there is no driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0

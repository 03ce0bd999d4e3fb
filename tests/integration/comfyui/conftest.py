"""A real ComfyUI: these tests run where COMFYUI_HOME (and COMFYUI_PYTHON, if it has one of its own) names it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from embedded_s3 import s3_url

__all__ = ["s3_url"]

TESTS = Path(__file__).parents[2]
for folder in ("unit/runner", "integration/runner", "integration/comfyui"):
    sys.path.insert(0, str(TESTS / folder))


@pytest.fixture(autouse=True)
def comfyui_home() -> Path:
    """The real ComfyUI's folder; the test is skipped where there is none."""
    home = os.environ.get("COMFYUI_HOME")
    if not home:
        pytest.skip("there is no real ComfyUI: COMFYUI_HOME is not set")
    return Path(home)

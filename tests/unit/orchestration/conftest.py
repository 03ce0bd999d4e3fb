"""Lets these tests share their own fakes and the job builder of the steps' tests."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "steps")]

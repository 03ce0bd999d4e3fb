"""Lets the tests of steps share `factories`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

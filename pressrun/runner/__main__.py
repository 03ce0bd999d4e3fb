"""`python -m pressrun.runner`: render the shard in SAGEMAKER_BASE_DIR and end with a code and a sentence."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path

from pressrun.core.errors import EngineError, InputError, SetupError
from pressrun.runner.config import read_config
from pressrun.runner.desk import log
from pressrun.runner.exit_codes import ExitCode
from pressrun.runner.places import Places
from pressrun.runner.press import Report, press
from pressrun.runner.privileges import VARIABLE, give_up_root

MESSAGE_LIMIT = 1024


def run() -> Report:
    """Render and say how it ended; no exception leaves."""
    try:
        if user := os.environ.get(VARIABLE):
            give_up_root(_places(), user)
        return asyncio.run(press(read_config()))
    except InputError as exc:
        return Report(ExitCode.BAD_INPUT, str(exc))
    except (SetupError, EngineError) as exc:
        return Report(ExitCode.ENGINE_UNAVAILABLE, str(exc))
    except Exception as exc:  # the exit message must name whatever it was
        traceback.print_exc()
        return Report(ExitCode.BUG, f"{type(exc).__name__}: {exc}")


def write_message(path: Path, text: str) -> None:
    """Write the exit message: at most 1 KB of UTF-8, never cut inside a character."""
    data = text.encode()[:MESSAGE_LIMIT].decode(errors="ignore").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> int:
    report = run()
    log(f"{report.message} (exit {int(report.code)})")
    write_message(_places().message, report.message)
    return int(report.code)


def _places() -> Places:
    return Places(Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))


if __name__ == "__main__":
    sys.exit(main())

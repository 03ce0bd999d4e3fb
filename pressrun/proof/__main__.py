"""`python -m pressrun.proof`: start a proof press with ComfyUI's own flags. Ready when GET /system_stats answers."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import uvicorn

from pressrun.core.errors import PressrunError
from pressrun.proof.app import create_app
from pressrun.proof.nodeinfo import ModelNames
from pressrun.proof.press import Options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pressrun.proof", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1", help="address to bind; there is no authentication")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--input-directory", type=Path, required=True)
    parser.add_argument("--output-directory", type=Path, required=True)
    parser.add_argument("--temp-directory", type=Path, help="where previews go; default: a folder of its own")
    parser.add_argument("--models-lock", type=Path, help="JSON {folder: [names]}; without it every plain name is valid")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what a prompt takes at least, as on a GPU")
    parser.add_argument("--fault", action="append", default=[], help="for tests: exit@3, oom@2, slow@1:500, …")
    parser.add_argument("--fault-ledger", type=Path, help="each fault fires once for all servers sharing this folder")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal. Flags of the real server that mean nothing here are accepted and ignored."""
    given = sys.argv[1:] if arguments is None else arguments
    known, _ignored = _parser().parse_known_args(given)
    try:
        options = Options(
            input=known.input_directory,
            output=known.output_directory,
            # Only made when a preview is saved: a server that is killed leaves nothing behind.
            temp=known.temp_directory or Path(tempfile.gettempdir()) / f"proof-press-{os.getpid()}",
            latency=known.latency_ms / 1000,
            faults=tuple(known.fault),
            fault_ledger=known.fault_ledger,
            models=ModelNames.from_lock(known.models_lock) if known.models_lock else ModelNames(),
            arguments=tuple(given),
        )
        app = create_app(options)
    except PressrunError as exc:
        print(f"proof press: {exc}", file=sys.stderr)
        return 2
    uvicorn.run(
        app,
        host=known.listen,
        port=known.port,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=2**31,
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

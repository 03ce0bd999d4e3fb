"""`python -m pressrun.local.sagemaker --root DIR --s3 URL [--port N] [--quota ml.g5.xlarge=4] [--lenient]`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pressrun.core.errors import SetupError
from pressrun.local.sagemaker.config import EndpointConfig, ImageRegistry
from pressrun.local.sagemaker.server import SageMakerEndpoint


def _quota(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: write TYPE=NUMBER, for example ml.g5.xlarge=4 or total=20")
    return name, int(number)


def parse(argv: Sequence[str] | None = None) -> EndpointConfig:
    """The configuration that a command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m pressrun.local.sagemaker", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="where jobs and their state are kept")
    parser.add_argument("--s3", required=True, help="URL of the S3 endpoint")
    parser.add_argument("--port", type=int, default=14580)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--images", type=Path, help="JSON file: image name pattern to entrypoint, env, cwd")
    parser.add_argument("--quota", type=_quota, action="append", default=[], metavar="TYPE=N", help="or total=N")
    parser.add_argument("--grace", type=float, default=120.0, help="seconds between SIGTERM and SIGKILL")
    parser.add_argument("--sweep", type=float, default=1.0, help="seconds between Continuous uploads")
    parser.add_argument("--lenient", action="store_true", help="upload outputs after a failure, too")
    parser.add_argument("--timeout-status", choices=("Failed", "Stopped"), default="Failed")
    options = parser.parse_args(argv)
    return EndpointConfig(
        root=options.root,
        s3_endpoint=options.s3,
        port=options.port,
        region=options.region,
        images=ImageRegistry.load(options.images) if options.images else ImageRegistry.default(),
        quotas=dict(options.quota),
        grace=options.grace,
        sweep=options.sweep,
        upload_on_failure=options.lenient,
        timeout_status=options.timeout_status,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then end the jobs that run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        endpoint = SageMakerEndpoint(parse(argv)).start()
    except SetupError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    sys.stdout.write(f"export AWS_ENDPOINT_URL_SAGEMAKER={endpoint.url}\n")
    sys.stdout.write(f"export AWS_ENDPOINT_URL_CLOUDWATCH_LOGS={endpoint.url}\n")
    sys.stdout.flush()
    ended.wait()
    endpoint.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

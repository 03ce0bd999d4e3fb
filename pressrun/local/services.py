"""What the supervisor is told to run: a service is a command, its environment, and how to see that it is ready."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pressrun.local.paths import LocalPaths

LOOPBACK = "127.0.0.1"
_NOT_INHERITED = ("AWS_", "AIRFLOW", "PYTHON", "VIRTUAL_ENV", "MINISTACK")


@dataclass(frozen=True)
class Service:
    """One component. It starts when all it `needs` are ready, and is ready when `ready_url` answers below 500.

    Without `ready_url` it is ready as soon as it runs. A `once` service must end with code 0 and is ready then.
    `stage` orders the end: high stages are stopped first, all services of a stage together, each with `grace` seconds
    between SIGTERM and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    ready_url: str | None = None
    port: int | None = None
    needs: tuple[str, ...] = ()
    once: bool = False
    stage: int = 0
    grace: float = 10.0


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A person's environment without what would point a component at another AWS account, Airflow or Python."""
    source = os.environ if environ is None else environ
    kept = {key: value for key, value in source.items() if not key.startswith(_NOT_INHERITED)}
    around = [kept[name] for name in ("NO_PROXY", "no_proxy") if kept.get(name)]
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join([*around[:1], LOOPBACK, "localhost"])
    return kept


def s3_service(paths: LocalPaths, port: int) -> Service:
    """The S3 endpoint: loopback only, objects on disk."""
    settings = {
        "BIND_HOST": LOOPBACK,  # its default is every interface
        "GATEWAY_PORT": str(port),
        "SERVICES": "s3",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(paths.s3 / "objects"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(paths.s3 / "state"),
        "TMPDIR": str(paths.s3),
        "MINISTACK_ACCOUNT_ID": "123456789012",
        "LOG_LEVEL": "WARNING",
    }
    return Service(
        name="s3",
        command=(str(paths.s3_command),),
        env=clean_environment() | settings,
        cwd=str(paths.s3),
        ready_url=f"http://{LOOPBACK}:{port}/",
        port=port,
        stage=0,
    )


def sagemaker_service(
    paths: LocalPaths, port: int, s3_url: str, *, quotas: Mapping[str, int] | None = None, images: Path | None = None
) -> Service:
    """The SageMaker endpoint, strict. Jobs get Pressrun's code from PYTHONPATH and keep the project as their home."""
    command: list[str] = [sys.executable, "-m", "pressrun.local.sagemaker", "--root", str(paths.sagemaker)]
    command += ["--port", str(port), "--s3", s3_url, "--grace", "10"]
    for kind, number in (quotas or {}).items():
        command += ["--quota", f"{kind}={number}"]
    if images is not None:
        command += ["--images", str(images)]
    return Service(
        name="sagemaker",
        command=tuple(command),
        env=clean_environment() | {"PYTHONPATH": str(paths.project), "PYTHONUNBUFFERED": "1"},
        cwd=str(paths.project),
        ready_url=f"http://{LOOPBACK}:{port}/",
        port=port,
        stage=1,
        grace=20.0,
    )


@dataclass(frozen=True)
class Plan:
    """All services of a press, in the order in which they are started."""

    services: tuple[Service, ...] = field(default_factory=tuple)

    def write(self, path: Path) -> None:
        """Write for the supervisor; environments carry keys, so for the owner's eyes only."""
        text = json.dumps([asdict(service) for service in self.services])
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        items: Sequence[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
        return cls(tuple(_service(item) for item in items))


def _service(item: dict[str, object]) -> Service:
    tuples = {key: tuple(value) for key, value in item.items() if isinstance(value, list)}
    return Service(**{**item, **tuples})  # type: ignore[arg-type]  # written by `write` from the same fields

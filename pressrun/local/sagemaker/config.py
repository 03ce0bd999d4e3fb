"""What the endpoint is told when it starts: where it keeps state, how strict it is, and what an image name means."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pressrun.core.errors import SetupError
from pressrun.local.sagemaker.errors import JobFailedError

TOTAL_QUOTA = "total"
"""Key in `EndpointConfig.quotas` that limits instances over all types together."""


ENGINE_VARIABLES = ("COMFYUI_HOME", "COMFYUI_PYTHON")
"""What the real image has in its own environment: where its ComfyUI is, and which Python runs it."""


@dataclass(frozen=True)
class Image:
    """What a container image would bring: a default entrypoint, environment and working directory.

    `cwd` None means the job's own /opt/ml directory.
    """

    entrypoint: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True)
class ImageRegistry:
    """Image name patterns (shell style, first match wins) to what runs.

    A pattern is compared with the whole `ImageUri` and with its last path part, so `pressrun*` matches
    `123456789012.dkr.ecr.eu-west-1.amazonaws.com/pressrun:1.2`.
    """

    images: Mapping[str, Image]

    @classmethod
    def default(cls) -> ImageRegistry:
        """Every image named `pressrun…` runs this environment's own runner, with this machine's ComfyUI if any."""
        comfyui = {name: os.environ[name] for name in ENGINE_VARIABLES if os.environ.get(name)}
        return cls({"pressrun*": Image((sys.executable, "-m", "pressrun.runner"), comfyui)})

    @classmethod
    def load(cls, path: Path) -> ImageRegistry:
        """Read `{"pattern": {"entrypoint": [...], "env": {...}, "cwd": "..."}}`; the default registry follows."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            images = {
                pattern: Image(
                    tuple(str(part) for part in item["entrypoint"]),
                    {str(key): str(value) for key, value in item.get("env", {}).items()},
                    Path(item["cwd"]) if item.get("cwd") else None,
                )
                for pattern, item in document.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SetupError(
                f"the image registry cannot be read: {exc!r}",
                where=str(path),
                remedy='write {"pattern": {"entrypoint": ["python", "-m", "…"]}}',
            ) from exc
        return cls(images | {name: kept for name, kept in cls.default().images.items() if name not in images})

    def find(self, uri: str) -> Image:
        """The image of that name; JobFailedError, as a failed pull, if there is none."""
        last = uri.rsplit("/", 1)[-1]
        for pattern, image in self.images.items():
            if fnmatch.fnmatchcase(uri, pattern) or fnmatch.fnmatchcase(last, pattern):
                return image
        raise JobFailedError(
            f"ClientError: Cannot find the requested image {uri}. Please ensure that the image exists."
        )


@dataclass(frozen=True)
class EndpointConfig:
    """Settings of one endpoint. Seconds unless said otherwise.

    `upload_on_failure` False is strict mode, the default: EndOfJob outputs go up only when the job completed, and when
    a container died of a signal nothing more goes up at all. `timeout_status` is what MaxRuntime ends a job as; AWS
    documents neither. `quotas` limits running instances by instance type, and by `TOTAL_QUOTA` over all types.
    """

    root: Path
    s3_endpoint: str
    port: int = 0
    region: str = "us-east-1"
    account: str = "123456789012"
    images: ImageRegistry = field(default_factory=ImageRegistry.default)
    grace: float = 120.0
    sweep: float = 1.0
    quotas: Mapping[str, int] = field(default_factory=dict)
    upload_on_failure: bool = False
    timeout_status: Literal["Failed", "Stopped"] = "Failed"
    keep_files: bool = True
    max_body_bytes: int = 2 * 1024 * 1024
    access_key: str = "pressrun-local"
    secret_key: str = "pressrun-local"  # noqa: S105 - a loopback endpoint has no secret; clients insist on sending one
    inherit: tuple[str, ...] = (
        "PATH",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
        "VIRTUAL_ENV",
        "PYTHONPATH",
    )
    """Variables of the endpoint's own environment that a job may see. Never credentials: a container has none."""

    def container_environment(self) -> dict[str, str]:
        """The hermetic base environment of a job, before the image's and the request's variables."""
        kept = {name: os.environ[name] for name in self.inherit if name in os.environ}
        return {**kept, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, "PYTHONUNBUFFERED": "1"}

"""One container of a job as a local process: its files, environment, command, and how it is ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pressrun.local import processes
from pressrun.local.sagemaker.config import EndpointConfig
from pressrun.local.sagemaker.errors import JobFailedError
from pressrun.local.sagemaker.record import JobRecord

BASE_VARIABLE = "SAGEMAKER_BASE_DIR"
"""AWS's own name for where /opt/ml is; set for every job, so it also marks all processes of a container."""
_CONTAINER_PATH = re.compile(r"(^|=|:|,)/opt/ml(?=/|$)")


def rebase(text: str, base: Path) -> str:
    """Container paths in an argument or a variable become paths of this machine."""
    return _CONTAINER_PATH.sub(lambda match: f"{match.group(1)}{base}", text)


def write_config(record: JobRecord, host: str) -> None:
    """Write resourceconfig.json and processingjobconfig.json, and the directories that exist before the entrypoint."""
    base = record.base(host)
    for part in ("config", "output", "processing"):
        (base / part).mkdir(parents=True, exist_ok=True)
    resources = {
        "current_host": host,
        "hosts": record.hosts,
        "current_instance_type": record.instance_type,
        "current_group_name": "homogeneousCluster",
        "network_interface_name": "lo",
    }
    (base / "config/resourceconfig.json").write_text(json.dumps(resources), encoding="utf-8")
    request = {key: value for key, value in record.request.items() if key != "Tags"}
    request["ProcessingJobArn"] = record.arn
    (base / "config/processingjobconfig.json").write_text(json.dumps(request), encoding="utf-8")


def command(record: JobRecord, config: EndpointConfig, base: Path) -> tuple[list[str], dict[str, str], Path]:
    """(argv, environment, working directory) of a container, from the image and the request."""
    app: dict[str, Any] = record.request["AppSpecification"]
    image = config.images.find(app["ImageUri"])
    argv = [*(app.get("ContainerEntrypoint") or image.entrypoint), *(app.get("ContainerArguments") or [])]
    if argv[0] in ("python", "python3"):
        argv[0] = sys.executable  # the image's Python is ours
    requested: dict[str, str] = record.request.get("Environment") or {}
    env = {
        **config.container_environment(),
        **image.env,
        **{name: rebase(value, base) for name, value in requested.items()},
        "HOME": str(base.parent),  # a person's dot files (credentials among them) are not in a container
        BASE_VARIABLE: str(base),
    }
    return [rebase(part, base) for part in argv], env, image.cwd or base


class HostProcess:
    """A started container. It leads its own session and process group, so the whole of it can be ended."""

    def __init__(self, record: JobRecord, config: EndpointConfig, host: str) -> None:
        self.host, self._base, self._log = host, record.base(host), record.log(host)
        self._clock = self._log.with_suffix(".times")
        self._logged = 0
        argv, env, cwd = command(record, config, self._base)
        with self._log.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    argv,
                    env=env,
                    cwd=cwd,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as exc:
                raise JobFailedError(f"ClientError: Please use an appropriate entrypoint: {exc}") from exc
        self.pid = self._popen.pid
        (record.home / f"{host}.pid").write_text(str(self.pid), encoding="ascii")
        record.pids[host] = {"pid": self.pid, "stamp": processes.stamp(self.pid)}
        record.save()

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._popen.poll()

    def poll(self) -> int | None:
        """The exit code, as `exit_code`; also notes when log lines came. Call it from one thread only."""
        code = self._popen.poll()
        self._note_log_time()
        return code

    def _note_log_time(self) -> None:
        # The container writes straight to the file, so that no reader of ours can hold it up or lose its last words;
        # the times that GetLogEvents needs are noted beside it.
        size = self._log.stat().st_size
        if size > self._logged:
            self._logged = size
            with self._clock.open("a", encoding="ascii") as clock:
                clock.write(f"{size} {int(time.time() * 1000)}\n")

    def terminate(self) -> None:
        """SIGTERM to the container's process group, as `docker stop` does to its first process."""
        processes.signal_group(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to everything that ever belonged to the container."""
        end_container(self.pid, self._base)
        self._popen.wait()
        self._note_log_time()

    def close(self) -> None:
        """End stragglers after the first process ended: a container dies with it."""
        if self._popen.poll() is not None:
            end_container(None, self._base)


def end_container(pgid: int | None, base: Path) -> None:
    """SIGKILL a container's group and whatever left the group but carries its base directory in the environment."""
    if pgid is not None and pgid != os.getpgrp():
        processes.signal_group(pgid, signal.SIGKILL)
    processes.end_marked(BASE_VARIABLE, str(base))

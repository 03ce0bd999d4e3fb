"""What is kept of a job on disk, so that an endpoint that comes back knows it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
_SUMMARY = (
    "ProcessingJobStatus",
    "CreationTime",
    "LastModifiedTime",
    "ProcessingEndTime",
    "FailureReason",
    "ExitMessage",
)


class JobRecord:
    """The request, the state, the tags and the process ids of one job: `{root}/jobs/{name}/job.json`.

    `pids` maps a host ("algo-1") to `{"pid": int, "stamp": str}`; the pid is also that process's group. It is there so
    that a person, a fault test or the next endpoint finds the very process.
    """

    def __init__(self, home: Path, arn: str, request: dict[str, Any]) -> None:
        self.home, self.arn, self.request = home, arn, request
        self.name: str = request["ProcessingJobName"]
        self.tags: dict[str, str] = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        self.pids: dict[str, dict[str, Any]] = {}
        now = round(time.time(), 3)
        self.state: dict[str, Any] = {"ProcessingJobStatus": "InProgress", "CreationTime": now, "LastModifiedTime": now}
        self.lock = threading.RLock()

    @classmethod
    def load(cls, home: Path) -> JobRecord:
        """Read a record back. ValueError or KeyError if it is not one."""
        data = json.loads((home / "job.json").read_text(encoding="utf-8"))
        record = cls(home, data["arn"], data["request"])
        record.state, record.tags, record.pids = data["state"], data["tags"], data["pids"]
        return record

    def save(self) -> None:
        """Write the record whole or not at all."""
        with self.lock:
            self.home.mkdir(parents=True, exist_ok=True)
            part = self.home / "job.json.part"
            document = {
                "arn": self.arn, "request": self.request, "state": self.state, "tags": self.tags, "pids": self.pids
            }  # fmt: skip
            part.write_text(json.dumps(document), encoding="utf-8")
            part.replace(self.home / "job.json")

    def update(self, **fields: Any) -> None:
        """Change members of the state and save."""
        with self.lock:
            self.state.update(fields, LastModifiedTime=round(time.time(), 3))
            self.save()

    @property
    def status(self) -> str:
        """InProgress, Stopping, Completed, Failed or Stopped."""
        return str(self.state["ProcessingJobStatus"])

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def instance_type(self) -> str:
        """The type that runs: the first preference always has capacity here."""
        return str(self._selected()["InstanceType"])

    @property
    def instance_count(self) -> int:
        return int(self._selected().get("InstanceCount") or self._cluster().get("InstanceCount") or 1)

    @property
    def max_runtime(self) -> int:
        """Seconds the containers may run."""
        return int((self.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86400))

    @property
    def hosts(self) -> list[str]:
        """The container host names, as the service gives them."""
        return [f"algo-{number}" for number in range(1, self.instance_count + 1)]

    def _cluster(self) -> dict[str, Any]:
        cluster: dict[str, Any] = self.request["ProcessingResources"]["ClusterConfig"]
        return cluster

    def _selected(self) -> dict[str, Any]:
        cluster = self._cluster()
        preferences: list[dict[str, Any]] = cluster.get("InstancePreferences") or []
        return preferences[0] if preferences else cluster

    def base(self, host: str) -> Path:
        """The directory that is /opt/ml for one host."""
        return self.home / host / "opt" / "ml"

    def log(self, host: str) -> Path:
        """What the host's container wrote to stdout and stderr."""
        return self.home / f"{host}.log"

    def describe(self) -> dict[str, Any]:
        """The body of DescribeProcessingJob; times are epoch seconds."""
        body = {key: value for key, value in self.request.items() if key != "Tags"}
        body.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": self.max_runtime})
        if self._cluster().get("InstancePreferences"):
            cluster = {
                **self._cluster(),
                "SelectedInstanceType": self.instance_type,
                "SelectedInstanceCount": self.instance_count,
            }
            body["ProcessingResources"] = {**body["ProcessingResources"], "ClusterConfig": cluster}
        return {**body, **self.state, "ProcessingJobArn": self.arn}

    def summary(self) -> dict[str, Any]:
        """One entry of ListProcessingJobs."""
        kept = {key: self.state[key] for key in _SUMMARY if key in self.state}
        return {"ProcessingJobName": self.name, "ProcessingJobArn": self.arn, **kept}

"""Where everything is in the container, from one base directory, and what this job and host are called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Places:
    """Paths below SAGEMAKER_BASE_DIR. `work` is outside the uploaded tree: nothing unfinished is ever uploaded."""

    base: Path

    @property
    def shard(self) -> Path:
        return self.base / "processing/input/shard/shard.json"

    @property
    def assets(self) -> Path:
        return self.base / "processing/input/assets"

    @property
    def models_channel(self) -> Path:
        return self.base / "processing/input/models"

    @property
    def models(self) -> Path:
        """The checked models, linked into folders as the engine wants them; absent where the shard names none."""
        return self.work / "models"

    @property
    def output(self) -> Path:
        return self.base / "processing/output"

    @property
    def work(self) -> Path:
        return self.base / "processing/work"

    @property
    def scratch(self) -> Path:
        return self.work / "scratch"

    @property
    def staged(self) -> Path:
        """The engines' common input directory."""
        return self.work / "input"

    @property
    def message(self) -> Path:
        return self.base / "output/message"

    def engine(self, number: int) -> Path:
        return self.work / f"engine-{number}"

    def make(self) -> None:
        """Create all folders that the runner writes to."""
        for folder in ("images", "thumbs", "results", "progress", "events", "logs"):
            (self.output / folder).mkdir(parents=True, exist_ok=True)
        for path in (self.scratch, self.staged, self.message.parent):
            path.mkdir(parents=True, exist_ok=True)

    def hosts(self) -> int:
        """Instances of this job; 1 where no config file says."""
        return len(_read(self.base / "config/resourceconfig.json").get("hosts") or [1])

    def job_and_host(self) -> tuple[str, str]:
        """(job name, host) as SageMaker's config files say; ("local", "algo-1") where there are none."""
        job = _read(self.base / "config/processingjobconfig.json").get("ProcessingJobName", "local")
        host = _read(self.base / "config/resourceconfig.json").get("current_host", "algo-1")
        return str(job), str(host)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

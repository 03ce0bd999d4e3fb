"""Where a local press keeps its things: everything below `<project>/.pressrun`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalPaths:
    """Directories and files of one project's local press."""

    project: Path

    @property
    def state(self) -> Path:
        return self.project / ".pressrun"

    @property
    def run(self) -> Path:
        """Pid files, the supervisor's lock, plan and status."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """One log file per component."""
        return self.state / "logs"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.state / "airflow"

    @property
    def s3(self) -> Path:
        """Objects of the S3 endpoint."""
        return self.state / "s3"

    @property
    def sagemaker(self) -> Path:
        """Job records, logs and files of the SageMaker endpoint."""
        return self.state / "sagemaker"

    @property
    def secrets(self) -> Path:
        """Generated keys and passwords, mode 0600."""
        return self.state / "secrets.json"

    @property
    def s3_command(self) -> Path:
        """The S3 server, in the environment of its own that its botocore pin needs."""
        return self.project / ".venv-s3/bin/ministack"

    def create(self) -> None:
        """Make the directories; the state is nobody else's business."""
        for path in (self.state, self.run, self.logs, self.airflow, self.s3, self.sagemaker):
            path.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)

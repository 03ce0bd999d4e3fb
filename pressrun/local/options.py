"""The few things a person may change about a local press."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pressrun.core.errors import SetupError

_PORTS = {"airflow": 18080, "s3": 14566, "sagemaker": 14580}


def port_setting(service: str) -> str:
    """The environment variable that changes a port, for example PRESSRUN_LOCAL_S3_PORT."""
    return f"PRESSRUN_LOCAL_{service.upper()}_PORT"


@dataclass(frozen=True)
class LocalOptions:
    """Ports, the region that clients are told, instance quotas of the SageMaker endpoint, and its image registry file.

    `environment` is added to what Airflow's components see, last.
    """

    airflow_port: int = _PORTS["airflow"]
    s3_port: int = _PORTS["s3"]
    sagemaker_port: int = _PORTS["sagemaker"]
    region: str = "us-east-1"
    quotas: Mapping[str, int] = field(default_factory=dict)
    images: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> LocalOptions:
        """Defaults, changed by PRESSRUN_LOCAL_{AIRFLOW,S3,SAGEMAKER}_PORT and PRESSRUN_REGION; SetupError if wrong."""
        source = os.environ if environ is None else environ
        ports: dict[str, int] = {}
        for service, default in _PORTS.items():
            text = source.get(port_setting(service), str(default))
            if not text.isdigit() or not 1024 <= int(text) <= 65535:
                message = f"{port_setting(service)}={text!r} is not a port"
                raise SetupError(message, remedy="use a number from 1024 to 65535")
            ports[service] = int(text)
        if len(set(ports.values())) < len(ports):
            raise SetupError(f"two services share a port: {ports}", remedy="give each PRESSRUN_LOCAL_…_PORT its own")
        return cls(
            ports["airflow"], ports["s3"], ports["sagemaker"], region=source.get("PRESSRUN_REGION") or "us-east-1"
        )

    @property
    def ports(self) -> dict[str, int]:
        return {"airflow": self.airflow_port, "s3": self.s3_port, "sagemaker": self.sagemaker_port}

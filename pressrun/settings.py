"""Every setting once: name, type, default, one sentence. Read from PRESSRUN_* variables and nowhere else."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from pressrun.core.errors import SetupError

PREFIX = "PRESSRUN_"
# Names that ComfyUI's own tools use; the runner in the container reads the same ones.
_NAMES = {"comfyui_home": "COMFYUI_HOME", "comfyui_python": "COMFYUI_PYTHON"}


class Settings(BaseModel):
    """The deployment's settings. A field `bucket_work` is the variable PRESSRUN_BUCKET_WORK."""

    model_config = {"extra": "forbid", "frozen": True}

    home: Path = Field(default_factory=Path.cwd, description="Folder that holds include/, dags/ and plugins/.")
    deployment: str = Field("local", description="Name of this deployment; part of every run key and job name.")
    region: str = Field("us-east-1", description="AWS region of buckets and jobs.")
    aws_conn_id: str | None = Field(None, description="Airflow connection for AWS; unset means boto3's own chain.")
    bucket_inputs: str = Field("pressrun-inputs", description="Bucket for input assets and shards.")
    bucket_work: str = Field(
        "pressrun-work", description="Bucket for run documents, staging, the render index and reviews."
    )
    bucket_published: str = Field("pressrun-published", description="Bucket for delivered files.")
    bucket_lineage: str = Field("pressrun-lineage", description="Bucket for lineage records, under Object Lock.")
    bucket_owner: str | None = Field(
        None, description="AWS account id that must own the buckets; sent with every S3 call."
    )
    lineage_lock_days: int = Field(0, ge=0, description="Object Lock retention of lineage records in days; 0 for none.")
    lineage_lock_mode: str = Field("GOVERNANCE", description="Object Lock mode: GOVERNANCE or COMPLIANCE.")
    role_arn: str = Field(
        "arn:aws:iam::000000000000:role/pressrun-processing", description="Execution role of Processing jobs."
    )
    image_uri: str = Field("pressrun-runner:local", description="Container image of final runs.")
    proof_image_uri: str = Field("pressrun-runner:local", description="Container image of proof runs.")
    proof_instance_type: str = Field("ml.m5.xlarge", description="Instance type of proof runs; no GPU needed.")
    subnets: tuple[str, ...] = Field((), description="Subnets of Processing jobs, comma separated.")
    security_groups: tuple[str, ...] = Field((), description="Security groups of Processing jobs, comma separated.")
    kms_key: str | None = Field(None, description="KMS key of job outputs and volumes.")
    final_engine: str = Field(
        "proof", description="Engine of the final press: comfyui, or proof where no GPU is to be paid."
    )
    comfyui_class: str | None = Field(
        None,
        description="Engine class of the ComfyUI container: commit, custom-node lock and dtype. Derived from "
        "COMFYUI_HOME where that is set.",
    )
    comfyui_home: Path | None = Field(
        None,
        description="Folder of main.py of a ComfyUI on this machine, for the embedded SageMaker to render with.",
    )
    comfyui_python: str | None = Field(None, description="Python that runs that ComfyUI; default the runner's own.")
    publish_proofs: bool = Field(
        True, description="Whether proofs may be published; set to false on every real deployment."
    )
    poll_seconds: float = Field(
        5.0, gt=0, description="Seconds between looks at a running job or an open review round."
    )
    base_url: str = Field(
        "http://127.0.0.1:18080", description="Public address of the Airflow UI, for links in messages."
    )
    metrics: bool = Field(
        False, description="Send the numbers of finished jobs through Airflow's metrics (StatsD or OpenTelemetry)."
    )
    webhook_url: str | None = Field(None, description="Where machine-readable notifications are POSTed.")
    smtp_conn_id: str | None = Field(None, description="Airflow SMTP connection for e-mail notifications.")
    prices: dict[str, float] = Field(
        {}, description="USD per instance hour, overriding include/policy/prices.yaml; JSON."
    )

    @property
    def include(self) -> Path:
        return self.home / "include"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _NAMES.get(name, PREFIX + name.upper())


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build settings from an environment; SetupError names each wrong or unknown PRESSRUN_* variable."""
    values: dict[str, object] = {}
    for name, field in Settings.model_fields.items():
        raw = environ.get(variable(name))
        if raw is None or raw == "":
            continue
        kind = str(field.annotation)
        values[name] = [part.strip() for part in raw.split(",") if part.strip()] if "tuple" in kind else raw
        if "dict" in kind:
            import orjson  # noqa: PLC0415 - only for the one structured setting

            values[name] = orjson.loads(raw)
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        wrong = "; ".join(f"{variable(str(e['loc'][0]))}: {e['msg']}" for e in exc.errors())
        raise SetupError(f"settings: {wrong}", remedy="see docs/reference/settings.md") from exc


@functools.cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings(os.environ)

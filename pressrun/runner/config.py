"""What the runner is told by its environment: every variable once, with its default and one sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from pressrun.core.errors import InputError
from pressrun.core.node_lock import LOCK_FILE, read_node_lock

_NAMES = {"base_dir": "SAGEMAKER_BASE_DIR", "comfyui_home": "COMFYUI_HOME", "comfyui_python": "COMFYUI_PYTHON"}


class RunnerConfig(BaseModel):
    """One job's settings. A field `queue_depth` is the variable PRESSRUN_QUEUE_DEPTH unless `_NAMES` says otherwise."""

    model_config = {"extra": "forbid", "frozen": True}

    base_dir: Path = Field(Path("/opt/ml"), description="Where SageMaker mounts inputs and reads outputs.")
    shard_sha256: str = Field(min_length=64, max_length=64, description="Digest of the shard this job was bought for.")
    engine: str | None = Field(None, description="proof or comfyui; must be the shard's own engine.")
    engine_count: int | None = Field(None, ge=1, description="Engines to run; default one per GPU, one without.")
    queue_depth: int = Field(
        3, ge=1, le=16, description="Prompts kept queued in each engine at least; more where they are short."
    )
    stall_seconds: float = Field(120.0, gt=0, description="Silence of a running prompt after which its engine is dead.")
    ready_seconds: float = Field(300.0, gt=0, description="How long an engine may take to start.")
    drain_seconds: float = Field(20.0, ge=0, description="How long a running item may go on after SIGTERM.")
    margin_seconds: float | None = Field(
        None, ge=0, description="Time kept before MaxRuntime; default a tenth, 10-120."
    )
    memory_limit_mb: int | None = Field(None, ge=1, description="An engine above this is restarted between prompts.")
    event_text: bool = Field(False, description="Whether event files hold prompt texts instead of length and digest.")
    comfyui_home: Path | None = Field(None, description="Folder of ComfyUI's main.py; needed for engine comfyui.")
    comfyui_python: str | None = Field(None, description="Python that runs ComfyUI; default the runner's own.")
    engine_args: str = Field("", description="Further flags of the engine, as a shell would split them.")
    sink: Literal["auto", "stock"] = Field(
        "auto", description="auto hands pixels over raw where the engine can; stock lets its SaveImage encode them."
    )
    custom_nodes: tuple[str, ...] = Field(
        (), description="Custom node folders that ComfyUI may load; default those of COMFYUI_HOME/custom_nodes.lock."
    )
    run_as: str | None = Field(None, description="User to become before anything is read, where started as root.")
    require_gpu: bool = Field(False, description="Refuse to start where ComfyUI cannot use a GPU; set by the image.")


def read_config(environ: Mapping[str, str] | None = None) -> RunnerConfig:
    """Read the environment; InputError names each wrong variable."""
    source = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name in RunnerConfig.model_fields:
        raw = source.get(variable(name), "")
        if raw:
            values[name] = tuple(part.strip() for part in raw.split(",")) if name == "custom_nodes" else raw
    if "custom_nodes" not in values and "comfyui_home" in values:
        values["custom_nodes"] = _locked_nodes(Path(str(values["comfyui_home"])))
    try:
        return RunnerConfig.model_validate(values)
    except ValidationError as exc:
        wrong = "; ".join(f"{variable(str(error['loc'][0]))}: {error['msg']}" for error in exc.errors())
        raise InputError(wrong, where="environment", remedy="set it in the job's Environment") from exc


def _locked_nodes(home: Path) -> tuple[str, ...]:
    lock = home / LOCK_FILE
    return tuple(read_node_lock(lock.read_bytes(), file=str(lock))) if lock.is_file() else ()


def variable(name: str) -> str:
    """The environment variable of a field."""
    return _NAMES.get(name, "PRESSRUN_" + name.upper())

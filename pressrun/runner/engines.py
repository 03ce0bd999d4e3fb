"""Engines: how the proof press and a real ComfyUI are started without a screen, a network or an account."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from pathlib import Path

import yaml

from pressrun.comfy.devices import gpu_count
from pressrun.comfy.nodes import FOLDER as NODES
from pressrun.comfy.nodes import SINK
from pressrun.comfy.server import EngineSpec
from pressrun.core.errors import SetupError
from pressrun.core.model_file import MODEL_FOLDERS
from pressrun.runner.config import RunnerConfig
from pressrun.runner.places import Places


def engine_specs(engine: str, config: RunnerConfig, places: Places) -> list[EngineSpec]:
    """One spec per engine to run: one per GPU, or one where there is none. SetupError where the engine is unknown."""
    if engine == "proof":
        return [_proof(number, config, places) for number in range(config.engine_count or 1)]
    if engine != "comfyui":
        raise SetupError(f"there is no engine {engine!r}", remedy="PRESSRUN_ENGINE is proof or comfyui")
    gpus = gpu_count()
    return [_comfyui(number, gpus, config, places) for number in range(config.engine_count or max(1, gpus))]


def output_folder(places: Places, number: int) -> Path:
    """Where engine `number` writes its files, on the same disk as the job's output."""
    return places.engine(number) / "output"


def _folders(places: Places, number: int) -> dict[str, Path]:
    home = places.engine(number)
    folders = {"input": places.staged, "output": output_folder(places, number)}
    folders |= {name: home / name for name in ("temp", "user", "models", "frontend")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def _proof(number: int, config: RunnerConfig, places: Places) -> EngineSpec:
    folders = _folders(places, number)
    argv: tuple[str, ...] = (sys.executable, "-m", "pressrun.proof", "--listen", "127.0.0.1")
    argv += ("--input-directory", str(folders["input"]), "--output-directory", str(folders["output"]))
    argv += tuple(shlex.split(config.engine_args))
    return EngineSpec(
        argv=argv,
        cwd=places.engine(number),
        log=places.engine(number) / "engine.log",
        env={"PYTHONUNBUFFERED": "1", "PYTHONPATH": _import_path()},
        ready_seconds=config.ready_seconds,
    )


def _import_path() -> str:
    # The engine must import the same pressrun as the runner, whatever its working directory is.
    found = importlib.util.find_spec("pressrun")
    assert found is not None
    assert found.origin is not None
    paths = [str(Path(found.origin).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(path for path in paths if path)


def _comfyui(number: int, gpus: int, config: RunnerConfig, places: Places) -> EngineSpec:
    home = config.comfyui_home
    if home is None or not (home / "main.py").is_file():
        raise SetupError(
            "there is no ComfyUI", where=str(home or "COMFYUI_HOME"), remedy="set COMFYUI_HOME to the folder of main.py"
        )
    folders = _folders(places, number)
    argv = [config.comfyui_python or sys.executable, str(home / "main.py"), "--listen", "127.0.0.1"]
    argv += ["--disable-auto-launch", "--disable-api-nodes", "--disable-all-custom-nodes"]
    if custom_nodes := [*config.custom_nodes, *([SINK] if config.sink == "auto" else [])]:
        argv += ["--whitelist-custom-nodes", *custom_nodes]
    argv += ["--input-directory", str(folders["input"]), "--output-directory", str(folders["output"])]
    argv += ["--temp-directory", str(folders["temp"]), "--user-directory", str(folders["user"])]
    # A database file would lie in the source tree, which is read-only here and shared by the engines of all GPUs.
    argv += ["--database-url", "sqlite:///:memory:", "--preview-method", "none", "--log-stdout"]
    # Any existing folder will do: the server then runs without its 580 MB of frontend packages.
    argv += ["--front-end-root", str(folders["frontend"])]
    argv += ["--extra-model-paths-config", str(_extra_paths(places, number))]
    argv += ["--cuda-device", str(number)] if gpus > 1 else [] if gpus else ["--cpu"]
    return EngineSpec(
        argv=(*argv, *shlex.split(config.engine_args)),
        cwd=home,
        log=places.engine(number) / "engine.log",
        env={"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"},
        ready_seconds=config.ready_seconds,
    )


def _extra_paths(places: Places, number: int) -> Path:
    """ComfyUI's own configuration of further folders: our node, and the models channel where there is one."""
    path = places.engine(number) / "paths.yaml"
    entries = {"nodes": {"custom_nodes": str(NODES)}}
    if places.models.is_dir():
        entries["models"] = {"base_path": str(places.models), **{name: name for name in MODEL_FOLDERS}}
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    return path

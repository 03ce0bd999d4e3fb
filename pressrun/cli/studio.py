"""`pressrun studio`: the container's ComfyUI on a workstation, for the people who draw the graphs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pressrun.cli.models import default_folders
from pressrun.cli.nodes import locked_nodes
from pressrun.comfy.devices import has_accelerator
from pressrun.core.errors import SetupError
from pressrun.settings import settings
from pressrun.steps.studio import check_home, check_nodes, link_models, pinned_comfyui, studio_command


def studio(
    home: Annotated[Path | None, typer.Option(help="Folder of ComfyUI's main.py; default COMFYUI_HOME.")] = None,
    models: Annotated[
        list[Path] | None, typer.Option(help="Folders that hold the locked models; default COMFYUI_HOME/models.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on loopback.", min=1, max=65535)] = 8188,
    check: Annotated[bool, typer.Option("--check", help="Only say whether everything is as in the container.")] = False,
) -> None:
    """Start the pinned ComfyUI with exactly the nodes and models of the container; Ctrl-C ends it."""
    config = settings()
    chosen = home or (Path(os.environ["COMFYUI_HOME"]) if os.environ.get("COMFYUI_HOME") else None)
    if chosen is None:
        raise SetupError("there is no ComfyUI", where="COMFYUI_HOME", remedy="set it, or pass --home")
    chosen = chosen.resolve()
    pinned, nodes = pinned_comfyui(config.home / "container" / "Dockerfile"), locked_nodes()
    check_home(chosen, pinned)
    check_nodes(chosen, nodes)
    work = config.home / ".pressrun" / "studio"
    found, absent = link_models(config.include, models or default_folders() or [chosen / "models"], work / "models")
    typer.echo(f"ComfyUI {pinned.tag}, {len(nodes)} custom nodes, {len(found)} models: as in the container")
    for model in absent:
        typer.secho(f"{model.name} is not on this machine: graphs that name it cannot be tried here", err=True)
    if check:
        return
    python, cpu = os.environ.get("COMFYUI_PYTHON") or sys.executable, not has_accelerator()
    command = studio_command(chosen, python, work, nodes, port=port, cpu=cpu)
    typer.echo(
        f"the studio will be at http://127.0.0.1:{port} in some seconds; export graphs with Workflow ▸ Export (API)"
    )
    if run_to_end(command, chosen):
        raise typer.Exit(1)


def run_to_end(command: Sequence[str], folder: Path) -> int:
    """Run a program until it ends, or end it when this one is told to (Ctrl-C, SIGTERM), which counts as 0."""
    told = False
    process: subprocess.Popen[bytes] | None = None

    def end(number: int, frame: object) -> None:  # noqa: ARG001
        nonlocal told
        told = True
        if process is not None:
            process.terminate()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process = subprocess.Popen(command, cwd=folder)
        if told:
            process.terminate()
        code = process.wait()
    except OSError as exc:
        raise SetupError(f"ComfyUI cannot be started: {exc}", where=command[0], remedy="set COMFYUI_PYTHON") from exc
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if told else code

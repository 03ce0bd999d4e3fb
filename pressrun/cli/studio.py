"""`pressrun studio`: the container's ComfyUI on a workstation, for the people who draw the graphs."""

from __future__ import annotations

import os
import subprocess
import sys
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
    try:
        code = subprocess.call(command, cwd=chosen)
    except KeyboardInterrupt:
        code = 0
    except OSError as exc:
        raise SetupError(f"ComfyUI cannot be started: {exc}", where=command[0], remedy="set COMFYUI_PYTHON") from exc
    if code:
        raise typer.Exit(1)

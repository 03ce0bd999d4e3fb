"""`pressrun nodes`: the custom nodes of the image, by commit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pressrun.core.codec import sha256_hex
from pressrun.core.node_lock import LOCK_FILE, CustomNode, parse_node, read_node_lock, write_node_lock
from pressrun.settings import settings
from pressrun.steps.studio import pinned_comfyui

app = typer.Typer(help="The custom nodes of the image, by commit.", no_args_is_help=True)


def lock_path() -> Path:
    """container/custom_nodes.lock of this project."""
    return settings().home / "container" / LOCK_FILE


def locked_nodes() -> dict[str, CustomNode]:
    """The locked nodes by name; empty where there is no lock."""
    path = lock_path()
    return read_node_lock(path.read_bytes(), file=LOCK_FILE) if path.is_file() else {}


@app.command()
def add(
    node: Annotated[str, typer.Argument(metavar="REPOSITORY@COMMIT", help="https address and full commit.")],
) -> None:
    """Write a custom node into container/custom_nodes.lock; the image must be built anew."""
    chosen = parse_node(node)
    nodes = locked_nodes()
    before = nodes.get(chosen.name)
    nodes[chosen.name] = chosen
    path = lock_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_node_lock(nodes))
    typer.echo(f"{chosen.name}: {before.commit[:12] + '… → ' if before else ''}{chosen.commit[:12]}…")
    typer.echo(f"build the image anew and set PRESSRUN_COMFYUI_CLASS={engine_class()}; finals are then rendered anew")


@app.command("list")
def list_nodes() -> None:
    """Print the locked nodes and the engine class of an image that is built with them."""
    nodes = locked_nodes()
    for _, node in sorted(nodes.items()):
        typer.echo(f"{node.name}  {node.repository}  {node.commit}")
    typer.echo(f"{len(nodes)} custom nodes; PRESSRUN_COMFYUI_CLASS={engine_class()}")


def engine_class() -> str:
    """The engine class of an image built from this checkout, which runs on a GPU: part of every final's render key."""
    path = lock_path()
    nodes = sha256_hex(path.read_bytes())[:12] if path.is_file() else "none"
    return f"comfyui:{pinned_comfyui(path.with_name('Dockerfile')).commit}+nodes:{nodes}+auto"

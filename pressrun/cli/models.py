"""`pressrun models`: the model files that final jobs may load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pressrun.settings import settings
from pressrun.steps.models import add_model, locked_models, sync_models
from pressrun.steps.workspace import open_workspace

app = typer.Typer(help="The model files that final jobs may load.", no_args_is_help=True)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A .safetensors file.", exists=True, dir_okay=False)],
    licence: Annotated[str, typer.Option(help="Its licence, for example OpenRAIL++-M.")],
    source: Annotated[str, typer.Option(help="Where it comes from: an address with its revision.")],
    folder: Annotated[str, typer.Option(help="ComfyUI's folder for it: checkpoints, loras, vae …")] = "checkpoints",
    name: Annotated[str, typer.Option(help="What graphs call it; default the file's name.")] = "",
) -> None:
    """Check a model file and write it into include/models.lock, by content."""
    model, header = add_model(
        settings().include, file, folder=folder, licence=licence, source=source, name=name
    )  # fmt: skip
    typer.echo(
        f"{model.folder}/{model.name}: {header.parameters / 1e6:,.1f} million parameters in {header.tensors} tensors "
        f"({', '.join(header.types)}), SHA-256 {model.sha256[:16]}…, {model.licence}"
    )
    typer.echo("commit include/models.lock, then bring the file to the inputs bucket: pressrun models sync")


@app.command("list")
def list_models() -> None:
    """Print the locked models."""
    table = Table("model", "folder", "GB", "sha256", "licence", "source")
    models = locked_models(settings().include)
    for name, model in sorted(models.items()):
        table.add_row(
            name, model.folder, f"{model.size / 1e9:.2f}", model.sha256[:12], model.licence, model.source
        )  # fmt: skip
    if models:
        Console().print(table)
    else:
        typer.echo("no model is locked yet: pressrun models add FILE")


@app.command()
def sync(
    folder: Annotated[
        list[Path] | None, typer.Option(help="Folders to look for the files in; default COMFYUI_HOME/models.")
    ] = None,
) -> None:
    """Bring the locked models to the inputs bucket, by content; what is there is not sent again."""
    places = folder or default_folders()
    done = sync_models(open_workspace(settings()), places, say=typer.echo)
    for entry in done:
        typer.echo(f"{entry.model.name}: {entry.state}")
    if not done:
        typer.echo("no model is locked yet: pressrun models add FILE")
    if any(entry.state == "absent" for entry in done):
        typer.secho(f"looked in {', '.join(map(str, places)) or 'no folder'}; name others with --folder", err=True)
        raise typer.Exit(1)


def default_folders() -> list[Path]:
    """Where a workstation keeps its models."""
    import os  # noqa: PLC0415 - only this default looks at the shell

    home = os.environ.get("COMFYUI_HOME")
    return [Path(home) / "models"] if home else []

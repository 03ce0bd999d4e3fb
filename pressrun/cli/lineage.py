"""`pressrun lineage`: where one picture came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pressrun.core.lineage import describe_lineage
from pressrun.settings import settings
from pressrun.steps.lineage import show_lineage
from pressrun.steps.workspace import open_workspace

app = typer.Typer(help="Where one picture came from.", no_args_is_help=True)


@app.callback()
def lineage() -> None:
    """Keeps `show` a subcommand although it is the only one."""


@app.command()
def show(
    target: Annotated[str, typer.Argument(help="A downloaded file, an s3:// URI, or the SHA-256 of a delivered file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole record.")] = False,
) -> None:
    """Who, what, when, from which row, approved by whom."""
    path = Path(target)
    record = show_lineage(open_workspace(settings()), path.read_bytes() if path.is_file() else target)
    typer.echo(record.to_bytes().decode() if as_json else describe_lineage(record))

"""`pressrun ops`: a running ComfyUI, looked at from outside."""

from __future__ import annotations

from typing import Annotated

import typer

from pressrun.settings import settings
from pressrun.steps.ops import Verdict, healthcheck, warm_up

app = typer.Typer(help="A running ComfyUI, looked at from outside.", no_args_is_help=True)

Url = Annotated[str, typer.Option(help="Address of the server.")]
DEFAULT_URL = "http://127.0.0.1:8188"


@app.command("healthcheck")
def check(
    url: Url = DEFAULT_URL,
    timeout: Annotated[float, typer.Option(help="Seconds that the graph may take.")] = 60.0,
) -> None:
    """Run include/ops/healthcheck.api.json, which needs no model; exit code 1 where something is wrong."""
    _say(url, healthcheck(settings().include, url, timeout_seconds=timeout))


@app.command()
def warmup(
    checkpoint: Annotated[list[str], typer.Argument(help="Names of checkpoints, as graphs call them.")],
    url: Url = DEFAULT_URL,
    timeout: Annotated[float, typer.Option(help="Seconds that one checkpoint may take.")] = 600.0,
) -> None:
    """Load each checkpoint and take one step with it; exit code 1 where one cannot be loaded."""
    _say(url, warm_up(settings().include, url, checkpoint, timeout_seconds=timeout))


def _say(url: str, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        colour = typer.colors.GREEN if verdict.good else typer.colors.RED
        word = typer.style("good" if verdict.good else "bad ", fg=colour)
        typer.echo(f"{word} {verdict.check}: {verdict.seen}")
    if not all(verdict.good for verdict in verdicts):
        typer.secho(f"{url} is not fit for work", err=True, fg=typer.colors.RED)
        raise typer.Exit(1)
    typer.echo(f"{url} is well")

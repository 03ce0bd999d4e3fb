"""`pressrun local`: a whole press on this machine, on loopback.

The press itself is imported by the commands: it needs boto3, which the base install does not have.
"""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from pressrun.settings import settings

app = typer.Typer(help="A whole press on this machine, on loopback.", no_args_is_help=True)


@app.command()
def up() -> None:
    """Start everything and wait until it works."""
    from pressrun.local import press  # noqa: PLC0415

    endpoints = press.up(settings().home, say=typer.echo)
    typer.echo(f"Airflow    {endpoints.airflow}")
    typer.echo(f"S3         {endpoints.s3}")
    typer.echo(f"SageMaker  {endpoints.sagemaker}")


@app.command()
def down() -> None:
    """Stop everything this project started, by pid."""
    from pressrun.local import press  # noqa: PLC0415

    stopped = press.down(settings().home, say=typer.echo)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status() -> None:
    """What runs; exit code 1 where the press is not healthy."""
    from pressrun.local import press  # noqa: PLC0415

    found = press.status(settings().home)
    if found.supervisor is None:
        typer.echo("nothing is running" + (f"; left over: {', '.join(found.left_over)}" if found.left_over else ""))
        raise typer.Exit(1)
    table = Table("component", "state", "pid", "port", "restarts", "log")
    for part in found.components:
        table.add_row(part.name, part.state, str(part.pid or ""), str(part.port or ""), str(part.restarts), part.log)
    Console().print(table)
    if not found.healthy:
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def airflow(context: typer.Context) -> None:
    """Airflow's own command line beside the running press: pressrun local airflow backfill create …"""
    import os  # noqa: PLC0415 - only this command leaves the process to another program

    from pressrun.local import press  # noqa: PLC0415

    command, environment = press.airflow_command(settings().home)
    os.execvpe(command, [command, *context.args], environment)  # noqa: S606 - the person's own words, and no shell


@app.command()
def env() -> None:
    """Print the variables that point boto3, the AWS command line and pressrun here: eval "$(pressrun local env)"."""
    from pressrun.local import press  # noqa: PLC0415

    for name, value in press.endpoints(settings().home).environment().items():
        typer.echo(f"export {name}={value}")

"""The `pressrun` command."""

from __future__ import annotations

import sys

import typer

from pressrun.cli import (
    check,
    lineage,
    local,
    localize,
    models,
    nodes,
    ops,
    plan,
    preflight,
    prices,
    retention,
    studio,
    workflow,
)
from pressrun.core.errors import PressrunError
from pressrun.core.findings import FindingsError

app = typer.Typer(
    name="pressrun",
    help="Image campaigns made with ComfyUI, run like a press.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("plan")(plan.plan)
app.command("check")(check.check)
app.command("localize")(localize.localize)
app.command("preflight")(preflight.preflight)
app.add_typer(workflow.app, name="workflow")
app.add_typer(lineage.app, name="lineage")
app.add_typer(retention.app, name="hold")
app.add_typer(local.app, name="local")
app.add_typer(models.app, name="models")
app.add_typer(nodes.app, name="nodes")
app.add_typer(ops.app, name="ops")
app.add_typer(prices.app, name="prices")
app.command("studio")(studio.studio)


_EXTRAS = {"boto3": "aws", "botocore": "aws", "airflow": "airflow", "fastapi": "airflow"}


def main() -> None:
    """The `pressrun` command."""
    run_command(app)


def run_command(command: typer.Typer) -> None:
    """Run a command; an error made for people is one message and exit code 2, never a traceback."""
    try:
        command()
    except FindingsError as exc:
        for finding in exc.findings:
            typer.secho(f"{finding.severity}: {finding}", err=True, fg=typer.colors.RED)
        sys.exit(2)
    except PressrunError as exc:
        typer.secho(f"pressrun: {exc}", err=True, fg=typer.colors.RED)
        sys.exit(2)
    except ModuleNotFoundError as exc:
        extra = _EXTRAS.get((exc.name or "").partition(".")[0])
        if extra is None:
            raise
        message = (
            f"pressrun: this command needs {exc.name}: pip install 'pressrun[{extra}]', or use scripts/demo's .venv"
        )
        typer.secho(message, err=True, fg=typer.colors.RED)
        sys.exit(2)

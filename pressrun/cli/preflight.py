"""`pressrun preflight`: whether this deployment could print a campaign, before anything is asked of a GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from pressrun.cli.nodes import locked_nodes
from pressrun.cli.plan import plan_offline, quote_as_asked
from pressrun.core.errors import SetupError
from pressrun.core.findings import Finding
from pressrun.core.plan import RenderPlan
from pressrun.settings import settings
from pressrun.steps.boot import boot_check
from pressrun.steps.preflight import preflight as look
from pressrun.steps.render_index import rendered_keys
from pressrun.steps.studio import pinned_comfyui
from pressrun.steps.workspace import Workspace, memory_workspace, open_workspace
from pressrun.storage.probe import open_probe


def preflight(
    campaign: Annotated[str, typer.Argument(help="Name of a folder in include/campaigns.")],
    press: Annotated[str, typer.Option(help="proof or final.")] = "final",
    boot: Annotated[
        bool, typer.Option("--boot", help="Ask the pinned ComfyUI of COMFYUI_HOME as well, on a CPU.")
    ] = False,
) -> None:
    """Look at buckets, role, prices, image, models, quota and one graph for each workflow; exit code 1 on an error.

    With --boot a real ComfyUI starts on this machine and says of each workflow whether it would run it.
    """
    config = settings()
    live = bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("PRESSRUN_BUCKET_WORK"))
    ws = open_workspace(config) if live else memory_workspace(config)
    made, found = plan_offline(ws, campaign, conf={"press": press}, drop="")
    quote = quote_as_asked(ws, made, press=press, known=rendered_keys(ws) if live else frozenset(), live=live)
    probe = open_probe(region=config.region, owner=config.bucket_owner) if live else None
    seen = [*found, *quote.findings, *look(ws, made, quote, probe)]
    if boot:
        seen += _booted(ws, made)
    for finding in seen:
        typer.echo(f"{finding.severity}: {finding}")
    if not live:
        typer.echo("note: no deployment is set (PRESSRUN_BUCKET_WORK): buckets and quotas were not looked at")
    elif probe and probe.quota(quote.instance_type) is None:
        typer.echo("note: a loopback endpoint has no quotas to ask for")
    if any(finding.severity == "error" for finding in seen):
        raise typer.Exit(1)
    typer.echo(f"{campaign} is ready for the {press} press")


def _booted(ws: Workspace, made: RenderPlan) -> tuple[Finding, ...]:
    home = os.environ.get("COMFYUI_HOME")
    if not home:
        raise SetupError("there is no ComfyUI", where="COMFYUI_HOME", remedy="set it to the folder of its main.py")
    with TemporaryDirectory(prefix="pressrun-preflight-") as work:
        return boot_check(
            made, home=Path(home).resolve(), python=os.environ.get("COMFYUI_PYTHON") or sys.executable,
            pinned=pinned_comfyui(ws.settings.home / "container" / "Dockerfile"), nodes=locked_nodes(),
            work=Path(work), say=typer.echo,
        )  # fmt: skip

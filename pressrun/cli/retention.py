"""`pressrun hold`: keep everything of a campaign, whatever its retention class says."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pressrun.settings import settings
from pressrun.steps.holds import hold as hold_campaign
from pressrun.steps.holds import release as release_campaign
from pressrun.steps.workspace import open_workspace

app = typer.Typer(help="Legal hold: keep everything of a campaign.", no_args_is_help=True)
Campaign = Annotated[str, typer.Argument(help="Name of the campaign.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the hold.")]


@app.command()
def place(campaign: Campaign, reason: Reason) -> None:
    """Place a hold."""
    hold_campaign(open_workspace(settings()), campaign, by=getpass.getuser(), reason=reason)
    typer.echo(f"{campaign} is on hold: nothing of it will be retired")


@app.command()
def release(campaign: Campaign, reason: Reason) -> None:
    """Release a hold."""
    release_campaign(open_workspace(settings()), campaign, by=getpass.getuser(), reason=reason)
    typer.echo(f"{campaign} is released: its retention class applies again")

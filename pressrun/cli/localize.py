"""`pressrun localize`: some markets of a campaign in one run, so that cold starts are paid once and not by market."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pressrun.cli.plan import plan_offline, quote_as_asked
from pressrun.core import ids
from pressrun.core.findings import FindingsError
from pressrun.core.quote import Quote
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import Login, login_of
from pressrun.settings import Settings, settings
from pressrun.steps.render_index import rendered_keys
from pressrun.steps.workspace import open_workspace


def localize(
    campaign: Annotated[str, typer.Argument(help="Name of a folder in include/campaigns.")],
    locales: Annotated[str, typer.Option(help="The markets, comma separated.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what it would buy; start nothing.")] = False,
    press: Annotated[str, typer.Option(help="proof or final.")] = "final",
    run_id: Annotated[str, typer.Option(help="Id of the run; made of the moment and the markets if not given.")] = "",
) -> None:
    """Buy what some markets lack: one run over all of them, reviewed market by market."""
    config = settings()
    ws = open_workspace(config)
    conf: dict[str, Any] = {"press": press, "locales": [part.strip() for part in locales.split(",") if part.strip()]}
    made, found = plan_offline(ws, campaign, conf=conf, drop="")
    if errors := [finding for finding in found if finding.severity == "error"]:
        raise FindingsError.of(errors, subject=campaign)
    quote = quote_as_asked(ws, made, press=press, known=rendered_keys(ws), live=True)
    typer.echo(changes(quote))
    if quote.saving:
        typer.echo(quote.saving.sentence())
    if dry_run:
        return
    if not quote.to_render:
        typer.echo("nothing to buy, so no run was started")
        return
    name = run_id or f"localize__{datetime.now(UTC):%Y%m%dT%H%M%S}__{'_'.join(conf['locales'])}"
    with AirflowClient(config.base_url, airflow_login(config)) as airflow:
        run = airflow.trigger(ids.dag_id_of(campaign), name, conf, note=changes(quote))
    typer.echo(f"started {run['dag_run_id']}")


def changes(quote: Quote) -> str:
    """`4 changed · 196 reused · $0.05`."""
    usd = "no price known" if quote.usd is None else f"${quote.usd:,.2f}"
    return f"{quote.to_render} changed · {len(quote.reused)} reused · {usd}"


def airflow_login(config: Settings) -> Login:
    """PRESSRUN_AIRFLOW_USER and PRESSRUN_AIRFLOW_PASSWORD, else the admin of the local press."""
    user, password = os.environ.get("PRESSRUN_AIRFLOW_USER"), os.environ.get("PRESSRUN_AIRFLOW_PASSWORD")
    if user and password:
        return Login(user, "", password)
    return login_of(config.home, "maya")

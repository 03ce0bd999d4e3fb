"""`pressrun prices`: what instance hours and storage cost, as AWS lists it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pressrun.core.price_list import products_of, read_products
from pressrun.core.prices import FILE
from pressrun.settings import settings
from pressrun.steps.prices import read_price_file, refresh, write
from pressrun.storage.price_list import list_products, open_pricing

app = typer.Typer(help="Prices of instances and storage.", no_args_is_help=True)


@app.command("show")
def show() -> None:
    """Every price of include/policy/prices.yaml with its source and date."""
    listed = read_price_file(settings().include)
    typer.echo(f"region {listed.region}")
    for kind, entry in listed.instances.items():
        typer.echo(f"{kind}: ${entry.usd_per_hour:g} an hour ({entry.told()})")
    if listed.storage:
        typer.echo(f"storage: ${listed.storage.usd_per_gb_month:g} for a GB and month ({listed.storage.told()})")


@app.command("refresh")
def refresh_prices(
    region: Annotated[str, typer.Option(help="AWS region; the file's own where not given.")] = "",
    from_file: Annotated[
        Path | None, typer.Option(help="A bulk offer file of AWS instead of the API; needs no credentials.")
    ] = None,
    add: Annotated[list[str] | None, typer.Option(help="An instance type that is not listed yet; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
) -> None:
    """Read the prices of Processing instances and S3 from the AWS Price List, show what changes, then write it."""
    include = settings().include
    where = region or read_price_file(include).region
    if from_file is not None:
        products = products_of(from_file.read_bytes(), file=str(from_file))
        offers = read_products(products, region=where, via=f"AWS offer file {from_file.name}")
    else:
        offers = read_products(list_products(open_pricing(), region=where), region=where, via="AWS Price List API")
    made = refresh(include, offers, region=where, add=tuple(add or ()), today=datetime.now(UTC).date())
    for change in made.changes:
        typer.echo(change.sentence())
    if not yes and not typer.confirm(f"write include/{FILE}?"):
        raise typer.Exit(1)
    write(made)
    typer.echo(f"wrote include/{FILE}")

"""`pressrun plan`: what a campaign would make and what it would cost."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pressrun.cli.plan_large import large_plan
from pressrun.cli.printed import print_findings, print_price
from pressrun.core import ids
from pressrun.core.batch import prompts_of
from pressrun.core.codec import canonical_json
from pressrun.core.findings import Finding
from pressrun.core.plan import RenderPlan
from pressrun.core.plan_diff import PlanDiff, diff_plans
from pressrun.core.plan_report import plan_report
from pressrun.core.quote import Quote
from pressrun.settings import settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.ledger import room_findings
from pressrun.steps.quote import quote_plan
from pressrun.steps.render_index import rendered_keys
from pressrun.steps.sources import Sources
from pressrun.steps.stored_plans import read_plan
from pressrun.steps.workspace import Workspace, memory_workspace, open_workspace
from pressrun.storage.probe import open_probe

Campaign = Annotated[str, typer.Argument(help="Name of a folder in include/campaigns.")]
Locales = Annotated[str, typer.Option(help="Only these locales, comma separated.")]


def plan(
    campaign: Campaign,
    locales: Locales = "",
    limit: Annotated[int | None, typer.Option(help="At most this many items.", min=1)] = None,
    press: Annotated[str, typer.Option(help="proof or final.")] = "final",
    drop: Annotated[str, typer.Option(help="Date of the drop, YYYY-MM-DD; today where not given.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a one-page report with charts to this file.")] = None,
    diff: Annotated[str, typer.Option(help="Compare with a plan: newest, an s3:// URI or a file.")] = "",
    parquet: Annotated[
        Path | None,
        typer.Option(help="Write a plan of any size to this folder as Parquet; --diff is then such a folder."),
    ] = None,
) -> None:
    """Print what the campaign would make and what it would cost. Nothing is started, nothing is paid for."""
    config = settings()
    live = bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("PRESSRUN_BUCKET_WORK"))
    ws = open_workspace(config) if live else memory_workspace(config)
    conf: dict[str, Any] = {"press": press}
    if locales:
        conf["locales"] = [part.strip() for part in locales.split(",")]
    if limit is not None:
        conf["limit"] = limit
    if parquet is not None:
        known = rendered_keys(ws) if live else frozenset[str]()
        large_plan(ws, campaign, parquet, conf=conf, drop=drop, known=known, diff=diff, as_json=as_json)
        return
    made, found = plan_offline(ws, campaign, conf=conf, drop=drop)
    quote = quote_as_asked(ws, made, press=press, known=rendered_keys(ws) if live else frozenset(), live=live)
    found += (*quote.findings, *room_findings(ws, made, quote))
    other = read_plan(ws, campaign, diff) if diff else None
    compared = diff_plans(other, made, costs=quote.cost, usd_per_hour=quote.usd_per_hour) if other else None
    if html is not None:
        html.write_text(plan_report(made, quote, found, diff=compared), encoding="utf-8")
    if as_json:
        typer.echo(canonical_json(_as_json(made, quote, found, compared)).decode())
    else:
        _print(made, quote, found, live=live, final=press == "final")
        if compared:
            _print_diff(compared)
    if any(finding.severity == "error" for finding in found):
        raise typer.Exit(1)


def plan_offline(
    ws: Workspace, campaign: str, *, conf: dict[str, Any], drop: str, broken: frozenset[str] = frozenset()
) -> tuple[RenderPlan, tuple[Finding, ...]]:
    """The plan of a campaign as a person at a terminal would trigger it; `broken` as in Library."""
    sources = Sources(ws, campaign, broken=broken)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="cli", dag_id=ids.dag_id_of(campaign), run_id="cli", run_type="manual", conf=conf,
        drop=drop or datetime.now(UTC).date().isoformat(), triggered_by="cli",
    )  # fmt: skip
    made, gather = make_plan(ws, sources, spec, request)
    return made, gather.findings


def quote_as_asked(ws: Workspace, made: RenderPlan, *, press: str, known: frozenset[str], live: bool = False) -> Quote:
    """The quote, priced for the press that was asked for even where this machine could only print proofs.

    `live`: quotas are asked for where there are instance types to choose from, as quote_run will.
    """
    final = made.run.model_copy(update={"press": "final"})
    asked = made.model_copy(update={"run": final}) if press == "final" else made
    choice = live and asked.run.press == "final" and len(made.spec.job.instance_types) > 1
    probe = open_probe(region=ws.settings.region, owner=ws.settings.bucket_owner) if choice else None
    return quote_plan(ws, asked, known=known, probe=probe)


def _as_json(
    made: RenderPlan, quote: Quote, found: tuple[Finding, ...], compared: PlanDiff | None = None
) -> dict[str, Any]:
    told = {"diff": asdict(compared)} if compared else {}
    return told | {
        "campaign": made.run.campaign,
        "drop": made.run.drop,
        "planned": len(made.items),
        "cells": len(made.cells),
        "to_render": quote.to_render,
        "reused": len(quote.reused),
        "shards": len(quote.shards),
        "instance_type": quote.instance_type,
        "seconds": round(quote.seconds, 1),
        "seconds_p90": round(quote.seconds_p90, 1),
        "wall_seconds": round(quote.wall_seconds, 1),
        "wall_p90": round(quote.wall_p90, 1),
        "usd": quote.usd,
        "usd_p90": quote.usd_p90,
        "estimate": {name: basis.sentence() for name, basis in quote.cost.items()},
        "ceiling_usd": quote.ceiling_usd,
        "unpriced": quote.unpriced,
        "not_priced": quote.not_priced,
        "parallel": quote.parallel,
        "probe": quote.probe,
        "choices": [choice.model_dump(mode="json") for choice in quote.choices],
        "review": quote.review.model_dump(mode="json") if quote.review else None,
        "storage": quote.storage.model_dump(mode="json") if quote.storage else None,
        "saving": quote.saving.model_dump(mode="json") if quote.saving else None,
        "price_source": quote.price_source,
        "findings": [finding.model_dump(mode="json") for finding in found],
    }


def _print(made: RenderPlan, quote: Quote, found: tuple[Finding, ...], *, live: bool, final: bool) -> None:
    console = Console()
    spec = made.spec
    console.print(f"[bold]{escape(spec.title)}[/] ({spec.campaign}), drop of {made.run.drop}, workflow {spec.workflow}")
    others = [axis for axis in (made.items[0].axes if made.items else ()) if axis not in ("product", "locale")]
    prompts = len(prompts_of(made.items))
    batches = f", {prompts} prompts" if prompts < len(made.items) else ""
    table = Table(title=f"{len(made.items)} items in {len(made.cells)} cells{batches}", title_justify="left")
    table.add_column("locale")
    table.add_column("products", justify="right")
    for axis in others:
        table.add_column(escape(axis), justify="right")
    table.add_column("items", justify="right")
    for locale in made.run.locales:
        items = [item for item in made.items if item.locale == locale]
        counts = [str(len(Counter(item.axes[axis] for item in items))) for axis in ("product", *others)]
        table.add_row(escape(locale), *counts, str(len(items)))
    console.print(table)
    index = "reused from the render index" if live else "reused (no render index here: everything counts as new)"
    console.print(f"{quote.to_render} to render · {len(quote.reused)} {index}")
    kind = "final" if final else "proof"
    shards = f"{len(quote.shards)} jobs on {quote.instance_type}"
    console.print(f"{kind} press: {shards} · about {quote.seconds / 60:,.0f} min of machine time, cold starts included")
    if quote.to_render:
        console.print(
            f"done in about {quote.wall_seconds / 60:,.0f} min, nine of ten in {quote.wall_p90 / 60:,.0f} min"
        )
    print_price(console, quote, quote.cost)
    for said in quote.besides():
        console.print(escape(said), highlight=False)
    print_findings(console, found)


def _print_diff(compared: PlanDiff) -> None:
    console = Console()
    console.print(f"against the other plan: {compared.sentence()}", highlight=False, soft_wrap=True)
    table = Table()
    for name in ("", "items", "rows", "USD"):
        table.add_column(name, justify="right" if name else "left")
    for name in ("added", "removed", "changed", "same"):
        part = getattr(compared, name)
        table.add_row(name, str(part.items), str(part.rows), "?" if part.usd is None else f"{part.usd:,.2f}")
    console.print(table)

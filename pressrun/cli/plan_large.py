"""`pressrun plan --parquet`: a plan of any size, written as files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from pressrun.cli.printed import print_findings, print_price
from pressrun.core import ids
from pressrun.core.codec import canonical_json, from_bytes
from pressrun.core.errors import NotFoundError
from pressrun.core.findings import Finding
from pressrun.core.large_plan import ITEMS_FILE, PLAN_FILE, LargePlan
from pressrun.core.plan_diff import PlanDiff, diff_tables
from pressrun.steps.expand import make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace


def large_plan(
    ws: Workspace, campaign: str, folder: Path, *, conf: dict[str, Any], drop: str, known: frozenset[str], diff: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Write the plan into `folder` and say what it would buy. Exit 1 where it has errors."""
    from pressrun.steps.large_plan import plan_large  # noqa: PLC0415 - loads Parquet, which other plans do without

    sources = Sources(ws, campaign)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="cli", dag_id=ids.dag_id_of(campaign), run_id="cli", run_type="manual", conf=conf,
        drop=drop or datetime.now(UTC).date().isoformat(), triggered_by="cli",
    )  # fmt: skip
    other = _items_of(diff) if diff else None
    made, gather = plan_large(ws, sources, spec, request, folder, known=known)
    found = gather.findings
    compared = diff_tables(other, folder / ITEMS_FILE, usd_per_hour=made.bill.usd_per_hour) if other else None
    if as_json:
        typer.echo(canonical_json(_as_json(made, folder, found, compared)).decode())
    else:
        _print(made, folder, found, compared)
    if any(finding.severity == "error" for finding in found):
        raise typer.Exit(1)


def _items_of(folder: str) -> Path:
    """The items of a large plan; its document says that they are whole."""
    path = Path(folder)
    if not (path / PLAN_FILE).is_file():
        raise NotFoundError("there is no large plan", where=folder, remedy="give a folder that --parquet has written")
    from_bytes(LargePlan, (path / PLAN_FILE).read_bytes(), where=str(path / PLAN_FILE))
    return path / ITEMS_FILE


def _as_json(made: LargePlan, folder: Path, found: tuple[Finding, ...], compared: PlanDiff | None) -> dict[str, Any]:
    told = {"diff": asdict(compared)} if compared else {}
    return told | {
        "campaign": made.run.campaign,
        "drop": made.run.drop,
        "folder": str(folder),
        "plan_digest": made.digest(),
        **made.bill.model_dump(mode="json"),
        "estimate": {name: basis.sentence() for name, basis in made.cost.items()},
        "findings": [finding.model_dump(mode="json") for finding in found],
    }


def _print(made: LargePlan, folder: Path, found: tuple[Finding, ...], compared: PlanDiff | None) -> None:
    console, bill, spec = Console(), made.bill, made.spec
    console.print(f"[bold]{escape(spec.title)}[/] ({spec.campaign}), drop of {made.run.drop}: {bill.planned:,} items")
    console.print(
        f"{bill.to_render:,} to render · {bill.reused:,} reused from the render index · "
        f"{bill.duplicates:,} the same picture as another item", highlight=False,
    )  # fmt: skip
    hours = f"about {bill.seconds / 3600:,.1f} h of machine time, cold starts included"
    console.print(f"{bill.shards:,} jobs on {bill.instance_type} · {hours}", highlight=False)
    print_price(console, bill, made.cost)
    if compared:
        console.print(f"against the other plan: {compared.sentence()}", highlight=False, soft_wrap=True)
    console.print(f"written to {folder}: {PLAN_FILE}, {ITEMS_FILE} and shards.parquet", highlight=False)
    print_findings(console, found)

"""`pressrun check`: everything that is wrong in include/: workflows, contracts, campaigns."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.console import Console

from pressrun.cli.plan import plan_offline
from pressrun.cli.printed import print_findings
from pressrun.core.campaign import campaign_files
from pressrun.core.codec import canonical_json
from pressrun.core.errors import PressrunError
from pressrun.core.findings import Finding
from pressrun.settings import Settings, settings
from pressrun.steps.expand import findings_of
from pressrun.steps.library import Library
from pressrun.steps.shared import check_shared
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import memory_workspace


def check(
    campaign: Annotated[str, typer.Argument(help="A campaign; workflows and all campaigns where not given.")] = "",
    drop: Annotated[str, typer.Option(help="Date of the drop for dated manifests; their newest where not given.")] = "",
    leave_out: Annotated[list[str] | None, typer.Option("--except", help="A campaign to leave out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print every finding of all workflows and campaigns, or of one campaign; exit code 1 where one is an error."""
    config = settings()
    everything = [path.parent.name for path in campaign_files(config.include)]
    names = [campaign] if campaign else [name for name in everything if name not in (leave_out or ())]
    shared = check_shared(config.include)
    # A shared file that cannot be read is told once, and counts as absent for all that is checked besides.
    broken = frozenset(file for file, findings in shared.items() if _errors(findings))
    found = {f"file {file}": shared[file] for file in sorted(broken)}
    if not campaign:
        found |= check_workflows(Library(config.include, broken=broken))
    found |= {f"campaign {name}": check_campaign(config, name, drop, broken) for name in names}
    if as_json:
        report = {
            "errors": sum(_errors(findings) for findings in found.values()),
            "checked": {name: [one.model_dump(mode="json") for one in findings] for name, findings in found.items()},
        }
        typer.echo(canonical_json(report).decode())
    else:
        _print(found)
    if any(_errors(findings) for findings in found.values()):
        raise typer.Exit(1)


def check_workflows(library: Library) -> dict[str, tuple[Finding, ...]]:
    """Findings of every version of every workflow."""
    return {f"workflow {version.stem}": library.load_version(version).findings for version in library.versions()}


def check_campaign(config: Settings, name: str, drop: str, broken: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Findings of one campaign, also where no plan can be made of it."""
    try:
        dated = drop or newest_drop(config, name)
        return plan_offline(memory_workspace(config), name, conf={}, drop=dated, broken=broken)[1]
    except PressrunError as exc:
        return findings_of(exc)


def newest_drop(config: Settings, name: str) -> str:
    """The date of the newest manifest that a dated campaign has; "" for today where its manifest is not dated."""
    location = Sources(memory_workspace(config), name).spec().manifest.location
    parts = re.split(r"\{\{\s*drop\s*\}\}", location)
    pattern = r"(\d{4}-\d{2}-\d{2})".join(map(re.escape, parts))
    folder = config.include / "campaigns" / name
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    dates = [match[1] for file in files if len(parts) == 2 and (match := re.fullmatch(pattern, file))]
    return max(dates, default="")


def _errors(findings: tuple[Finding, ...]) -> int:
    return sum(finding.severity == "error" for finding in findings)


def _print(found: dict[str, tuple[Finding, ...]]) -> None:
    console = Console()
    for name, findings in found.items():
        errors = _errors(findings)
        console.print(f"[bold]{name}[/]: " + (f"[red]{errors} errors[/]" if errors else "[green]good[/]"))
        print_findings(console, findings)

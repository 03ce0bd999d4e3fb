"""`pressrun workflow`: add, compare, draw, promote and refresh workflows."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pressrun.core.graph import Graph, read_graph
from pressrun.core.graph_diff import describe_changes
from pressrun.settings import settings
from pressrun.steps.drawing import draw_version
from pressrun.steps.library import Library, WorkflowVersion
from pressrun.steps.workflows import add_workflow, promote_workflow, refresh_nodes

app = typer.Typer(help="Workflows: graphs with their parameter contracts.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="NAME, or NAME@VERSION.")]


@app.command("list")
def list_versions(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False) -> None:
    """Every version in include/workflows, its state and its pool."""
    library = _library()
    rows = []
    for version in library.versions():
        found, pool = library.load_version(version), library.pool(version.stem)
        rows.append(
            {
                "workflow": version.name,
                "version": version.version,
                "state": found.release.state,
                "errors": len(found.errors),
                "instance_type": pool.instance_type if pool else "",
                "promoted_by": found.release.promoted_by,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("workflow", "version", "state", "errors", "instance type", "promoted by")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


@app.command()
def add(
    graph: Annotated[Path, typer.Argument(help="The file that ComfyUI exported in API format.")],
    name: Annotated[str, typer.Option(help="Its name here; the file's name where not given.")] = "",
) -> None:
    """Take in an exported graph: copies it, writes a first contract, and says what is left to decide."""
    added = add_workflow(_library(), graph, name=name)
    typer.echo(f"wrote include/workflows/{added.version.graph.name} and include/params/{added.version.contract.name}")
    typer.echo("left to decide:")
    for line in added.decide:
        typer.echo(f"  - {line}")
    typer.echo(f"then: pressrun check, and pressrun workflow promote {added.version.name}@{added.version.version}")


@app.command()
def diff(before: Name, after: Name) -> None:
    """What changed between two versions, in words."""
    library = _library()
    old, new = library.find(before), library.find(after)
    sentences = describe_changes(
        _graph(old), _graph(new), contract_before=_contract(old), contract_after=_contract(new)
    )
    typer.echo("\n".join(sentences) or "nothing changed")


@app.command()
def draw(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="The SVG file to write.")],
) -> None:
    """Draw the graph as an SVG, the inputs that parameters drive marked."""
    library = _library()
    output.write_text(draw_version(library, library.find(name)), "utf-8")
    typer.echo(f"wrote {output}")


@app.command()
def promote(name: Name, by: Annotated[str, typer.Option(help="Who releases it; you where not given.")] = "") -> None:
    """Release a version: it is checked, one proof of it is drawn, and from then on its files must not change."""
    library = _library()
    version = library.find(name)
    release = promote_workflow(library, f"{version.name}@{version.version}", by=by or getpass.getuser())
    typer.echo(f"{version.name}@{version.version} is released: {'; '.join(release.checks.values())}")


@app.command()
def refresh(url: Annotated[str, typer.Option(help="Address of a running ComfyUI.")] = "http://127.0.0.1:8188") -> None:
    """Record what a running ComfyUI says of its nodes in include/object_info.json."""
    catalogue, changed = refresh_nodes(_library(), url)
    typer.echo(f"ComfyUI {catalogue.version}: {len(catalogue.classes)} node classes recorded")
    for line in changed[:50]:
        typer.echo(f"  {line}")
    if len(changed) > 50:
        typer.echo(f"  and {len(changed) - 50} more")


def _library() -> Library:
    return Library(settings().include)


def _graph(version: WorkflowVersion) -> Graph:
    return read_graph(version.graph.read_bytes(), file=version.graph.name)


def _contract(version: WorkflowVersion) -> dict[str, object]:
    found: dict[str, object] = json.loads(version.contract.read_bytes()) if version.contract.is_file() else {}
    return found

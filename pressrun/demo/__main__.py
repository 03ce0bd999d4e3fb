"""`scripts/demo`: up, trigger, watch, review, published. With --yes it plays the reviewers, through the gallery."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pressrun.cli import run_command
from pressrun.cli.local import down as stop
from pressrun.cli.local import status as tell
from pressrun.core import ids, keys
from pressrun.core.codec import canonical_json
from pressrun.core.errors import PressrunError
from pressrun.demo.reviewer import review_all
from pressrun.demo.watch import Watch
from pressrun.gallery.airflow_app import review_path
from pressrun.local import press
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import Login
from pressrun.settings import read_settings
from pressrun.steps.workspace import Workspace, open_workspace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, invoke_without_command=True)
app.command("down")(stop)
app.command("status")(tell)

TIMEOUT = 45 * 60.0


@app.callback()
def demo(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Needs no person: reviews through the gallery's API.")] = False,
    campaign: Annotated[str, typer.Option(help="Which campaign to run.")] = "spring_sale",
    limit: Annotated[int | None, typer.Option(help="At most this many items.", min=1)] = None,
) -> None:
    """Run the sample campaign from manifest to published images."""
    if context.invoked_subcommand is None:
        run(Path.cwd(), campaign=campaign, yes=yes, limit=limit)


def run(project: Path, *, campaign: str, yes: bool, limit: int | None) -> dict[str, Any]:
    """One run, from bring-up to its summary, which is printed as the last line."""
    began = time.monotonic()
    say = typer.echo
    say("Starting the press (Airflow, S3, SageMaker) on this machine …")
    endpoints = press.up(project, say=say)
    logins = {login.name: login for login in endpoints.logins}
    ws = open_local_workspace(project, endpoints)
    with AirflowClient(endpoints.airflow, logins["maya"]) as airflow:
        dag_id = ids.dag_id_of(campaign)
        airflow.wait_for_dag(dag_id, timeout=90)
        conf: dict[str, Any] = {} if limit is None else {"limit": limit}
        asked = f"demo__{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
        run_id = airflow.trigger(dag_id, asked, conf, note="scripts/demo")["dag_run_id"]
        say(f"\nmaya triggered {dag_id}: {endpoints.airflow}/dags/{dag_id}/runs/{run_id}")
        watch = Watch(airflow, ws, dag_id=dag_id, run_id=run_id, say=say)
        waiting = watch.until_review_or_end(TIMEOUT)
        if waiting is not None:
            page = f"{endpoints.airflow}{review_path(dag_id, run_id)}"
            say(f"\nReady for review: {page}")
            _review(endpoints.airflow, waiting, logins, yes=yes, say=say)
            watch.until_end(TIMEOUT if yes else 24 * 3600.0)
        summary = {**watch.summary(), "run_id": run_id, "seconds": round(time.monotonic() - began, 1)}
    _farewell(campaign, endpoints, ws, say)
    say(canonical_json(summary).decode())
    if summary["lost"] or watch.state != "success":
        raise PressrunError(f"the run ended {watch.state}", where=run_id, remedy="look at its tasks in Airflow")
    return summary


def open_local_workspace(project: Path, endpoints: press.Endpoints) -> Workspace:
    """The buckets of a press on this machine; sets this process's AWS variables to it."""
    import os  # noqa: PLC0415 - the one place that points this process at the local endpoints

    os.environ |= endpoints.environment()
    return open_workspace(read_settings({**os.environ, "PRESSRUN_HOME": str(project)}))


def _review(url: str, waiting: tuple[str, str, int], logins: dict[str, Login], *, yes: bool, say: Any) -> None:
    if yes:
        said = review_all(url, waiting, [logins["rosa"], logins["kenji"]])
        say(f"rosa and kenji decided: {said}")
        return
    for name in ("rosa", "kenji"):
        say(f"  log in as {name} with password {logins[name].password}")
    say("  keys: A approve · X reject · C changes requested · ? all keys; then Finish round. Waiting for you …")


def _farewell(campaign: str, endpoints: press.Endpoints, ws: Workspace, say: Any) -> None:
    folder = keys.published_root(campaign, proof=True)
    images = [info.key for info in ws.published.list(folder) if info.key.endswith(".png")]
    say(f"\nPublished: {ws.published.uri(folder)} holds {len(images)} images, index.json and delivery.csv")
    say(f"  Airflow          {endpoints.airflow}  (maya / {_password(endpoints, 'maya')})")
    say('  where from?      eval "$(.venv/bin/pressrun local env)"')
    say(f"                   .venv/bin/pressrun lineage show {ws.published.uri(images[0] if images else folder)}")
    say("  stop everything  scripts/demo down")


def _password(endpoints: press.Endpoints, name: str) -> str:
    return next(login.password for login in endpoints.logins if login.name == name)


if __name__ == "__main__":
    run_command(app)

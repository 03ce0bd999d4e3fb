"""`scripts/demo`: up, trigger, watch, review, published. With --yes it plays the reviewers, through the gallery."""

from __future__ import annotations

import os
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
from pressrun.core.errors import PressrunError, SetupError
from pressrun.demo.comfyui import comfyui_variables
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
# What each engine shows best: spring_sale's graph needs a checkpoint of gigabytes, master_to_market's none.
SAMPLES = {"proof": "spring_sale", "comfyui": "master_to_market"}


@app.callback()
def demo(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Needs no person: reviews through the gallery's API.")] = False,
    campaign: Annotated[str | None, typer.Option(help="Which campaign; default spring_sale, one that needs no model "
                                                      "with --engine comfyui.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many items.", min=1)] = None,
    engine: Annotated[
        str, typer.Option(help="proof draws sketches; comfyui renders finals with COMFYUI_HOME's ComfyUI or, where "
                               "that is not set, with the image's own, which is fetched from the internet once.")
    ] = "proof",
) -> None:  # fmt: skip
    """Run the sample campaign from manifest to published images."""
    if engine not in SAMPLES:
        raise SetupError(f"there is no engine {engine!r}", where="--engine", remedy="proof or comfyui")
    if context.invoked_subcommand is None:
        run(Path.cwd(), campaign=campaign or SAMPLES[engine], yes=yes, limit=limit, engine=engine)


def run(project: Path, *, campaign: str, yes: bool, limit: int | None, engine: str = "proof") -> dict[str, Any]:
    """One run, from bring-up to its summary, which is printed as the last line."""
    began = time.monotonic()
    say = typer.echo
    final = engine == "comfyui"
    if final:
        _use_comfyui(project, say)
    say("Starting the press (Airflow, S3, SageMaker) on this machine …")
    endpoints = press.up(project, say=say)
    logins = {login.name: login for login in endpoints.logins}
    ws = open_local_workspace(project, endpoints)
    with AirflowClient(endpoints.airflow, logins["maya"]) as airflow:
        dag_id = ids.dag_id_of(campaign)
        airflow.wait_for_dag(dag_id, timeout=90)
        conf: dict[str, Any] = {} if limit is None else {"limit": limit}
        if final:
            conf["press"] = "final"
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
    _farewell(keys.published_root(campaign, proof=not final), endpoints, ws, say)
    say(canonical_json(summary).decode())
    if summary["lost"] or watch.state != "success":
        raise PressrunError(f"the run ended {watch.state}", where=run_id, remedy="look at its tasks in Airflow")
    return summary


def _use_comfyui(project: Path, say: Any) -> None:
    """Point this process, and with it the press that it starts, at a real ComfyUI. SetupError where there is none."""
    chosen = comfyui_variables(project, say=say)
    if press.status(project).supervisor is not None:
        _, running = press.airflow_command(project)
        if any(running.get(name) != value for name, value in chosen.items()):
            raise SetupError("the press that runs here was started without this ComfyUI", remedy="scripts/demo down")
    os.environ |= chosen


def open_local_workspace(project: Path, endpoints: press.Endpoints) -> Workspace:
    """The buckets of a press on this machine; sets this process's AWS variables to it."""
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


def _farewell(folder: str, endpoints: press.Endpoints, ws: Workspace, say: Any) -> None:
    files = [info.key for info in ws.published.list(folder) if not info.key.endswith((".json", ".csv"))]
    say(f"\nPublished: {ws.published.uri(folder)} holds {len(files)} files, index.json and delivery.csv")
    say(f"  Airflow          {endpoints.airflow}  (maya / {_password(endpoints, 'maya')})")
    say('  where from?      eval "$(.venv/bin/pressrun local env)"')
    say(f"                   .venv/bin/pressrun lineage show {ws.published.uri(files[0] if files else folder)}")
    say("  stop everything  scripts/demo down")


def _password(endpoints: press.Endpoints, name: str) -> str:
    return next(login.password for login in endpoints.logins if login.name == name)


if __name__ == "__main__":
    run_command(app)

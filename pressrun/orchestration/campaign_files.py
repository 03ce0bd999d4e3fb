"""All campaign files of a deployment as DAGs. A broken file breaks only itself, and says so where people look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from pressrun.core.campaign import campaign_files
from pressrun.core.errors import PressrunError
from pressrun.core.findings import FindingsError
from pressrun.core.ids import dag_id_of
from pressrun.orchestration.campaign_dag import build_campaign_dag


def campaign_dags(include: Path, *, only: str | None = None) -> Iterator[DAG]:
    """A DAG for each campaign file. For a broken one, a DAG in its place that tells what is wrong.

    Airflow knows import errors by Python file, and all campaigns share one; raising for one would take away all.
    `only` is the one DAG id that is wanted: a worker runs one task and has no use for the other campaigns.
    """
    for file in campaign_files(include):
        if only in (None, _safe_id(dag_id_of(file.parent.name))):
            yield _campaign_dag(file)


def _campaign_dag(file: Path) -> DAG:
    folder = file.parent.name
    try:
        dag = build_campaign_dag(file)
        if dag.dag_id != dag_id_of(folder):
            raise PressrunError(
                f"campaign {dag.dag_id.removeprefix('press_')!r} lives in folder {folder!r}",
                where=f"{folder}/campaign.yaml",
                remedy="give the folder and the campaign one name",
            )
    except Exception as exc:
        return broken_dag(_safe_id(dag_id_of(folder)), file, exc)
    return dag


def _safe_id(dag_id: str) -> str:
    """Airflow takes letters, digits and _.- in a DAG id; a folder may be named otherwise."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in dag_id)


def broken_dag(dag_id: str, file: Path, error: Exception) -> DAG:
    """A DAG whose page lists what is wrong with a campaign file and whose only task fails with it."""
    shown = f"{file.parent.name}/{file.name}"
    lines = [str(finding) for finding in error.findings] if isinstance(error, FindingsError) else [str(error)]
    reason = f"{shown} cannot be used: " + "; ".join(lines)
    listed = "\n".join(f"- `{line}`" for line in lines)
    with DAG(
        dag_id=dag_id,
        dag_display_name=f"⚠ {file.parent.name} (broken campaign file)",
        description=reason[:200],
        doc_md=f"# {shown} cannot be used\n\n{listed}\n\nMend the file; this page then becomes the campaign.\n",
        schedule=None,
        tags={"pressrun", "campaign", "broken"},
    ) as dag:

        @task(task_id="read_campaign", retries=0)
        def read_campaign(reason: str) -> None:
            """Fail with what is wrong with the campaign file."""
            raise AirflowFailException(reason)

        read_campaign(reason)
    return dag

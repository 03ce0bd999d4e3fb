"""All campaign files of a deployment as DAGs. A broken file breaks only itself, and says so where people look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from pressrun.core.errors import PressrunError
from pressrun.core.findings import FindingsError
from pressrun.core.ids import dag_id_of
from pressrun.orchestration.campaign_dag import build_campaign_dag


def campaign_files(include: Path) -> list[Path]:
    """Every campaigns/NAME/campaign.yaml, by name."""
    return sorted(include.glob("campaigns/*/campaign.yaml"))


def campaign_dags(include: Path) -> Iterator[DAG]:
    """A DAG for each campaign file. For a broken one, a DAG in its place that tells what is wrong.

    Airflow knows import errors by Python file, and all campaigns share one; raising for one would take away all.
    """
    seen: dict[str, str] = {}
    for file in campaign_files(include):
        folder = file.parent.name
        try:
            dag = build_campaign_dag(file)
            if dag.dag_id in seen:
                raise PressrunError(
                    f"campaign {dag.dag_id.removeprefix('press_')!r} is already defined in {seen[dag.dag_id]}",
                    where=f"{folder}/campaign.yaml",
                    remedy="give each campaign its own name",
                )
        except Exception as exc:
            dag = broken_dag(
                dag_id_of(folder) if dag_id_of(folder) not in seen else f"press_{folder}_broken", file, exc
            )
        seen[dag.dag_id] = f"{folder}/campaign.yaml"
        yield dag


def broken_dag(dag_id: str, file: Path, error: Exception) -> DAG:
    """A DAG whose page lists what is wrong with a campaign file and whose only task fails with it."""
    shown = f"{file.parent.name}/{file.name}"
    lines = [str(finding) for finding in error.findings] if isinstance(error, FindingsError) else [str(error)]
    reason = f"{shown} cannot be used: " + "; ".join(lines)
    listed = "\n".join(f"- `{line}`" for line in lines)
    with DAG(
        dag_id="".join(
            letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in dag_id
        ),
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

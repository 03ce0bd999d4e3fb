"""The daily airflow DAG that deletes expired drafts."""

from __future__ import annotations

from pressrun.orchestration.retire_dag import build_retire_dag

retire_campaigns = build_retire_dag()

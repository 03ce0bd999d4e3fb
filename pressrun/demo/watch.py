"""Watching a run: one line for each thing that happened, until people are needed or the run has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pressrun.core import ids, keys
from pressrun.core.account import RunSummary
from pressrun.core.errors import PressrunError
from pressrun.local.client import ENDED, AirflowClient
from pressrun.steps.review import list_rounds
from pressrun.steps.staging import job_progress
from pressrun.steps.workspace import Workspace

_SHOWN = {"running", "deferred", "success", "failed", "upstream_failed", "skipped", "awaiting_input"}


class Watch:
    """Follows one DAG run through Airflow's REST API and the run's documents."""

    def __init__(
        self, airflow: AirflowClient, ws: Workspace, *, dag_id: str, run_id: str, say: Callable[[str], None]
    ) -> None:
        self._airflow, self._ws, self._say = airflow, ws, say
        self.dag_id, self.run_id, self.state = dag_id, run_id, "queued"
        self._told: dict[tuple[str, int], str] = {}
        self._progress = (0, 0)
        self._began = time.monotonic()

    @property
    def run_prefix(self) -> str:
        return ids.run_prefix(deployment=self._ws.settings.deployment, dag_id=self.dag_id, run_id=self.run_id)

    def until_review_or_end(self, timeout: float) -> tuple[str, str, int] | None:
        """(campaign, run key, round number) of the round that waits for people, or None where the run ended first."""
        return self._until(timeout, stop_at_review=True)

    def until_end(self, timeout: float) -> None:
        """Follow the run to its end."""
        self._until(timeout, stop_at_review=False)

    def summary(self) -> dict[str, Any]:
        """The run's account as close_run wrote it; PressrunError with the failed task where there is none."""
        for info in self._ws.work.list(f"runs/{self.run_prefix}"):
            if info.key.endswith("/close.json"):
                return self._ws.read(RunSummary, info.key).account.model_dump(mode="json")
        failed = [task for (task, _), state in self._told.items() if state == "failed"]
        raise PressrunError(
            f"the run ended {self.state} without a summary; failed: {', '.join(failed) or 'nothing'}",
            where=f"{self.dag_id} {self.run_id}",
            remedy="its task logs in Airflow say why",
        )

    def _until(self, timeout: float, *, stop_at_review: bool) -> tuple[str, str, int] | None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.state = self._airflow.dag_run(self.dag_id, self.run_id)["state"]
            self._tell_tasks()
            if self.state in ENDED:
                return None
            self._tell_progress()
            # A round that needs nobody is finished by the sensor itself, without ever being deferred.
            if stop_at_review and self._told.get(("await_review", -1)) == "deferred":
                waiting = self._open_round()
                if waiting:
                    return waiting
            time.sleep(1.0)
        raise PressrunError(f"the run is still {self.state} after {timeout / 60:.0f} min", where=self.run_id)

    def _open_round(self) -> tuple[str, str, int] | None:
        campaign = ids.campaign_of(self.dag_id) or ""
        for listing in list_rounds(self._ws, campaign, self.run_prefix):
            if listing.closed is None:
                return (listing.campaign, listing.run_key, listing.number)
        return None

    def _tell_tasks(self) -> None:
        for task in self._airflow.task_instances(self.dag_id, self.run_id):
            place = (task["task_id"], task["map_index"])
            state = task["state"] or ""
            if state in _SHOWN and self._told.get(place) != state:
                self._told[place] = state
                shard = task.get("rendered_map_index") or (f"[{place[1]}]" if place[1] >= 0 else "")
                self._line(f"{place[0]} {shard}".rstrip() + f"  {state}")

    def _tell_progress(self) -> None:
        """How many pictures the running jobs have made so far, whenever that changed."""
        if not any(task.startswith("render_") and state == "deferred" for (task, _), state in self._told.items()):
            return
        done = planned = 0
        for name in self._jobs():
            progress = job_progress(self._ws, name)
            if progress is not None:
                done, planned = done + progress.done, planned + progress.planned
        if planned and (done, planned) != self._progress:
            self._progress = (done, planned)
            self._line(f"{done} of {planned} pictures drawn by the jobs so far")

    def _jobs(self) -> list[str]:
        records = (info.key for info in self._ws.work.list(keys.runs(self.run_prefix)) if "/jobs/" in info.key)
        return [key.rsplit("/", 1)[1].removesuffix(".json") for key in records]

    def _line(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._began:6.1f} s  {text}")

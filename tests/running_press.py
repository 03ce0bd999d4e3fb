"""One running press for all tests that need Airflow: a copy of the project, ports of its own, small campaigns.

Between Airflow and the SageMaker endpoint stands a relay, so that a test can hold an answer back, and can count what
was really asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml

from pressrun.core import ids, keys
from pressrun.core.account import RunSummary
from pressrun.core.codec import from_bytes
from pressrun.core.job import JobRecord
from pressrun.core.publication import CampaignIndex
from pressrun.local import pidfiles, press, processes
from pressrun.local.buckets import local_client
from pressrun.local.client import AirflowClient
from pressrun.local.credentials import Login, login_of
from pressrun.local.options import LocalOptions
from pressrun.settings import read_settings
from pressrun.steps.jobs import job_records
from pressrun.steps.review import RoundListing, list_rounds
from pressrun.steps.staging import staged_job
from pressrun.steps.workspace import Workspace, open_workspace

AIRFLOW_PORT, S3_PORT, SAGEMAKER_PORT, RELAY_PORT = 21480, 21466, 21458, 21459
CAMPAIGNS = ("triggerer", "scheduler", "job", "stopped", "halted", "twins", "again", "desk")
PATIENCE = 400.0
"""Seconds to wait for anything; a loaded machine with two cores is slow after a component was killed."""


def wait_until(look: Callable[[], Any], what: str, timeout: float = PATIENCE, every: float = 0.5) -> Any:
    """The first true answer of `look`; AssertionError naming `what` after `timeout` seconds."""
    until = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < until, f"waited {timeout:.0f} s for {what}"
        time.sleep(every)
    return found


class Relay(http.server.ThreadingHTTPServer):
    """Passes requests on to the endpoint. `hold` keeps back the answers to CreateProcessingJob until `release`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", RELAY_PORT), _Handler)
        self.created: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.held = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def hold(self) -> None:
        self.held.clear()
        self._go.clear()

    def release(self) -> None:
        self._go.set()

    def note(self, name: str, status: int) -> None:
        """A CreateProcessingJob was answered by the endpoint: count it, and wait while answers are held."""
        self.tried[name] += 1
        self.created[name] += status == 200
        self.held.set()
        self._go.wait(PATIENCE)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed on purpose here: their broken connections are no news."""

    def end(self) -> None:
        self.release()
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        onward = http.client.HTTPConnection("127.0.0.1", SAGEMAKER_PORT, timeout=180)
        with contextlib.closing(onward):
            onward.request("POST", self.path, body, dict(self.headers.items()))
            answer = onward.getresponse()
            data = answer.read()
        if self.headers.get("X-Amz-Target", "").endswith(".CreateProcessingJob"):
            self.server.note(json.loads(body)["ProcessingJobName"], answer.status)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@dataclass
class RunningPress:
    """A press that works, with what tests ask of it. Every campaign of CAMPAIGNS has 4 cells of 2 candidates."""

    project: Path
    endpoints: press.Endpoints
    relay: Relay
    ws: Workspace
    sagemaker: Any
    _clients: dict[str, AirflowClient] = field(default_factory=dict)
    wait = staticmethod(wait_until)

    def client(self, user: str = "maya") -> AirflowClient:
        if user not in self._clients:
            self._clients[user] = AirflowClient(self.endpoints.airflow, self.login(user))
        return self._clients[user]

    def login(self, user: str) -> Login:
        return login_of(self.project, user)

    def reviewers(self) -> list[Login]:
        return [self.login("rosa"), self.login("kenji")]

    @property
    def run_folder(self) -> Path:
        return self.project / ".pressrun/run"

    def slow_down(self, milliseconds: int) -> None:
        """From now on a picture takes at least so long in jobs that start."""
        (self.project / "latency").write_text(str(milliseconds))

    def trigger(self, campaign: str, run_id: str, **conf: Any) -> str:
        dag_id = ids.dag_id_of(campaign)
        self.client().wait_for_dag(dag_id, timeout=PATIENCE)
        return str(self.client().trigger(dag_id, run_id, conf)["dag_run_id"])

    def prefix(self, campaign: str, run_id: str) -> str:
        return ids.run_prefix(deployment=self.ws.settings.deployment, dag_id=ids.dag_id_of(campaign), run_id=run_id)

    def editions(self, campaign: str, run_id: str) -> list[str]:
        found = self.ws.work.list(keys.runs(self.prefix(campaign, run_id)))
        return sorted({info.key.split("/")[1] for info in found})

    def records(self, campaign: str, run_id: str) -> list[JobRecord]:
        """The jobs that a run has ordered, by phase, shard and attempt."""
        return [record for edition in self.editions(campaign, run_id) for record in job_records(self.ws, edition)]

    def wait_for_job(self, campaign: str, run_id: str) -> str:
        """Name of a job of the run that SageMaker knows and that runs."""
        return str(
            wait_until(
                lambda: next(
                    (r.name for r in self.records(campaign, run_id) if self.job(r.name) == "InProgress"), None
                ),
                f"a running job of {run_id}",
                every=0.1,
            )
        )

    def job(self, name: str) -> str | None:
        """The job's state as SageMaker tells it; None where there is no such job."""
        try:
            return str(self.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"])
        except self.sagemaker.exceptions.ClientError:
            return None

    def listed_jobs(self) -> list[str]:
        pages = self.sagemaker.get_paginator("list_processing_jobs").paginate()
        return [found["ProcessingJobName"] for page in pages for found in page["ProcessingJobSummaries"]]

    def images(self, job: str) -> list[str]:
        """Images that a job has uploaded."""
        return [info.key for info in self.ws.work.list(f"{keys.staging(job)}images/")]

    def record(self, name: str) -> JobRecord:
        """The record of a job that some run has ordered."""
        for info in self.ws.work.list(keys.runs()):
            if info.key.endswith(f"/jobs/{name}.json"):
                return self.ws.read(JobRecord, info.key)
        raise AssertionError(f"nobody ordered {name}")

    def rendered(self, job: str) -> list[str]:
        """Items that the job delivered: a result line says so and the image is there."""
        return sorted(staged_job(self.ws, job).rendered)

    def wait_for_images(self, job: str, count: int) -> None:
        wait_until(lambda: len(self.rendered(job)) >= count, f"{count} images of {job}", every=0.1)

    def wait_for_job_state(self, name: str, *states: str) -> None:
        wait_until(lambda: self.job(name) in states, f"{name} to be {' or '.join(states)}")

    def page(self, path: str, user: str = "vic") -> str:
        """A page of the gallery as text."""
        bearer = {"Authorization": f"Bearer {self.client(user).token()}"}
        answer = httpx.get(f"{self.endpoints.airflow}/pressrun/{path}", headers=bearer, timeout=120, trust_env=False)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def published_index(self, campaign: str) -> CampaignIndex:
        """index.json of the campaign's delivered proofs."""
        store = self.ws.published
        key = keys.campaign_index(keys.published_root(campaign, proof=True))
        return from_bytes(CampaignIndex, store.get(key), where=store.uri(key))

    def task_states(self, campaign: str, run_id: str, task_id: str) -> list[str]:
        found = self.client().task_instances(ids.dag_id_of(campaign), run_id)
        return [str(task["state"]) for task in found if task["task_id"] == task_id]

    def wait_for_task(self, campaign: str, run_id: str, task_id: str, *states: str) -> None:
        def there() -> bool:
            run = self.client().dag_run(ids.dag_id_of(campaign), run_id)["state"]
            now = self.task_states(campaign, run_id, task_id)
            assert run not in ("success", "failed") or set(now) & set(states), self.told(campaign, run_id)
            return bool(set(now) & set(states))

        wait_until(there, f"{task_id} of {run_id} to be {' or '.join(states)}")

    def told(self, campaign: str, run_id: str) -> str:
        """The run's tasks and their states, for messages of failed tests."""
        found = self.client().task_instances(ids.dag_id_of(campaign), run_id)
        return ", ".join(f"{task['task_id']}[{task['map_index']}]={task['state']}" for task in found)

    def open_round(self, campaign: str, run_id: str) -> RoundListing | None:
        rounds = list_rounds(self.ws, campaign, self.prefix(campaign, run_id))
        return next((one for one in rounds if one.closed is None), None)

    def wait_for_round(self, campaign: str, run_id: str) -> tuple[str, str, int]:
        """Campaign, run key and number of the round that waits for people."""
        self.wait_for_task(campaign, run_id, "await_review", "running", "deferred", "success")
        found = wait_until(lambda: self.open_round(campaign, run_id), f"the round of {run_id}")
        return found.campaign, found.run_key, found.number

    def review(self, campaign: str, run_id: str) -> None:
        """Wait for the run's round and decide it as the demo does."""
        from pressrun.demo.reviewer import review_all

        review_all(self.endpoints.airflow, self.wait_for_round(campaign, run_id), self.reviewers())

    def wait_for_end(self, campaign: str, run_id: str, state: str = "success") -> None:
        run = self.client().wait_for_run(ids.dag_id_of(campaign), run_id, timeout=PATIENCE)
        assert run["state"] == state, self.told(campaign, run_id)

    def summary(self, campaign: str, run_id: str, edition: str | None = None) -> RunSummary:
        """close.json of the run, or of one of its editions."""
        editions = [edition] if edition else self.editions(campaign, run_id)
        found = [key for key in map(keys.close, editions) if self.ws.work.head(key)]
        assert len(found) == 1, (editions, self.told(campaign, run_id))
        return self.ws.read(RunSummary, found[0])

    def finish(self, campaign: str, run_id: str) -> RunSummary:
        """Review, wait for a good end; returns its summary, which must have lost nothing."""
        self.review(campaign, run_id)
        self.wait_for_end(campaign, run_id)
        summary = self.summary(campaign, run_id)
        account = summary.account
        assert account.lost == 0
        assert account.planned == account.rendered + account.reused + account.qc_rejected + account.failed
        assert account.approved == account.published + account.already_published
        return summary

    def kill(self, component: str) -> list[int]:
        """SIGKILL a component and all its processes, as a machine that goes away; returns their pids."""
        family = processes.marked(pidfiles.MARK, pidfiles.mark_of(self.run_folder, component))
        assert family
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return family

    def kill_job(self, name: str) -> None:
        """SIGKILL the job's whole process group."""
        pid = int(next((self.project / ".pressrun/sagemaker/jobs" / name).glob("*.pid")).read_text())
        os.killpg(pid, signal.SIGKILL)

    def wait_healthy(self) -> None:
        wait_until(lambda: press.status(self.project).healthy, "a healthy press")

    def environment(self) -> dict[str, str]:
        """What Airflow's own commands need beside this press."""
        from pressrun.local.services import Plan

        services = Plan.read(self.run_folder / "plan.json").services
        return next(dict(service.env) for service in services if service.name == "api-server")

    def dag_run_path(self, campaign: str, run_id: str) -> str:
        return f"/api/v2/dags/{ids.dag_id_of(campaign)}/dagRuns/{quote(run_id, safe='')}"

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@contextlib.contextmanager
def running_press(project: Path, repository: Path) -> Iterator[RunningPress]:
    """Bring a press up on a copy of the repository's project folders; take it down in the end."""
    _copy(project, repository)
    relay = Relay()
    try:
        options = LocalOptions(
            AIRFLOW_PORT,
            S3_PORT,
            SAGEMAKER_PORT,
            images=_slow_image(project),
            environment={
                "PRESSRUN_POLL_SECONDS": "5",
                "AWS_ENDPOINT_URL_SAGEMAKER": f"http://127.0.0.1:{RELAY_PORT}",
            },
        )
        endpoints = press.up(project, options)
        os.environ |= endpoints.environment()
        ws = open_workspace(read_settings({"PRESSRUN_HOME": str(project)}))
        sagemaker = local_client("sagemaker", endpoints.sagemaker, "us-east-1")
        running = RunningPress(project, endpoints, relay, ws, sagemaker)
        yield running
        running.close()
    finally:
        press.down(project)
        relay.end()


def _copy(project: Path, repository: Path) -> None:
    # The code as well: components come first to the copy, and an edit in the middle of a run changes nothing here.
    for folder in ("dags", "plugins", "include", "pressrun"):
        shutil.copytree(repository / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (project / ".venv-s3").symlink_to(repository / ".venv-s3")
    (project / "latency").write_text("0")
    for number, name in enumerate(CAMPAIGNS):
        _write_campaign(project / "include/campaigns", name, seed=number)
    _write_late(project / "include/campaigns")


def _write_campaign(campaigns: Path, name: str, *, seed: int) -> None:
    """Two products, two markets, two kinds of paper; no two campaigns have a picture in common."""
    folder = campaigns / name
    shutil.copytree(campaigns / "daily_deals", folder)
    shutil.copy(folder / "manifests/2026-11-10.csv", folder / "manifest.csv")
    spec = yaml.safe_load((folder / "campaign.yaml").read_text("utf-8"))
    for gone in ("schedule", "start", "catchup", "timezone", "notify"):
        spec.pop(gone, None)
    spec |= {
        "campaign": name,
        "title": f"Test of {name}",
        "locales": ["de-DE", "ja-JP"],
        "manifest": {**spec["manifest"], "location": "manifest.csv"},
        "axes": {"variant": [{"id": "dune", "paper": 0xF6EBDD - seed}, {"id": "mist", "paper": 0xDDE6F6 - seed}]},
        "combine": "product * locale * variant",
        "seed_axes": ["product", "variant"],
        "quality": {"failed_share": 1.0},
    }
    spec["params"] |= {"paper": "{{ variant.paper }}", "width": 512, "height": 640}
    headline = {"text": "{{ copy.headline }}", "box": [24, 24, 464, 88], "size": 40, "colour": "plum"}
    spec["inputs"]["overlay"] = {"typeset": {"width": 512, "height": 640, "blocks": [headline]}}
    spec["job"] |= {"shard_items": 4, "parallel": 2, "attempts": 3}
    (folder / "campaign.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True), "utf-8")


def _write_late(campaigns: Path) -> None:
    """The daily deals on other paper, so that not one of their pictures is there yet."""
    shutil.copytree(campaigns / "daily_deals", campaigns / "late")
    file = campaigns / "late/campaign.yaml"
    spec = yaml.safe_load(file.read_text("utf-8"))
    spec |= {"campaign": "late", "title": "Late markets"}
    spec["params"]["paper"] = 0xE0F0E0
    file.write_text(yaml.safe_dump(spec, allow_unicode=True), "utf-8")


def _slow_image(project: Path) -> Path:
    """An image registry whose runner takes its engine's latency from a file at the start of a job."""
    command = f'PRESSRUN_ENGINE_ARGS="--latency-ms $(cat {project}/latency)" exec {sys.executable} -m pressrun.runner'
    path = project / "images.json"
    path.write_text(json.dumps({"pressrun*": {"entrypoint": ["/bin/sh", "-c", command]}}))
    return path

"""Metrics of a job: right numbers, few series, off by default, and never a failed run. Filter patterns match real lines."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pressrun.core import keys
from pressrun.core.events import job_metrics, read_events
from pressrun.core.result import ItemError, ItemResult, OutputFile, write_segment
from pressrun.orchestration.telemetry import airflow_meter, tell_job
from pressrun.runner.events import TOLD, EventLog
from pressrun.runner.journal import Journal
from pressrun.settings import Settings
from pressrun.steps.workspace import Workspace, memory_workspace

JOB = "spring-main-000-a1"


class Book:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float, dict[str, str]]] = []

    def incr(self, stat: str, count: int = 1, *, tags: dict[str, str]) -> None:
        self.told.append((stat, count, tags))

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None:
        self.told.append((stat, value, tags))

    def timing(self, stat: str, dt: float, *, tags: dict[str, str]) -> None:
        self.told.append((stat, dt, tags))


def result(number: int, error: str | None = None) -> ItemResult:
    outputs = () if error else (OutputFile(node="4", file=f"images/{number}.png", sha256="a", size=3, media_type="x"),)
    return ItemResult(
        item_id=str(number), render_key="k", outcome="failed" if error else "rendered", outputs=outputs,
        error=ItemError(kind=error, message="m") if error else None, tries=1, seed=1, params_sha256="p",
        prompt_id="q", started_at="2026-11-20T00:00:00Z", seconds=1.5, engine_version="0.33.0", host="algo-1",
    )  # fmt: skip


def real_lines(folder: Path) -> list[dict[str, Any]]:
    """Lines as the runner writes them, through its own journal."""
    (folder / "events").mkdir(parents=True)
    (folder / "scratch").mkdir()
    journal = Journal(folder / "events", "algo-1", scratch=folder / "scratch")
    events = EventLog(journal, job=JOB, host="algo-1", text=False)
    events.write("engine_started", engine=0, starts=1, seconds=11.25)
    events.write("warmed_up", workflow="card", models=["a.safetensors"], outcome="success", seconds=2.0)
    events.write("started", item_id="1", prompt_id="q", params={"prompt": "a secret prompt about spring", "steps": 4})
    events.write("retry", item_id="1", prompt_id="q", kind="out-of-memory")
    events.write("error", item_id="1", prompt_id="q", kind="out-of-memory", node="3")
    events.write("error", item_id="2", prompt_id="q", kind="validation", node="4")
    events.write("restart", engine=0, exit_code=-9)
    events.write("engine_stopped", engine=0, peak_bytes=7_000_000_000)
    journal.flush()
    return [event for path in sorted((folder / "events").iterdir()) for event in read_events(path.read_bytes())]


def workspace(lines: list[dict[str, Any]], **settings: Any) -> Workspace:
    ws = memory_workspace(Settings.model_validate(settings))
    data = "".join(json.dumps(line) + "\n" for line in lines).encode() + b'{"event":"cut'
    ws.work.put(keys.staging(JOB) + "events/algo-1-000001.jsonl", data)
    ws.work.put(
        keys.staging(JOB) + "results/algo-1-000001.jsonl", write_segment([result(1), result(2), result(3, "timeout")])
    )
    for number in (1, 2):
        ws.work.put(keys.staging(JOB) + f"images/{number}.png", b"abc")
    return ws


def test_the_numbers_of_a_job_are_sent_with_few_tags(tmp_path: Path) -> None:
    book = Book()
    ws = workspace(real_lines(tmp_path), metrics=True)
    sent = tell_job(ws, JOB, campaign="spring", press="final", meter=lambda: book)
    assert sent == len(book.told)
    tags = {"campaign": "spring", "press": "final"}
    for expected in (
        ("pressrun.items", 2, {**tags, "outcome": "rendered"}),
        ("pressrun.items", 1, {**tags, "outcome": "failed"}),
        ("pressrun.item_failures", 1, {**tags, "kind": "timeout"}),
        ("pressrun.item_retries", 1, tags),
        ("pressrun.items_lost", 0, tags),
        ("pressrun.engine_restarts", 1, tags),
        ("pressrun.engine_peak_bytes", 7e9, tags),
        ("pressrun.engine_start_seconds", 11250.0, tags),
    ):
        assert expected in book.told
    assert book.told.count(("pressrun.item_seconds", 1500.0, tags)) == 2
    assert {name for _, _, some in book.told for name in some} <= {"campaign", "press", "outcome", "kind"}


def test_nothing_is_sent_unless_asked_for(tmp_path: Path) -> None:
    def never() -> Book:
        raise AssertionError

    assert tell_job(workspace(real_lines(tmp_path)), JOB, campaign="c", press="final", meter=never) == 0


def test_a_failure_is_a_warning_and_nothing_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Book:
        raise OSError("no route to statsd")

    ws = workspace(real_lines(tmp_path), metrics=True)
    assert tell_job(ws, JOB, campaign="c", press="final", meter=broken) == 0
    assert "were not sent" in caplog.text


def test_airflows_own_meter_takes_what_is_sent(tmp_path: Path) -> None:
    ws = workspace(real_lines(tmp_path), metrics=True)
    assert tell_job(ws, JOB, campaign="c", press="final", meter=airflow_meter) > 0


def test_a_job_without_a_trace_has_zeros() -> None:
    found = job_metrics([], [], tags={})
    assert {(metric.name, metric.value) for metric in found} == {
        ("items", 0), ("item_retries", 0), ("items_lost", 0), ("engine_restarts", 0),
    }  # fmt: skip


def matches(pattern: str, line: str) -> bool:
    """CloudWatch's JSON filter patterns, as far as the page uses them: =, > and &&, with * in texts."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    if not isinstance(event, dict):
        return False
    body = re.fullmatch(r"\{ (.+) \}", pattern)
    assert body, pattern
    for term in body[1].split(" && "):
        text, number = re.fullmatch(r'\$\.(\w+) = "([^"]*)"', term), re.fullmatch(r"\$\.(\w+) > (\d+)", term)
        assert text or number, term
        if text and not fnmatch.fnmatchcase(str(event.get(text[1])), text[2]):
            return False
        if number and not (isinstance(event.get(number[1]), int | float) and event[number[1]] > float(number[2])):
            return False
    return True


def test_the_pages_filters_match_real_lines_of_the_containers_log(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = real_lines(tmp_path)
    log = [
        *capsys.readouterr().out.splitlines(),
        "2026-11-20T18:00:00Z rendered 3/9",
        "| NVIDIA-SMI 570 |",
        "7",
        "null",
    ]
    page = (repository / "docs/how-to/observe.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| `(\{ [^`]+ \})` \| `([^`]+)` \|$", page, re.MULTILINE)
    counts = {name: sum(matches(pattern, line) for line in log) for name, pattern, _ in rows}
    assert counts == {
        "failed items": 2, "items out of memory": 1, "retries": 1, "engine restarts": 1,
        "seconds until an engine is ready": 1, "peak memory of an engine": 1,
    }  # fmt: skip
    for _, pattern, value in rows:
        if value.startswith("$."):
            event = next(json.loads(line) for line in log if matches(pattern, line))
            assert isinstance(event[value[2:]], int | float)
    assert "secret" not in json.dumps(written) + "".join(log)
    for name in TOLD:
        assert f"`{name}`" in page


def test_the_pages_metrics_are_the_ones_that_are_sent(repository: Path, tmp_path: Path) -> None:
    book = Book()
    tell_job(workspace(real_lines(tmp_path), metrics=True), JOB, campaign="c", press="final", meter=lambda: book)
    page = (repository / "docs/how-to/observe.md").read_text()
    assert set(re.findall(r"`(pressrun\.\w+)`", page)) == {name for name, _, _ in book.told}

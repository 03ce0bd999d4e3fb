"""The report and the comparison of `pressrun plan`, and `pressrun localize`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from typer.testing import CliRunner, Result

from pressrun.cli import app, localize
from pressrun.cli.plan import plan_offline
from pressrun.local.client import AirflowClient
from pressrun.settings import settings
from pressrun.steps.workspace import Workspace, memory_workspace

runner = CliRunner()


@pytest.fixture
def ws(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PRESSRUN_HOME", str(repository))
    for name in ("AWS_ENDPOINT_URL_S3", "PRESSRUN_BUCKET_WORK"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    made = memory_workspace(settings())
    monkeypatch.setattr(localize, "open_workspace", lambda _: made)
    return made


def pressrun(*words: str) -> Result:
    return runner.invoke(app, list(words), catch_exceptions=False)


def test_the_report_is_one_page_that_loads_nothing(ws: Workspace, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert pressrun("plan", "spring_sale", "--html", str(page)).exit_code == 0
    text = page.read_text()
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 5
    for chart in charts:
        assert ElementTree.fromstring(chart).tag == "svg"
    assert not re.search(r"https?://|<script|<link|<img|url\(", text)
    for told in ("Aurora Spring Sale", "ja-JP", "product_hero", "no measurement yet", "Never more than"):
        assert told in text


def test_other_peoples_words_are_text_in_the_report(ws: Workspace) -> None:
    from pressrun.core.plan_report import plan_report
    from pressrun.steps.quote import quote_plan

    made, found = plan_offline(ws, "spring_sale", conf={}, drop="2026-03-01")
    spec = made.spec.model_copy(update={"title": "<script>alert(1)</script>"})
    quote = quote_plan(ws, made, known=frozenset())
    assert "<script" not in plan_report(made.model_copy(update={"spec": spec}), quote, found)


def test_a_plan_is_compared_with_another(ws: Workspace, tmp_path: Path) -> None:
    made, _ = plan_offline(ws, "spring_sale", conf={"locales": ["de-DE"]}, drop="2026-03-01")
    other = tmp_path / "plan.json"
    other.write_bytes(made.to_bytes())
    words = ("plan", "spring_sale", "--drop", "2026-03-01", "--diff", str(other))
    told = json.loads(pressrun(*words, "--json").stdout)["diff"]
    assert [told[name]["items"] for name in ("added", "removed", "changed", "same")] == [64, 0, 0, 16]
    assert told["added"]["usd"] > 0
    assert "64 added · 0 removed · 0 changed · 16 same · $" in pressrun(*words).stdout


def test_a_dry_run_tells_what_a_market_would_cost_and_starts_nothing(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localize, "AirflowClient", None)
    said = pressrun("localize", "spring_sale", "--locales", "de-DE", "--dry-run")
    assert re.fullmatch(r"16 changed · 0 reused · \$\d+\.\d\d", said.stdout.splitlines()[0])
    made, _ = plan_offline(ws, "spring_sale", conf={"locales": ["de-DE"]}, drop="")
    for item in made.items[4:]:
        ws.work.put(f"renders/{item.render_key}.json", b"{}")
    said = pressrun("localize", "spring_sale", "--locales", "de-DE", "--dry-run")
    assert said.stdout.startswith("4 changed · 12 reused · $0.")


def test_one_run_is_started_over_all_markets_under_its_own_id(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path, json.loads(request.content)))
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        return httpx.Response(200, json={"dag_run_id": sent[-1][1]["dag_run_id"]})

    monkeypatch.setenv("PRESSRUN_AIRFLOW_USER", "ana")
    monkeypatch.setenv("PRESSRUN_AIRFLOW_PASSWORD", "secret")
    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(localize, "AirflowClient", lambda url, login: AirflowClient(url, login, transport=transport))
    said = pressrun("localize", "spring_sale", "--locales", "de-DE,ja-JP", "--press", "proof")
    assert sent[0] == ("/auth/token", {"username": "ana", "password": "secret"})
    path, body = sent[1]
    assert path == "/api/v2/dags/press_spring_sale/dagRuns"
    assert body["conf"] == {"press": "proof", "locales": ["de-DE", "ja-JP"]}
    assert re.fullmatch(r"localize__\d{8}T\d{6}__de-DE_ja-JP", body["dag_run_id"])
    assert f"started {body['dag_run_id']}" in said.stdout
    assert body["note"].startswith("32 changed · 0 reused · $")


def test_cold_starts_of_many_markets_are_paid_once(ws: Workspace) -> None:
    made, _ = plan_offline(ws, "spring_sale", conf={}, drop="")
    from pressrun.steps.quote import quote_plan

    job = made.spec.job.model_copy(update={"shard_items": 100, "canary_items": 0})
    wide = made.model_copy(update={"spec": made.spec.model_copy(update={"job": job})})
    quote = quote_plan(ws, wide, known=frozenset())
    assert quote.saving is not None
    assert quote.saving.sentence().startswith("one run of 1 job instead of 5 runs of 5: 4 cold starts spared")
    saved = r"one run of \d+ jobs? instead of 5 runs of \d+: \d+ cold starts? spared, \d+ min, \$\d+\.\d\d"
    every = ",".join(wide.run.locales)
    for words in (["plan", "spring_sale"], ["localize", "spring_sale", "--dry-run", "--locales", every]):
        said = " ".join(pressrun(*words).stdout.split())
        assert re.search(saved, said), said


def test_a_preflight_without_a_deployment_says_what_it_did_not_look_at(ws: Workspace) -> None:
    said = pressrun("preflight", "spring_sale")
    assert said.exit_code == 0
    assert "buckets and quotas were not looked at" in said.stdout
    assert said.stdout.endswith("spring_sale is ready for the final press\n")


def test_a_preflight_that_finds_an_error_fails(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_ROLE_ARN", "nobody")
    settings.cache_clear()
    said = pressrun("preflight", "spring_sale")
    settings.cache_clear()
    assert said.exit_code == 1
    assert "error: PRESSRUN_ROLE_ARN: 'nobody' is no role of IAM" in said.stdout

"""What many markets in one run save is printed by `pressrun plan` and `pressrun localize`, and is in the JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pressrun.cli import app, localize
from pressrun.settings import settings
from pressrun.steps.workspace import memory_workspace

SAVED = r"one run of \d+ jobs? instead of 5 runs of \d+: \d+ cold starts? spared, \d+ min, \$\d+\.\d\d"
EVERY = "en-US,de-DE,ja-JP,ar-AE,hi-IN"


@pytest.fixture(autouse=True)
def _project(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_HOME", str(repository))
    for name in ("AWS_ENDPOINT_URL_S3", "PRESSRUN_BUCKET_WORK"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    monkeypatch.setattr(localize, "open_workspace", memory_workspace)


@pytest.mark.parametrize(
    "words", [["plan", "spring_sale"], ["localize", "spring_sale", "--dry-run", "--locales", EVERY]]
)
def test_the_saving_of_one_run_over_all_markets_is_printed(words: list[str]) -> None:
    said = CliRunner().invoke(app, words, catch_exceptions=False)
    assert re.search(SAVED, " ".join(said.stdout.split())), said.stdout


def test_one_market_alone_saves_nothing() -> None:
    words = ["localize", "spring_sale", "--dry-run", "--locales", "de-DE"]
    assert "spared" not in CliRunner().invoke(app, words, catch_exceptions=False).stdout


def test_people_storage_and_saving_are_in_the_json() -> None:
    plan = json.loads(CliRunner().invoke(app, ["plan", "spring_sale", "--json"], catch_exceptions=False).stdout)
    assert plan["review"]["candidates"] == 80
    assert plan["review"]["usd"] > plan["usd"]
    assert plan["storage"]["usd_per_month"] > 0
    assert plan["saving"]["jobs_apart"] > plan["shards"]
    assert [choice["chosen"] for choice in plan["choices"]] == [True]
    assert plan["not_priced"] == []

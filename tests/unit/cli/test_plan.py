"""The commands as a newcomer types them, on the samples, without Airflow or AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pressrun.cli import app, run_command
from pressrun.core.errors import InputError, PressrunError

runner = CliRunner()


@pytest.fixture(autouse=True)
def _project(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_HOME", str(repository))


def pressrun(*words: str) -> Result:
    return runner.invoke(app, list(words))


def test_plan_tells_what_the_sample_would_make_and_cost() -> None:
    said = pressrun("plan", "spring_sale", "--json")
    assert said.exit_code == 0
    plan = json.loads(said.stdout)
    assert (plan["planned"], plan["cells"], plan["reused"]) == (80, 40, 0)
    assert 0 < plan["usd"] < plan["ceiling_usd"]
    assert plan["unpriced"] == 0


def test_plan_can_be_narrowed() -> None:
    plan = json.loads(pressrun("plan", "spring_sale", "--locales", "de-DE,ja-JP", "--limit", "5", "--json").stdout)
    assert plan["planned"] == 5


def test_plan_for_people_shows_markets_and_money() -> None:
    said = pressrun("plan", "spring_sale")
    assert "80 items in 40 cells" in said.stdout
    assert "ja-JP" in said.stdout
    assert "never more than $" in said.stdout


def test_plan_tells_how_many_prompts_make_the_items_where_some_make_several() -> None:
    assert "16 items in 2 cells, 8 prompts" in pressrun("plan", "mood_board").stdout
    assert "prompts" not in pressrun("plan", "spring_sale").stdout


def test_a_broken_campaign_is_a_table_of_findings_and_exit_code_1() -> None:
    said = pressrun("plan", "broken_twin", "--json")
    assert said.exit_code == 1
    found = json.loads(said.stdout)["findings"]
    assert {"manifest-duplicate", "translation-missing", "input-missing", "parameter"} <= {one["code"] for one in found}
    assert all(one["place"]["file"] for one in found if one["severity"] == "error")


def test_an_unknown_campaign_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no campaign 'spring'.*spring_sale"):
        runner.invoke(app, ["plan", "spring"], catch_exceptions=False)


def test_errors_made_for_people_are_one_message_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pressrun", "plan", "spring"])
    with pytest.raises(SystemExit) as ended:
        run_command(app)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("pressrun: ")
    assert "Traceback" not in said


def test_a_plan_as_files_is_told_and_compared(tmp_path: Path) -> None:
    told = pressrun("plan", "spring_sale", "--parquet", str(tmp_path / "all"))
    assert told.exit_code == 0
    assert "80 items" in told.stdout
    assert {path.name for path in (tmp_path / "all").iterdir()} == {"plan.json", "items.parquet", "shards.parquet"}
    words = ("--locales", "de-DE", "--parquet", str(tmp_path / "some"), "--diff", str(tmp_path / "all"), "--json")
    found = json.loads(pressrun("plan", "spring_sale", *words).stdout)
    assert (found["planned"], found["to_render"]) == (16, 16)
    assert (found["diff"]["same"]["items"], found["diff"]["removed"]["items"], found["diff"]["changed"]["items"]) == (
        16,
        64,
        0,
    )
    nothing = pressrun("plan", "spring_sale", "--parquet", str(tmp_path / "more"), "--diff", str(tmp_path / "nowhere"))
    assert isinstance(nothing.exception, PressrunError)
    assert "no large plan" in nothing.exception.message

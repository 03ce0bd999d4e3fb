"""One campaign file, one DAG; a broken file breaks only itself; reading DAGs is light."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from pressrun.orchestration.campaign_dag import build_campaign_dag
from pressrun.orchestration.campaign_files import campaign_dags
from pressrun.orchestration.notifications import FailureNotifier
from pressrun.orchestration.tasks import asker, drop_of

Write = Callable[..., Path]
TASKS = {
    "expand_manifest": set(),
    "validate_plan": {"expand_manifest"},
    "quote_run": {"validate_plan"},
    "approve_spend": {"quote_run"},
    "render_canary": {"approve_spend"},
    "open_gate": {"render_canary"},
    "render_shards": {"open_gate"},
    "collect_results": {"approve_spend", "render_canary", "render_shards"},
    "await_review": {"collect_results"},
    "publish_assets": {"await_review"},
    "close_run": {"approve_spend", "collect_results", "await_review", "publish_assets"},
}


def _dags(home: Path) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in campaign_dags(home / "include")}


def _failure(dag: DAG) -> str:
    task: Any = dag.get_task("read_campaign")
    with pytest.raises(AirflowFailException) as failed:
        task.python_callable(*task.op_args)
    return str(failed.value)


def test_a_campaign_is_a_dag_in_the_order_of_the_press(campaign: Write) -> None:
    dag = build_campaign_dag(campaign())
    assert dag.dag_id == "press_spring"
    assert set(dag.task_ids) == set(TASKS)
    for name, needs in TASKS.items():
        assert needs <= dag.get_task(name).upstream_task_ids, name
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
    assert rules["collect_results"] == "all_done"
    assert rules["open_gate"] == rules["close_run"] == "none_failed"
    assert dag.tags == {"pressrun", "campaign", "team:brand"}
    assert "Gallery" in str(dag.doc_md)


def test_every_task_has_an_owner_retries_and_tells_of_its_failure(campaign: Write) -> None:
    for task in build_campaign_dag(campaign()).tasks:
        assert task.owner == "maya"
        assert task.retries >= 1, "a trigger that answers too soon costs a try"
        [callback] = task.on_failure_callback
        assert isinstance(callback, FailureNotifier)
        assert callback.to == ("brand@example.com",)


def test_shards_are_limited_by_the_campaign(campaign: Write) -> None:
    file = campaign(text=campaign().read_bytes() + b"job: {parallel: 7}\n")
    mapped: Any = build_campaign_dag(file).get_task("render_shards")
    assert mapped.is_mapped
    assert mapped.partial_kwargs["max_active_tis_per_dagrun"] == 7


def test_the_form_offers_this_campaigns_markets(campaign: Write) -> None:
    params = build_campaign_dag(campaign()).params
    assert set(params) == {"press", "locales", "limit", "note", "dry_run", "rework"}
    locales = params.get_param("locales")
    assert locales.value == locales.schema["examples"] == ["de-DE", "ja-JP"]
    press = params.get_param("press")
    assert (press.value, press.schema["enum"]) == ("automatic", ["automatic", "proof", "final"])
    assert {params.get_param(name).schema["section"] for name in params} == {"What to print", "How to run it"}
    assert all(params.get_param(name).description for name in params)
    params.validate()


@pytest.mark.parametrize(
    ("name", "value"), [("locales", "de-DE"), ("limit", 0), ("limit", "many"), ("press", "offset"), ("dry_run", "yes")]
)
def test_the_form_refuses_what_makes_no_sense(campaign: Write, name: str, value: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = build_campaign_dag(campaign()).params
    with pytest.raises(ParamValidationError):
        params[name] = value


def test_a_schedule_makes_it_seasonal_in_its_own_timezone(campaign: Write) -> None:
    text = campaign().read_text() + 'schedule: "0 6 * * 1"\ntimezone: Asia/Tokyo\nstart: "2026-03-02"\n'
    dag = build_campaign_dag(campaign(text=text))
    assert dag.start_date == datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert "0 6 * * 1" in str(dag.timetable)
    assert not dag.catchup
    assert build_campaign_dag(campaign()).timetable != dag.timetable


def test_a_new_seasonal_campaign_waits_for_its_next_drop(campaign: Write) -> None:
    from airflow.sdk import timezone
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    dag = build_campaign_dag(campaign(text=campaign().read_text() + 'schedule: "0 6 * * *"\n'))
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    found = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert found is not None
    assert found.run_after > timezone.utcnow(), "nothing is bought because a file was added"


def test_the_drop_is_the_logical_date_where_the_campaign_lives() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert drop_of(SimpleNamespace(logical_date=late, run_after=None), "Asia/Tokyo") == "2026-03-02"
    assert drop_of(SimpleNamespace(logical_date=None, run_after=late), "UTC") == "2026-03-01"


def test_who_asked_is_a_person_or_a_kind_of_run() -> None:
    assert asker(SimpleNamespace(triggering_user_name="maya", run_type="manual")) == "maya"
    assert asker(SimpleNamespace(triggering_user_name=None, run_type="scheduled")) == "scheduled"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"campaign: [", r"broken/campaign.yaml, row 1: not YAML"),
        (b"campaign: x\n\xff", r"not UTF-8"),
        (b"- a list", r"is not a mapping"),
        (b"campaign: broken\ntitel: x\n", r"/titel: Extra inputs are not permitted — unknown key"),
        ("{spring}schedule: every monday\n", r"/schedule: 'every monday' is no cron schedule.*0 6 \* \* 1"),
        ("{spring}timezone: Middle/Earth\n", r"/timezone: unknown timezone 'Middle/Earth'"),
        ('{spring}schedule: "@daily"\nstart: soon\n', r"/start: 'soon' is no date"),
        ('{spring}schedule: "@daily"\ncatchup: true\n', r"/start: catchup needs a first drop"),
        ("{spring}", r"campaign 'spring' lives in folder 'broken'"),
    ],
)
def test_a_broken_file_breaks_only_itself_and_says_how(
    home: Path, campaign: Write, text: str | bytes, sentence: str
) -> None:
    good = campaign("spring").read_text()
    campaign("broken", text.replace("{spring}", good) if isinstance(text, str) else text)
    dags = _dags(home)
    assert set(dags) == {"press_spring", "press_broken"}
    assert "expand_manifest" in dags["press_spring"].task_ids
    broken = dags["press_broken"]
    assert re.search(sentence, _failure(broken))
    assert re.search(sentence, str(broken.doc_md))
    assert "broken" in broken.tags


def test_a_folder_with_any_name_makes_a_legal_dag_id(home: Path, campaign: Write) -> None:
    campaign("Frühling & Sommer", b"")
    [dag_id] = _dags(home)
    assert dag_id == "press_Fr_hling___Sommer"


def test_a_worker_reads_only_the_campaign_it_works_for(home: Path, campaign: Write) -> None:
    campaign()
    campaign("Frühling", b"")
    include = home / "include"
    assert [dag.dag_id for dag in campaign_dags(include, only="press_spring")] == ["press_spring"]
    assert [dag.dag_id for dag in campaign_dags(include, only="press_Fr_hling")] == ["press_Fr_hling"]
    assert list(campaign_dags(include, only="retire_campaigns")) == []


@pytest.mark.airflow
def test_airflow_reads_all_of_them(airflow_database: Path, home: Path, campaign: Write) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    campaign()
    campaign(
        "seasonal", campaign().read_text().replace("campaign: spring", "campaign: seasonal") + 'schedule: "@daily"\n'
    )
    campaign("broken", b"campaign: [")
    bag = DagBag(home / "dags", collect_dags=True)
    assert bag.import_errors == {}
    assert set(bag.dags) == {"press_spring", "press_seasonal", "press_broken", "retire_campaigns"}
    for dag in bag.dags.values():
        again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert set(again.task_ids) == set(dag.task_ids)


@pytest.mark.airflow
def test_the_projects_own_campaigns_are_read(airflow_database: Path, repository: Path, monkeypatch: Any) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("PRESSRUN_HOME", str(repository))
    bag = DagBag(repository / "dags", collect_dags=True)
    assert bag.import_errors == {}
    for file in (repository / "include" / "campaigns").glob("*/campaign.yaml"):
        assert f"press_{file.parent.name}" in bag.dags


def test_a_person_looks_at_the_canary_only_where_the_campaign_asks(campaign: Write) -> None:
    file = campaign()
    file.write_text(file.read_text() + "\njob: {canary_review: ask}\n")
    dag = build_campaign_dag(file)
    assert set(dag.task_ids) == {*TASKS, "approve_canary"}
    assert dag.get_task("approve_canary").upstream_task_ids >= {"open_gate"}
    assert "approve_canary" in dag.get_task("render_shards").upstream_task_ids


def test_reading_dags_loads_no_data_libraries(home: Path, campaign: Write) -> None:
    campaign()
    code = (
        "import runpy, sys; found = runpy.run_path('dags/campaigns.py'); assert 'press_spring' in found; "
        "print([name for name in ('pandas', 'pyarrow', 'numpy', 'PIL', 'uharfbuzz', 'openpyxl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_dag_files_are_thin(repository: Path) -> None:
    for file in (repository / "dags").glob("*.py"):
        assert len(file.read_text().splitlines()) <= 60, file


def test_the_form_has_the_knobs_that_a_campaign_leaves_open(campaign: Write, home: Path) -> None:
    """With the contract's words, ranges and choices; a knob whose value differs by picture may be left empty."""
    from airflow.sdk.exceptions import ParamValidationError

    properties = {
        "steps": {"type": "integer", "title": "Sampling steps", "description": "More is slower.", "minimum": 4, "maximum": 50, "default": 30},
        "cfg": {"type": "number", "minimum": 1, "maximum": 10, "multipleOf": 0.1, "default": 6.0},
        "length": {"type": "integer", "enum": [17, 33], "default": 33},
        "mood": {"type": "string", "maxLength": 40},
    }  # fmt: skip
    for name, data in {"workflows/hero.api.json": {}, "params/hero.schema.json": {"properties": properties}}.items():
        (home / "include" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "include" / name).write_text(json.dumps(data))
    text = re.sub(r"workflow: .*", "workflow: hero", campaign().read_text())
    text += "knobs: [steps, cfg, length, mood, gone]\nparams: {mood: '{{ product.sku }}', length: 17}\n"
    params = build_campaign_dag(campaign(text=text)).params
    params.validate()
    steps = params.get_param("knob_steps")
    assert (steps.value, steps.schema["minimum"], steps.schema["maximum"]) == (30, 4, 50)
    assert (steps.schema["title"], steps.description) == ("Sampling steps", "More is slower. From 4 to 50.")
    assert params.get_param("knob_length").value == 17, "the campaign's own value, not the contract's"
    assert params.get_param("knob_length").schema["enum"] == [17, 33]
    assert params.get_param("knob_mood").value is None
    assert "knob_gone" not in params
    params["knob_cfg"] = 7.3
    for name, value in {"knob_steps": 900, "knob_cfg": "strong", "knob_length": 18, "knob_mood": "x" * 41}.items():
        with pytest.raises(ParamValidationError):
            params[name] = value


def test_a_broken_contract_leaves_the_dag_without_knobs(campaign: Write, home: Path) -> None:
    (home / "include/params").mkdir()
    (home / "include/params/hero.schema.json").write_text("{")
    params = build_campaign_dag(campaign(text=campaign().read_text() + "knobs: [steps]\n")).params
    assert not [name for name in params if name.startswith("knob_")]

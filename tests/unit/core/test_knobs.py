"""Knobs: what a campaign leaves to who triggers it, offered with the contract's hints and held to the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pressrun.core.campaign import CampaignSpec
from pressrun.core.findings import FindingsError
from pressrun.core.knobs import open_knobs
from pressrun.core.request import RunConf, read_conf
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import memory_workspace

ROOT = Path(__file__).parents[3]
FILMS = ["length", "fps", "steps", "cfg"]


def planned(monkeypatch: pytest.MonkeyPatch, knobs: list[str] = FILMS, **conf: Any) -> Any:
    monkeypatch.setattr("pressrun.steps.expand.engine_class", lambda _settings, engine: f"{engine}:test")
    ws = memory_workspace(Settings.model_validate({"home": ROOT}))
    sources = Sources(ws, "motion_teaser")
    spec = sources.spec().model_copy(update={"knobs": tuple(knobs)})
    request = make_request(
        ws.settings, spec, run_key="r", dag_id="press_motion_teaser", run_id="r", run_type="manual", conf=conf,
        drop="2026-11-20", triggered_by="maya",
    )  # fmt: skip
    plan, gather = make_plan(ws, sources, spec, request)
    return plan, gather.findings


def test_a_set_knob_reaches_every_item_its_render_key_and_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = planned(monkeypatch)
    plan, findings = planned(monkeypatch, knob_steps=20, knob_length=17)
    assert findings == ()
    assert plan.run.knobs == {"steps": 20, "length": 17}
    assert {(item.params["steps"], item.params["length"]) for item in plan.items} == {(20, 17)}
    assert {item.item_id for item in plan.items} == {item.item_id for item in before.items}
    assert not {item.render_key for item in plan.items} & {item.render_key for item in before.items}


def test_what_a_form_sends_unchanged_is_no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = planned(monkeypatch)
    plan, _ = planned(monkeypatch, knob_steps=30, knob_length=33, knob_fps=16, knob_cfg=6.0)
    assert plan.run.knobs == {}
    assert plan.items == before.items
    assert "knobs" not in json.loads(plan.to_bytes())["run"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("steps", 900, "900"), ("length", 18, "18"), ("cfg", "strong", "strong"), ("fps", 1, "1")],
)
def test_the_contract_refuses_it_once_and_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, said: str
) -> None:
    plan, findings = planned(monkeypatch, **{f"knob_{name}": value})
    assert [(one.code, one.place.file, one.place.pointer) for one in findings] == [
        ("knob-value", "dag_run.conf", f"/knob_{name}")
    ]
    assert said in findings[0].message
    assert name in findings[0].message
    assert all(item.params[name] != value for item in plan.items)


def test_what_is_not_left_open_is_refused_by_name() -> None:
    spec = Sources(memory_workspace(Settings.model_validate({"home": ROOT})), "motion_teaser").spec()
    for key, hint in {
        "knob_prompt": "knob_length",
        "steps": "knob_steps",
        "knob_step": "knob_steps",
        "knobs": "known",
    }.items():
        with pytest.raises(FindingsError) as caught:
            read_conf({key: 20}, spec)
        (finding,) = caught.value.findings
        assert finding.code == "conf-unknown-key"
        assert repr(key) in finding.message
        assert hint in finding.remedy


def test_a_name_that_nobody_can_set_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    _, findings = planned(monkeypatch, knobs=["step", "seed", "cfg"])
    assert [(one.code, one.place.pointer) for one in findings] == [
        ("knob-unknown", "/knobs/0"),
        ("knob-unknown", "/knobs/1"),
    ]
    assert "did you mean 'steps'" in findings[0].message


def test_a_knob_that_differs_by_picture_has_no_one_value() -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "integer", "default": 4}, "c": {"type": "integer"}}
    spec = CampaignSpec.model_validate(
        {
            "campaign": "x", "title": "X", "owner": "maya", "workflow": "w", "locales": ["de-DE"], "knobs": ["a", "b", "c"],
            "params": {"a": "{{ product.name }}", "c": 7}, "overrides": [{"when": {"locale": "de-DE"}, "params": {"b": 5}}],
            "review": {"reviewers": {"*": ["rosa"]}},
        }
    )  # fmt: skip
    assert [(knob.name, knob.value) for knob in open_knobs(spec, properties)] == [("a", None), ("b", None), ("c", 7)]


def test_tasks_that_read_the_conf_again_understand_what_the_form_sent() -> None:
    sent = {
        "press": "automatic",
        "locales": ["en-US"],
        "limit": None,
        "knob_steps": 20,
        "knob_mood": None,
        "note": None,
    }
    assert RunConf.model_validate(sent).knobs == {"steps": 20}
    with pytest.raises(ValidationError):
        RunConf.model_validate({"steps": 20})

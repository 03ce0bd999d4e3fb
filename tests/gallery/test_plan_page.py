"""The plan page of a run, right after its quote: what is bought, what is reused, what was found, and its canary."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI
from PIL import Image

from pressrun.core import keys
from pressrun.core.gate import JUDGE, Gate, GateFault
from pressrun.core.refs import PlanRef, QuoteRef
from pressrun.gallery.app import create_app
from pressrun.settings import Settings
from pressrun.steps.canary import answer_gate
from pressrun.steps.expand import expand_run
from pressrun.steps.quote import quote_run
from pressrun.steps.workspace import Workspace, memory_workspace

RUN_ID = "manual__2026-11-20T09:00:00+00:00"
PAGE = f"/dags/press_spring_sale/runs/{RUN_ID.replace('+', '%2B')}"


@dataclass
class Quoted:
    """A run that was quoted a moment ago."""

    ws: Workspace
    app: FastAPI
    plan: PlanRef
    quote: QuoteRef
    client: Any

    def get(self, path: str = "/plan", token: str | None = "vic-token") -> Any:
        return self.client(self.app, {"Authorization": f"Bearer {token}"} if token else {}).get(PAGE + path)


@pytest.fixture
def quoted(repository: Path, load: Callable[[str], ModuleType]) -> Iterator[Quoted]:
    people = load("tests/gallery/conftest.py")
    ws = memory_workspace(Settings(home=repository))
    plan = expand_run(
        ws, dag_id="press_spring_sale", run_id=RUN_ID, run_type="manual", conf={"press": "final"}, drop="2026-11-20",
        triggered_by="maya",
    )  # fmt: skip
    quote = quote_run(ws, plan)
    app = create_app(workspace=lambda: ws, current_user=people.current_user, require_access=people.require_access)
    yield Quoted(ws, app, plan, quote, people.Client)
    app.state.desk.close()


def test_the_page_has_every_chart_as_soon_as_the_run_is_quoted(quoted: Quoted) -> None:
    text = quoted.get().text
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert [re.sub("<.*?>", "", title) for title in re.findall(r"<h2>(?:Items|Cost|Time).*?</h2>", text)] == [
        "Items by market", "Items by workflow", "Cost by shard", "Timeline", "Time and cost by instances",
    ]  # fmt: skip
    assert len(drawn) == 5
    for svg in drawn:
        assert ElementTree.fromstring(svg).tag == "svg"
        assert "style=" not in svg, "the gallery's policy forbids it"
    for told in ("80</b>", "ja-JP", "product_hero", "People's time", "the final press is not set up here"):
        assert told.replace("'", "&#39;") in text or told in text, told


def test_strangers_see_neither_the_page_nor_the_sheet(quoted: Quoted) -> None:
    assert [quoted.get(path, token=None).status_code for path in ("/plan", "/canary.jpg")] == [401, 401]
    assert [quoted.get(path, token="otto-token").status_code for path in ("/plan", "/canary.jpg")] == [404, 404]
    assert quoted.get("/canary.jpg").status_code == 404, "nothing was rendered yet"


def shut(quoted: Quoted, **changes: Any) -> Gate:
    return Gate(
        **{
            "run_key": quoted.plan["run_key"],
            "quote_digest": quoted.quote["digest"],
            "state": "shut",
            "by": JUDGE,
            "canary": 4,
            "not_bought": 76,
            "faults": (GateFault(item_id="a", label="AUR-01 <b>", code="blank", reason="is blank: contrast 0.0"),) * 3,
            "reason": "AUR-01 is blank: contrast 0.0",
            **changes,
        }
    )


def test_a_run_that_was_stopped_after_its_canary_says_why_and_what_to_do(quoted: Quoted) -> None:
    gate = shut(quoted)
    quoted.ws.work.put(keys.gate(gate.run_key, gate.digest()), gate.to_bytes())
    sheet = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(sheet, "JPEG")
    quoted.ws.work.put(keys.canary_sheet(gate.run_key), sheet.getvalue())
    text = quoted.get().text
    assert "the canary failed: 3 of 4 pictures are unusable; 76 items were not bought" in text
    assert "mend the workflow or the manifest, and run again" in text
    assert text.count("AUR-01 &lt;b&gt;") == 3
    assert '<li class="failed"><b>Render</b><span>stopped after the canary</span></li>' in text
    assert '<span class="code">blank</span>' in text
    source = re.search(r'<img class="sheet-of-canary" src="([^"]+)"', text)
    assert source
    answer = quoted.get("/canary.jpg")
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", sheet.getvalue())


def test_who_looked_at_the_canary_is_named(quoted: Quoted) -> None:
    answer_gate(quoted.ws, quoted.plan, quoted.quote, by="rosa", go_on=True)
    assert "says rosa" in quoted.get().text
    answer_gate(quoted.ws, quoted.plan, quoted.quote, by="rosa", go_on=False)
    assert "rosa looked at the canary and stopped the run; 76 items were not bought" in quoted.get().text

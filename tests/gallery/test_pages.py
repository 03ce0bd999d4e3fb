"""The pages: queue, run, findings, plan; relative links only, so that they work in Airflow's frame and behind proxies."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI

from pressrun.core import keys
from pressrun.core.findings import Finding, FindingsReport, Place
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan, WorkflowBundle
from pressrun.core.targets import Binding
from pressrun.gallery.runs import read_run


def run_url(sample) -> str:
    return f"/dags/press_spring_sale/runs/{sample.spring.run_id.replace('+', '%2B')}"


def test_the_queue_links_to_the_run(sample) -> None:
    text = sample.client("rosa-token").get("/").text
    link = re.search(r'href="(\./dags/press_spring_sale/[^"]+)"', text)
    assert link
    assert "6</b> of 6 cells to go" in text
    assert "6 for you" not in text
    assert "4 for you" in text
    followed = sample.client("rosa-token").get("/" + link[1].removeprefix("./").replace("&amp;", "&"))
    assert followed.status_code == 200


def test_the_review_page_points_its_script_at_the_rounds_api(sample) -> None:
    text = sample.client("rosa-token").get(run_url(sample) + "/").text
    api = re.search(r'data-api="([^"]+)"', text)
    assert api
    assert urljoin("http://x" + run_url(sample) + "/", api[1]) == f"http://x{sample.api()}"


@pytest.mark.parametrize("page", ["/", "/findings", "/plan", "/workflow"])
def test_links_are_relative_and_resolve_under_a_mount(sample, page: str) -> None:
    outer = FastAPI()
    outer.mount("/some/where/pressrun", sample.app)
    base = f"/some/where/pressrun{run_url(sample)}{page}"
    mounted = type(sample.client())(outer, {"Authorization": "Bearer maya-token"})
    text = mounted.get(base).text
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert links
    for link in links:
        assert not re.match(r"/|\w+:", link), link
        assert mounted.get(urljoin(base, link)).status_code == 200, link


def test_every_static_file_is_there_and_listed(sample) -> None:
    from importlib.resources import files

    from pressrun.gallery.files import STATIC

    own = {path.name for path in files("pressrun.gallery").joinpath("static").iterdir()}
    assert own | {"workflow.css"} == set(STATIC)
    for name, media_type in STATIC.items():
        assert sample.client("vic-token").get(f"/static/{name}").headers["content-type"] == media_type


def test_findings_of_a_plan_that_failed_say_where_and_what_to_do(sample) -> None:
    report = FindingsReport(
        findings=(
            Finding(
                code="param-range",
                message="'steps' is 400, at most 60",
                place=Place(file="manifest.csv", row=7, column="steps"),
                remedy="write a number from 1 to 60",
            ),
        )
    )
    from pressrun.core.ids import run_key

    key = run_key(deployment="local", dag_id="press_spring_sale", run_id="failed-1", conf={})
    sample.ws.write_once(keys.findings(key, report.digest()), report)
    client = sample.client("vic-token")
    text = client.get("/dags/press_spring_sale/runs/failed-1/findings").text
    for expected in ("manifest.csv", ">7<", "steps", "400, at most 60", "write a number from 1 to 60", "1 to mend"):
        assert expected in text.replace("&#39;", "'"), expected
    overview = client.get("/dags/press_spring_sale/runs/failed-1/").text
    assert "Plan stopped: 1 thing to mend" in overview
    assert "findings" in overview


def test_a_run_that_has_left_nothing_yet_is_a_page_too(sample) -> None:
    for page in ("/", "/findings", "/plan"):
        answer = sample.client("vic-token").get(f"/dags/press_spring_sale/runs/not-started{page}")
        assert answer.status_code == 200


def test_stages_follow_the_documents(sample) -> None:
    from pressrun.gallery.access import Seat

    seat = Seat(None, sample.app.state.desk, lambda *_: True)  # type: ignore[arg-type]
    page = read_run(seat, "press_spring_sale", sample.spring.run_id)
    assert [(stage.name, stage.state) for stage in page.stages][3:] == [
        ("Render", "done"),
        ("Review", "current"),
        ("Publish", "waiting"),
    ]
    assert page.headline == "Review: waits for people"


def test_dags_that_are_not_ours_have_no_page(sample) -> None:
    assert sample.client("maya-token").get("/dags/etl_daily/runs/x/").status_code == 404


def test_a_stranger_with_a_browser_gets_a_page_with_401(sample) -> None:
    answer = sample.client(Accept="text/html").get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")


def test_the_workflow_page_draws_the_plan_with_what_this_run_gave_the_knobs(sample, campaign) -> None:
    nothing = sample.client("vic-token").get(run_url(sample) + "/workflow")
    assert "there is no workflow to draw" in nothing.text
    request = campaign.request()
    binding = Binding(node="1", input="steps")
    bundle = WorkflowBundle(
        name="hero@3",
        graph={
            "1": {"class_type": "KSampler", "inputs": {"steps": 30}, "_meta": {"title": "Sampler <b>"}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
        },
        graph_sha256="ab" * 32, contract_sha256="cd" * 32, bindings={"steps": (binding,)}, outputs=("2",),
    )  # fmt: skip
    items = tuple(
        Item(
            item_id=f"{number:016x}", cell_id="c", axes={"product": "mug", "locale": "de-DE"}, workflow="hero@3",
            params={"steps": steps}, seed=number, render_key=str(number),
        )
        for number, steps in enumerate((20, 28))
    )  # fmt: skip
    plan = RenderPlan(
        run=request.model_copy(update={"knobs": {"steps": 20}}), spec=campaign.spec(), sources=(), manifest_rows=1,
        workflows={"hero@3": bundle}, engine_class="proof", inputs=(), items=items,
    )  # fmt: skip
    sample.ws.write_once(keys.plan(request.run_key, plan.digest()), plan)
    answer = sample.client("vic-token").get(run_url(sample) + "/workflow")
    assert answer.status_code == 200
    assert "steps ← steps: 20 to 28" in answer.text
    assert "Sampler &lt;b&gt;" in answer.text
    assert "set when triggered" in answer.text
    assert "hero@3" in answer.text
    assert "abababababababab" in answer.text
    assert "<style" not in answer.text
    assert "style=" not in answer.text
    assert 'href="../../../../static/workflow.css"' in answer.text

"""The pages as people use them: the trigger form, the review in Airflow's frame, the findings, the queue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from pressrun.core import keys
from pressrun.core.plan import RunRequest

if TYPE_CHECKING:
    from conftest import Person
    from running_press import RunningPress

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def form_run(person: Person, running: RunningPress) -> str:
    """A run that maya triggered through the form: three pictures of one market, with a note."""
    running.client().wait_for_dag("press_desk", timeout=300)
    person.log_in("maya")
    person.go("/dags/press_desk/runs")
    person.click("button", "Trigger")
    person.click("[role=dialog] button", "What to print")
    person.click("#element_locales [aria-label='Remove ja-JP']")
    person.see("input[name=element_limit]").send_keys("3")
    person.picture("trigger-form")
    person.click("[role=dialog] button", "How to run it")
    person.see("input[name=element_note]").send_keys("a first look at Germany")
    person.picture("trigger-form-note")
    person.wait(lambda: person.all("[role=dialog] button", "Trigger")[-1].click() or True, "the form to be sent")

    def newest() -> str | None:
        runs = running.client().call("GET", "/api/v2/dags/press_desk/dagRuns")["dag_runs"]
        return next((str(run["dag_run_id"]) for run in runs if run["triggering_user_name"] == "maya"), None)

    run_id: str = person.wait(newest, "the run that the form started")
    running.wait_for_round("desk", run_id)
    return run_id


def page_of(run_id: str) -> str:
    return f"/dags/press_desk/runs/{quote(run_id, safe='')}"


def test_the_form_starts_a_run_with_what_was_chosen(person: Person, running: RunningPress, form_run: str) -> None:
    [edition] = running.editions("desk", form_run)
    request = running.ws.read(RunRequest, keys.run(edition))
    assert (request.locales, request.limit, request.note) == (("de-DE",), 3, "a first look at Germany")
    assert (request.press, request.triggered_by) == ("proof", "maya")
    person.log_in("maya")
    person.go(page_of(form_run))
    person.see("a", "await_review")
    person.picture("airflow-grid")


def test_knobs_that_a_campaign_leaves_open_are_in_the_form(person: Person, running: RunningPress) -> None:
    """With the contract's titles and choices; what is changed reaches the plan, and the run's page says so."""
    running.client().wait_for_dag("press_motion_teaser", timeout=300)
    person.log_in("maya")
    person.go("/dags/press_motion_teaser/runs")
    person.click("button", "Trigger")
    person.click("[role=dialog] button", "Parameters")
    person.see("[role=dialog]", "Sampling steps")
    steps = person.see("input[name=element_knob_steps]")
    steps.send_keys("\ue009a\ue000")  # Control and A, then let go: what stands there is replaced
    steps.send_keys("20")
    person.click("#element_knob_length [role=combobox], #element_knob_length input")
    person.click("[role=option]", "17")
    person.picture("knobs")
    person.wait(lambda: person.all("[role=dialog] button", "Trigger")[-1].click() or True, "the form to be sent")

    def newest() -> str | None:
        runs = running.client().call("GET", "/api/v2/dags/press_motion_teaser/dagRuns")["dag_runs"]
        return next((str(run["dag_run_id"]) for run in runs if run["triggering_user_name"] == "maya"), None)

    run_id = person.wait(newest, "the run that the form started")
    running.wait_for_round("motion_teaser", run_id)
    [edition] = running.editions("motion_teaser", run_id)
    assert running.ws.read(RunRequest, keys.run(edition)).knobs == {"steps": 20, "length": 17}
    person.go(f"/dags/press_motion_teaser/runs/{quote(run_id, safe='')}")
    person.click("a", "Workflow")
    person.into_frame("svg.workflow")
    person.see(".knobs", "set when triggered")
    assert "length ← length: 17" in person.driver.find_element("css selector", "svg.workflow").text
    person.picture("workflow")
    person.out_of_frame()
    person.click("a", "Review")
    person.into_frame(".card")
    loaded(person)
    assert person.see(".plays").text == "▶ 1.1 s"
    person.picture("films")


def test_a_viewer_looks_and_cannot_decide(person: Person, running: RunningPress, form_run: str) -> None:
    person.log_in("vic")
    person.go(page_of(form_run))
    person.click("a", "Review")
    person.into_frame(".card")
    loaded(person)
    assert person.all("#finish") == []
    assert person.driver.find_elements("css selector", "[data-do]") == []
    person.see("#notice", "You may look at this round and not decide in it.")
    person.press("a")
    person.see(".toast", "You are not a reviewer of this market")
    person.picture("viewer")
    assert not any("approved" in card.get_attribute("class") for card in person.all(".card"))
    campaign, run_key, number = running.wait_for_round("desk", form_run)
    url = f"{running.endpoints.airflow}/pressrun/api/rounds/{campaign}/{run_key}/{number}"
    cookie = {"_token": running.client("vic").token()}
    with httpx.Client(cookies=cookie, trust_env=False, headers={"Origin": running.endpoints.airflow}) as browser:
        candidate = browser.get(url).json()["cells"][0]["candidates"][0]
        decision = {"item_id": candidate["item_id"], "sha256": candidate["sha256"], "state": "approved"}
        body = {"decisions": [{**decision, "reason": "", "note": "", "expected_sequence": 0}]}
        assert browser.post(f"{url}/decisions", json=body).status_code == 403
        assert browser.post(f"{url}/finish", json={}).status_code == 403


def test_a_round_is_reviewed_by_keyboard_inside_airflow(person: Person, running: RunningPress, form_run: str) -> None:
    person.log_in("rosa")
    person.go("/plugin/pressrun")
    person.into_frame(".row")
    person.see(".row", "2 of 2 cells to go")
    person.picture("queue")
    person.out_of_frame()
    person.go(page_of(form_run))
    person.click("a", "Review")
    person.into_frame(".card")
    loaded(person)
    assert len(person.all(".card")) == 3
    person.picture("gallery")
    person.press("x")
    person.see(".reasons, .sheet, #panels", "composition")
    person.picture("reasons")
    person.press("5")
    person.see(".card.rejected", "composition")
    person.press("a")
    person.wait(lambda: len(person.all(".card.approved")) == 1, "the second candidate to be approved")
    person.press("a")
    person.wait(lambda: len(person.all(".card.approved")) == 2, "the second cell to be approved")
    person.see(".settled", "2 of 2 cells settled")
    person.press("?")
    person.see(".sheet", "Keyboard")
    person.picture("keyboard")
    person.press("?")
    person.picture("settled")
    person.click("#finish")
    person.see("#notice", "rosa finished this round")
    person.picture("finished")
    running.wait_for_end("desk", form_run)
    account = running.summary("desk", form_run).account
    assert (account.planned, account.approved, account.rejected, account.published) == (3, 2, 1, 2)
    assert running.client().xcom("press_desk", form_run, "await_review")["by"] == "rosa"


def test_the_findings_of_a_broken_campaign_name_row_column_and_remedy(person: Person, running: RunningPress) -> None:
    run_id = running.trigger("broken_twin", "broken+1")
    running.wait_for_end("broken_twin", run_id, "failed")
    person.log_in("maya")
    person.go(f"/dags/press_broken_twin/runs/{quote(run_id, safe='')}")
    person.click("a", "Findings")
    person.into_frame("table.findings")
    person.see(".lead", "to mend")
    assert len(person.all("table.findings tbody tr")) >= 8
    person.see("table.findings", "did you mean")
    person.picture("findings")


def test_screenshots_are_of_the_whole_page(pictures: Path) -> None:
    for path in sorted(pictures.glob("*.png")):
        with Image.open(path) as picture:
            assert picture.size == (1500, 950), path.name
            assert len(picture.convert("RGB").getcolors(2**24) or ()) > 50, f"{path.name} is blank"


def loaded(person: Person) -> None:
    """Wait until every picture on the page has been drawn."""
    script = "return [...document.images].filter(one => one.loading !== 'lazy' || one.getBoundingClientRect().top < innerHeight).every(one => one.complete && one.naturalWidth > 0)"
    person.wait(lambda: person.driver.execute_script(script), "the pictures to be there")

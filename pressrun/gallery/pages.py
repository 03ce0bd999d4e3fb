"""The pages: queue, a run's review, its findings, its plan. Rendered here; the gallery is filled in by its script."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pressrun.core.plan_report import besides, plan_charts
from pressrun.core.review import ReviewRound
from pressrun.gallery.access import Seat, seat
from pressrun.gallery.queue import read_queue
from pressrun.gallery.runs import RunPage, rounds_of, run_page
from pressrun.steps.drawing import draw_plan

router = APIRouter(default_response_class=HTMLResponse)
Here = Annotated[Seat, Depends(seat)]


def _when(value: str | datetime | None) -> str:
    """A UTC time as people read it; the page's script turns it into the reader's own time."""
    if value is None:
        return ""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.strftime("%d %b %Y, %H:%M UTC")


_templates = Environment(
    loader=PackageLoader("pressrun.gallery"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["when"] = _when


@router.get("/")
def queue(request: Request, here: Here) -> HTMLResponse:
    """The review queue over all campaigns the user may see."""
    return _page(request, here, "queue.html", rounds=read_queue(here))


@router.get("/dags/{dag_id}/runs/{run_id}/")
def review(
    request: Request, here: Here, dag_id: str, run_id: str, edition: str | None = None, number: int | None = None
) -> HTMLResponse:
    """The run's gallery, or what it waits for where there is nothing to review yet."""
    page = run_page(here, dag_id, run_id, edition)
    rounds = rounds_of(here, page)
    chosen = next((one for one in rounds if one.number == number), rounds[0] if rounds else None)
    return _run_page(request, here, "review.html", page, tab="review", rounds=rounds, round=chosen)


@router.get("/dags/{dag_id}/runs/{run_id}/findings")
def findings(request: Request, here: Here, dag_id: str, run_id: str, edition: str | None = None) -> HTMLResponse:
    """Everything the check found, with file, row, column and what to change."""
    page = run_page(here, dag_id, run_id, edition)
    return _run_page(request, here, "findings.html", page, tab="findings")


@router.get("/dags/{dag_id}/runs/{run_id}/plan")
def plan(request: Request, here: Here, dag_id: str, run_id: str, edition: str | None = None) -> HTMLResponse:
    """What the run was asked for, what it costs, and what came out."""
    page = run_page(here, dag_id, run_id, edition)
    made = here.desk.newest_plan(page.run_key) if page.run_key and page.quote else None
    # Charts are markup of our own making: every text in them was escaped where they were drawn.
    charts = [(chart, Markup(chart.svg)) for chart in plan_charts(made, page.quote)] if made and page.quote else []  # noqa: S704
    told = besides(page.quote) if page.quote else []
    return _run_page(request, here, "plan.html", page, tab="plan", charts=charts, gate=page.gate, besides=told)


@router.get("/dags/{dag_id}/runs/{run_id}/workflow")
def workflow(request: Request, here: Here, dag_id: str, run_id: str, edition: str | None = None) -> HTMLResponse:
    """The graphs of the run's plan, drawn, with what this run gives their knobs."""
    page = run_page(here, dag_id, run_id, edition)
    found = here.desk.newest_plan(page.run_key) if page.run_key else None
    # The drawing is markup of our own making: every text in it was escaped where it was drawn.
    workflows = [(one, Markup(one.svg)) for one in draw_plan(found, here.desk.catalogue)] if found else []  # noqa: S704
    overridden = tuple(found.run.knobs) if found else ()
    return _run_page(request, here, "workflow.html", page, tab="workflow", workflows=workflows, overridden=overridden)


def _page(request: Request, here: Seat, template: str, **values: Any) -> HTMLResponse:
    """Render with `root`, the way back to the app's own root: relative URLs only, so that any proxy path works."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    root = "../" * (path.count("/") - 1) or "./"
    html = _templates.get_template(template).render(user=here.user, root=root, round_url=_round_url, **values)
    return HTMLResponse(html)


def _run_page(request: Request, here: Seat, template: str, page: RunPage, **values: Any) -> HTMLResponse:
    """A page of a run. `query` keeps the chosen edition while moving between tabs."""
    query = "?" + urlencode({"edition": page.run_key}) if page.run_key and len(page.editions) > 1 else ""
    place = f"dags/{quote(page.dag_id, safe='')}/runs/{quote(page.run_id, safe='')}/"
    return _page(request, here, template, run=page, place=place, query=query, **values)


def _round_url(one: ReviewRound) -> str:
    return f"api/rounds/{one.campaign}/{one.run_key}/{one.number}"

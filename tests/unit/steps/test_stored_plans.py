"""Which stored plan is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import collect, make_plan, make_request, make_spec

from pressrun.core.errors import NotFoundError
from pressrun.steps.stored_plans import newest_plan, read_plan
from pressrun.steps.workspace import Workspace, memory_workspace


def store(ws: Workspace, campaign: str, run_id: str) -> str:
    spec = make_spec(campaign=campaign)
    return collect(ws, make_plan(spec, make_request(spec, run_id))).plan_ref["plan_uri"]


def test_the_newest_is_of_this_campaign_and_not_of_one_with_a_longer_name() -> None:
    ws = memory_workspace()
    store(ws, "spring", "first")
    uri = store(ws, "spring", "second")
    store(ws, "spring-sale", "third")
    assert newest_plan(ws, "spring").run.run_id == "second"
    assert read_plan(ws, "spring", "newest") == read_plan(ws, "spring", uri)


def test_a_plan_may_be_a_file(tmp_path: Path) -> None:
    ws = memory_workspace()
    store(ws, "spring", "first")
    file = tmp_path / "plan.json"
    file.write_bytes(newest_plan(ws, "spring").to_bytes())
    assert read_plan(ws, "spring", str(file)) == newest_plan(ws, "spring")


def test_no_plan_is_told() -> None:
    with pytest.raises(NotFoundError, match="no run of this campaign"):
        newest_plan(memory_workspace(), "spring")
    with pytest.raises(NotFoundError, match="give `newest`"):
        read_plan(memory_workspace(), "spring", "nowhere.json")

"""The quote as a step: instance types from campaign, pool and quotas; the room in budgets as a finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import make_plan, make_request, make_spec

from pressrun.core import keys
from pressrun.core.cost import COLD_START_SECONDS
from pressrun.core.errors import InputError, StorageError
from pressrun.core.observation import CostObservation
from pressrun.core.plan import RenderPlan
from pressrun.core.pools import Pool
from pressrun.settings import Settings
from pressrun.steps.expand import on_pool
from pressrun.steps.ledger import room_findings
from pressrun.steps.quote import quote_plan
from pressrun.steps.workspace import Workspace, memory_workspace

PRICES = "instances: {ml.g5.xlarge: {usd_per_hour: 1.4}, ml.g6.xlarge: {usd_per_hour: 1.1}}\n"


class Quotas:
    """A probe that knows quotas alone."""

    def __init__(self, **allowed: int) -> None:
        self.allowed = {name.replace("_", "."): count for name, count in allowed.items()}

    def versioned(self, bucket: str) -> bool:
        return True

    def locked(self, bucket: str) -> bool:
        return True

    def quota(self, instance_type: str) -> int | None:
        if instance_type not in self.allowed:
            raise StorageError("not allowed to ask")
        return self.allowed[instance_type]


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    made = memory_workspace(Settings(home=tmp_path))
    (made.settings.include / "policy").mkdir(parents=True)
    (made.settings.include / "policy" / "prices.yaml").write_text(PRICES)
    return made


def a_plan(kind: object, press: str = "final") -> RenderPlan:
    spec = make_spec(job={"instance_type": kind, "shard_items": 100, "canary_items": 0})
    return make_plan(spec, make_request(spec, press=press))


def measured(ws: Workspace, kind: str, rate: float) -> None:
    for number in range(5):
        seen = CostObservation(
            job=f"job-{number}", workflow="sdxl", engine_class="comfyui-test", instance_type=kind, items=1, work=1.0,
            seconds=rate, cold_seconds=COLD_START_SECONDS, wall_seconds=400.0, observed_at="2026-03-01T00:00:00+00:00",
        )  # fmt: skip
        ws.write_once(keys.cost("sdxl", kind, f"job-{number}"), seen)


def test_of_a_list_the_cheaper_is_taken_and_each_has_its_own_measurements(ws: Workspace) -> None:
    plan = a_plan(["ml.g5.xlarge", "ml.g6.xlarge"])
    assert quote_plan(ws, plan, known=frozenset()).instance_type == "ml.g6.xlarge"
    measured(ws, "ml.g5.xlarge", rate=0.3)
    quote = quote_plan(ws, plan, known=frozenset())
    assert quote.instance_type == "ml.g5.xlarge"
    assert quote.cost["sdxl"].source == "measured"
    measured(ws, "ml.g6.xlarge", rate=0.31)
    assert quote_plan(ws, plan, known=frozenset()).instance_type == "ml.g6.xlarge"


def test_a_quota_of_none_leads_to_the_other_type(ws: Workspace) -> None:
    plan = a_plan(["ml.g6.xlarge", "ml.g5.xlarge"])
    assert quote_plan(ws, plan, known=frozenset(), probe=Quotas(ml_g6_xlarge=0)).instance_type == "ml.g5.xlarge"
    assert quote_plan(ws, plan, known=frozenset(), probe=Quotas(ml_g6_xlarge=1)).instance_type == "ml.g6.xlarge"
    assert quote_plan(ws, plan, known=frozenset(), probe=Quotas()).instance_type == "ml.g6.xlarge"


def test_a_proof_has_the_deployments_instance_whatever_the_campaign_lists(ws: Workspace) -> None:
    quote = quote_plan(ws, a_plan(["ml.g6.xlarge", "ml.g5.xlarge"], press="proof"), known=frozenset())
    assert quote.instance_type == ws.settings.proof_instance_type


def test_auto_is_the_list_of_the_pool() -> None:
    pool = Pool(instance_type="ml.g5.xlarge", alternatives=("ml.g6.xlarge",))
    assert on_pool(make_spec(job={"instance_type": "auto"}), pool).job.instance_types == (
        "ml.g5.xlarge",
        "ml.g6.xlarge",
    )
    assert on_pool(make_spec(job={"instance_type": "ml.own"}), pool).job.instance_types == ("ml.own",)
    assert on_pool(make_spec(), pool).job.instance_types == ("ml.g5.xlarge",)
    with pytest.raises(InputError, match="there are no pools"):
        on_pool(make_spec(job={"instance_type": "auto"}), None)


def test_a_budget_without_room_is_a_finding_of_the_plan(ws: Workspace) -> None:
    plan = a_plan("ml.g5.xlarge")
    quote = quote_plan(ws, plan, known=frozenset())
    assert room_findings(ws, plan, quote) == ()
    (ws.settings.include / "policy" / "budgets.yaml").write_text("campaigns: {spring_sale: {images_a_week: 3}}")
    (found,) = room_findings(ws, plan, quote)
    assert (found.code, found.severity) == ("budget", "error")
    assert "may buy 3 more of its 3 pictures for week" in found.message
    assert "raise `images_a_week`" in found.remedy

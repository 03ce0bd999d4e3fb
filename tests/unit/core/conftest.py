"""Small plans to reason about: session-wide factories, so that property tests may use them too."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from pressrun.core import ids
from pressrun.core.campaign import CampaignSpec
from pressrun.core.codec import digest_of
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan, RunRequest

MakeItem = Callable[..., Item]
MakePlan = Callable[..., RenderPlan]


@pytest.fixture(scope="session")
def make_item() -> MakeItem:
    """make_item(axes, **fields): an item as the planner would make it."""

    def build(axes: dict[str, str], **fields: Any) -> Item:
        cell = {key: axes[key] for key in ("product", "locale") if key in axes}
        values: dict[str, Any] = {
            "item_id": ids.item_id(campaign="sample", axes=axes),
            "cell_id": ids.cell_id(campaign="sample", axes=cell),
            "axes": axes,
            "workflow": "poster",
            "params": {"prompt": " ".join(axes.values()), "width": 1024, "height": 1024, "steps": 30},
            "seed": 7,
            "render_key": digest_of(axes),
        }
        return Item.model_validate(values | fields)

    return build


@pytest.fixture(scope="session")
def make_plan(load: Callable[[str], ModuleType]) -> MakePlan:
    """make_plan(items, press="final", **job): a plan of these items."""

    samples = load("tests/golden/samples.py")

    def build(items: list[Item], *, press: str = "final", **job: Any) -> RenderPlan:
        run = samples.sample(RunRequest, campaign="sample", run_key="sample-0123456789ab-abcdef", press=press)
        spec = CampaignSpec.model_validate(
            {
                "campaign": "sample",
                "title": "Sample",
                "owner": "maya",
                "workflow": "poster",
                "locales": ["de-DE"],
                "review": {"reviewers": {"*": ["rosa"]}},
                "job": job,
            }
        )
        return RenderPlan(
            run=run,
            spec=spec,
            sources=(),
            manifest_rows=len(items),
            workflows={},
            engine_class="proof/test",
            inputs=(),
            items=tuple(items),
        )

    return build

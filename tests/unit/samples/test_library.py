"""The library: each workflow has a contract, a sample and a page; a real ComfyUI accepted it; it proofs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from inline_press import InlinePress
from PIL import Image

from pressrun.core.batch import prompts_of
from pressrun.core.gather import Gather
from pressrun.core.plan import RenderPlan
from pressrun.core.proof_marks import strip_height
from pressrun.core.quality import judge
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "tests/data/library"
WORKFLOWS = sorted(path.name.removesuffix(".api.json") for path in (ROOT / "include/workflows").glob("*.api.json"))
# What each sample makes: items and cells.
SIZES = {
    "ad_variants": (8, 4),
    "archive_upscale": (2, 2),
    "daily_deals": (6, 6),
    "design_snapshot": (8, 8),
    "editorial_heroes": (4, 2),
    "label_refresh": (4, 2),
    "master_to_market": (8, 8),
    "mood_board": (16, 2),
    "motion_teaser": (2, 2),
    "shelf_mockups": (8, 8),
    "sound_logo": (2, 2),
    "spring_sale": (80, 40),
}
BOXES = ((96, 64, 832, 150), (96, 222, 832, 76), (272, 916, 480, 72))


@pytest.fixture(scope="module")
def record(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("tests/data/library/record.py")


def planned(campaign: str) -> tuple[RenderPlan, Gather, Workspace]:
    ws = memory_workspace(Settings.model_validate({"home": ROOT}))
    sources = Sources(ws, campaign)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key=f"{campaign}-1-1", dag_id=f"press_{campaign}", run_id="manual", run_type="manual",
        conf={}, drop="2026-11-10", triggered_by="maya",
    )  # fmt: skip
    return *make_plan(ws, sources, spec, request), ws


def test_every_workflow_has_a_contract_a_sample_a_record_and_a_page(record: ModuleType) -> None:
    assert sorted(record.SAMPLES) == WORKFLOWS
    assert sorted(path.stem for path in RECORDS.glob("*.json")) == WORKFLOWS
    index = (ROOT / "docs/library/README.md").read_text()
    for workflow in WORKFLOWS:
        assert (ROOT / f"include/params/{workflow}.schema.json").is_file()
        page = (ROOT / f"docs/library/{workflow}.md").read_text()
        assert record.SAMPLES[workflow] in page
        assert f"({workflow}.md)" in index


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_real_comfyui_accepted_every_graph_of_the_sample(workflow: str, record: ModuleType) -> None:
    recorded = json.loads((RECORDS / f"{workflow}.json").read_bytes())
    assert recorded["comfyui_version"] == "0.33.0"
    graphs = record.requests_of(workflow)
    assert set(recorded["answers"]) == set(graphs), "the graphs changed: record again (tests/data/library/README.md)"
    for answer in recorded["answers"].values():
        assert answer == {"status": 200, "response": {"node_errors": {}}}


@pytest.mark.parametrize("campaign", SIZES)
def test_the_samples_plan_without_a_finding(campaign: str) -> None:
    plan, gather, _ = planned(campaign)
    assert gather.findings == ()
    assert (len(plan.items), len(plan.cells)) == SIZES[campaign]
    assert len({item.render_key for item in plan.items}) == len(plan.items)
    if campaign == "mood_board":
        assert "round" in plan.spec.seed_axes
        assert not plan.spec.review.may_decide("rosa", "ja-JP")
        assert plan.spec.review.may_decide("kenji", "ja-JP")
        assert [len(prompt) for prompt in prompts_of(plan.items)] == [2] * 8


@pytest.mark.parametrize("campaign", SIZES)
def test_the_samples_proof(campaign: str, tmp_path: Path) -> None:
    """The first and the last item: what the runner takes from the engine is good, and QC lets it through."""
    plan, _, ws = planned(campaign)
    press = InlinePress(plan, ws, tmp_path)
    for item in (plan.items[0], plan.items[-1]):
        (made,) = press.proof(item)
        assert judge(made, params=item.params, spec=plan.spec.quality) == []
        kind = {"motion_teaser": "image/webp", "sound_logo": "audio/flac"}.get(campaign, "image/png")
        assert made.media_type == kind
        if campaign == "motion_teaser":
            with Image.open(tmp_path / "job" / made.file) as film:
                assert film.n_frames == item.params["length"]


def test_master_to_market_touches_nothing_but_the_text_boxes(tmp_path: Path) -> None:
    """Every market of a master: outside the boxes the master's own pixels, but for the proof's mark; inside, words."""
    plan, gather, ws = planned("master_to_market")
    assert not gather.findings, "no glyph is missing, no text overflows"
    press = InlinePress(plan, ws, tmp_path)
    outside = np.ones((1024, 1024), dtype=bool)
    for left, top, width, height in BOXES:
        outside[top : top + height, left : left + width] = False
    unmarked = outside.copy()
    unmarked[1024 - strip_height(1024, 1024) :] = False
    unmarked[:180, 1024 - 180 :] = False
    for product, count in (("AUR-01", 5), ("AUR-02", 3)):
        items = [item for item in plan.items if item.axes["product"] == product]
        assert len(items) == count
        pictures = [press.pixels(item) for item in items]
        name = items[0].inputs["master"]
        source = next(asset for asset in plan.inputs if asset.name == name)
        with Image.open(io.BytesIO(ws.fetch(source.uri))) as image:
            master = np.asarray(image.convert("RGB"))
        for picture in pictures:
            assert (picture[outside] == pictures[0][outside]).all()
            assert (picture[unmarked] == master[unmarked]).all()
        for left, top, width, height in BOXES:
            boxes = {picture[top : top + height, left : left + width].tobytes() for picture in pictures}
            assert len(boxes) == count, "each market has its own words in every box"


def test_the_boxes_of_the_test_are_those_of_the_campaign() -> None:
    plan, _, _ = planned("master_to_market")
    overlay = plan.spec.inputs["overlay"]
    assert not isinstance(overlay, str)
    assert tuple(tuple(block.box) for block in overlay.typeset.blocks) == BOXES


def test_an_inpainted_picture_keeps_what_the_mask_does_not_cover(tmp_path: Path) -> None:
    plan, _, ws = planned("label_refresh")
    item = plan.items[0]
    picture = InlinePress(plan, ws, tmp_path).pixels(item)
    files = {asset.name: asset for asset in plan.inputs}
    with Image.open(io.BytesIO(ws.fetch(files[item.inputs["picture"]].uri))) as image:
        before = np.asarray(image.convert("RGB"))
    # Above the band that the mask covers, and left of the proof's mark.
    assert (picture[:380, :600] == before[:380, :600]).all()
    assert (picture[600:730, 40:160] != before[600:730, 40:160]).mean() > 0.5

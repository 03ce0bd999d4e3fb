"""A market's copy as a derived input: planned by digest, staged once, bought again only where the words changed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from pressrun.core.codec import sha256_hex
from pressrun.core.gather import Gather
from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace

GRAPH: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Master"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "y.png"}, "_meta": {"title": "Copy"}},
    "3": {"class_type": "ImageCompositeMasked", "inputs": {"destination": ["1", 0], "source": ["2", 0], "x": 0, "y": 0, "resize_source": False}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}, "_meta": {"title": "Save"}},
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "x-outputs": ["Save"], "required": ["master", "overlay"],
    "properties": {
        "master": {"type": "string", "x-asset": True, "x-bind": [{"node": "Master", "input": "image"}]},
        "overlay": {"type": "string", "x-asset": True, "x-bind": [{"node": "Copy", "input": "image"}]},
    },
}  # fmt: skip
BLOCK = {"text": "{{ copy.headline }}", "box": [8, 8, 184, 40], "size": "{{ size.letters }}", "colour": "plum"}
SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "card", "locales": ["en-US", "ar-AE"],
    "axes": {"size": [{"id": "small", "letters": 12}, {"id": "large", "letters": 18}]},
    "combine": "product * locale * size", "review": {"reviewers": {"*": ["rosa"]}},
    "inputs": {"master": "assets/master.png", "overlay": {"typeset": {"width": 200, "height": 100, "blocks": [BLOCK]}}},
}  # fmt: skip
COPY = "key,locale,text,status\nheadline,en-US,Fresh,approved\nheadline,ar-AE,بشرة,approved\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    include = tmp_path / "include"
    for name, text in {
        "workflows/card.api.json": json.dumps(GRAPH),
        "params/card.schema.json": json.dumps(CONTRACT),
        "brand/palette.yaml": 'colours: {plum: {hex: "#4a2c38"}}\nfonts: {text: Noto Sans}\n',
        "campaigns/mini/manifest.csv": "sku\nA1\nB2\n",
    }.items():
        path = include / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (include / "campaigns/mini/assets").mkdir()
    Image.new("RGB", (200, 100), (200, 180, 160)).save(include / "campaigns/mini/assets/master.png")
    author(tmp_path)
    return tmp_path


def author(project: Path, *, copy: str = COPY, **spec: Any) -> None:
    folder = project / "include/campaigns/mini"
    (folder / "campaign.yaml").write_text(yaml.safe_dump(SPEC | spec, allow_unicode=True), encoding="utf-8")
    (folder / "translations.csv").write_text(copy, encoding="utf-8")


def planned(project: Path) -> tuple[RenderPlan, Gather, Workspace]:
    ws = memory_workspace(Settings.model_validate({"home": project}))
    sources = Sources(ws, "mini")
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="mini-1-1", dag_id="press_mini", run_id="manual", run_type="manual", conf={},
        drop="2026-11-20", triggered_by="maya",
    )  # fmt: skip
    return *make_plan(ws, sources, spec, request), ws


def keys_of(plan: RenderPlan) -> dict[tuple[str, ...], str]:
    return {tuple(item.axes.values()): item.render_key for item in plan.items}


def overlay_with(**block: Any) -> dict[str, Any]:
    return {
        "inputs": SPEC["inputs"] | {"overlay": {"typeset": {"width": 200, "height": 100, "blocks": [BLOCK | block]}}}
    }


def test_one_overlay_for_each_text_and_size_staged_by_content(project: Path) -> None:
    plan, gather, ws = planned(project)
    assert gather.findings == ()
    assert len(plan.items) == 8
    made = [asset for asset in plan.inputs if asset.source.startswith("typeset:overlay/")]
    assert len(made) == 4  # 2 locales × 2 sizes; both products share them
    for asset in made:
        data = ws.fetch(asset.uri)
        assert (sha256_hex(data), len(data)) == (asset.sha256, asset.size)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.mode, image.size) == ("RGBA", (200, 100))
    assert {item.inputs["overlay"] for item in plan.items} == {asset.name for asset in made}
    assert "brand/palette.yaml" in {source.path for source in plan.sources}


def test_another_word_in_one_market_buys_that_market_again_and_no_other(project: Path) -> None:
    before = keys_of(planned(project)[0])
    author(project, copy=COPY.replace("Fresh", "Fresher"))
    after = keys_of(planned(project)[0])
    changed = {axes for axes, key in after.items() if before[axes] != key}
    assert changed == {axes for axes in after if "en-US" in axes}


def test_a_brand_colour_changed_in_one_place_changes_every_picture(project: Path) -> None:
    before = keys_of(planned(project)[0])
    (project / "include/brand/palette.yaml").write_text('colours: {plum: {hex: "#123456"}}\nfonts: {text: Noto Sans}\n')
    after = keys_of(planned(project)[0])
    assert all(before[axes] != key for axes, key in after.items())


def test_what_cannot_be_set_is_a_finding_where_the_words_are(project: Path) -> None:
    long = "Fresh \U00012000 as the very first morning of the year"
    author(project, copy=COPY.replace("Fresh", long), **overlay_with(smallest="{{ size.letters }}"))
    _, gather, _ = planned(project)
    told = {(finding.code, finding.place.file, finding.place.row, finding.place.column) for finding in gather.findings}
    assert told == {
        ("glyph-missing", "mini/translations.csv", 2, "text"),
        ("text-overflow", "mini/translations.csv", 2, "text"),
    }
    assert all("en-US: " in finding.message for finding in gather.findings)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"colour": "plim"}, "did you mean 'plum'"),
        ({"font": "display"}, "no font role 'display'"),
        ({"box": [0, 0, 900, 10]}, "is not inside 200×100"),
        ({"size": "{{ size.id }}"}, "blocks/0/size"),
    ],
)
def test_a_wrong_block_is_told_at_its_place_in_the_campaign(project: Path, block: dict[str, Any], told: str) -> None:
    author(project, **overlay_with(**block))
    plan, gather, _ = planned(project)
    assert plan.items == ()
    assert {finding.code for finding in gather.findings} == {"overlay-value"}
    assert {finding.place.pointer for finding in gather.findings} == {"/inputs/overlay/typeset"}
    assert any(told in finding.message for finding in gather.findings)


def test_a_missing_translation_is_told_once_and_nothing_is_set(project: Path) -> None:
    author(project, copy=COPY.replace("headline,ar-AE", "other,ar-AE"))
    plan, gather, _ = planned(project)
    assert {finding.code for finding in gather.findings} == {"translation-missing"}
    assert {item.locale for item in plan.items} == {"en-US"}


def test_a_misspelt_key_of_an_overlay_is_refused(project: Path) -> None:
    author(project, **overlay_with(colr="plum"))
    with pytest.raises(Exception, match="Extra inputs are not permitted"):
        planned(project)


def test_an_overlay_of_another_size_than_the_master_is_a_finding(project: Path) -> None:
    master = project / "include/campaigns/mini/assets/master.png"
    Image.new("RGB", (300, 100), (200, 180, 160)).save(master)
    plan, gather, _ = planned(project)
    assert len(plan.items) == 8
    (finding,) = gather.findings
    assert (finding.code, finding.severity) == ("overlay-size", "error")
    assert finding.place.pointer == "/inputs/overlay/typeset"
    assert "the overlay is 200×100 pixels, the picture under it 300×100" in finding.message
    assert finding.remedy == "typeset it with width: 300 and height: 100"


def test_a_master_counts_as_its_camera_was_held(project: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    picture = Image.new("RGB", (100, 200), (200, 180, 160))
    picture.save(project / "include/campaigns/mini/assets/master.png", exif=turned)
    assert planned(project)[1].findings == ()


def policy(project: Path, **rule: Any) -> None:
    path = project / "include/policy/prompts.yaml"
    path.parent.mkdir(exist_ok=True)
    rules = [{"id": "r", "reason": "because", "in": ["copy"], **rule}] if rule else []
    path.write_text(yaml.safe_dump({"max_length": {"copy": 30}, "rules": rules}), encoding="utf-8")


def test_copy_that_is_typeset_is_held_against_policy_at_its_row(project: Path) -> None:
    policy(project, blocked=["fresh"])
    (finding,) = planned(project)[1].findings
    assert (finding.code, finding.place.file, finding.place.row) == ("policy-rule", "mini/translations.csv", 2)


def test_words_from_the_manifest_are_held_against_policy_as_well(project: Path) -> None:
    policy(project, blocked=["B2"], markets=["en"])
    author(project, **overlay_with(text="{{ product.key }}: {{ locale }}"))
    (finding,) = planned(project)[1].findings
    assert (finding.code, finding.place.pointer) == ("policy-rule", "/inputs/overlay/typeset/blocks/0/text")


def test_what_a_market_must_say_is_looked_for_in_what_is_typeset(project: Path) -> None:
    policy(project, required=["Fresh"], markets=["en"])
    assert planned(project)[1].findings == ()
    author(project, copy=COPY.replace("Fresh", "New"))
    (finding,) = planned(project)[1].findings
    assert finding.code == "policy-rule"
    assert "must be said" in finding.message


def test_the_length_is_that_of_the_text_as_it_was_filled_in(project: Path) -> None:
    policy(project)
    author(project, **overlay_with(text="{{ copy.headline }} for {{ product.key }} and for all the others", smallest=6))
    found = planned(project)[1].findings
    assert {finding.code for finding in found} == {"policy-length"}

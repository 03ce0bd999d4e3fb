"""The samples in include/: they fit each other, expand to what their comments say, and are worth looking at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from PIL import Image

from pressrun.core.binding import compile_graph
from pressrun.core.copy_table import CopyTable, read_copy_table
from pressrun.core.gather import Gather
from pressrun.core.graph import is_link
from pressrun.core.locales import direction
from pressrun.core.plan import RenderPlan
from pressrun.proof import nodeinfo
from pressrun.proof.files import Folders
from pressrun.proof.validation import validate
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.prices import read_prices
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace
from pressrun.typeset import missing_glyphs

ROOT = Path(__file__).parents[3]
INCLUDE = ROOT / "include"
WORKFLOWS = ("product_hero", "brand_card")
DROPS = tuple(f"2026-11-{day}" for day in range(10, 15))


def workspace() -> Workspace:
    return memory_workspace(Settings.model_validate({"home": ROOT}))


def plan(campaign: str, drop: str = DROPS[0], ws: Workspace | None = None) -> tuple[RenderPlan, Gather]:
    ws = ws or workspace()
    sources = Sources(ws, campaign)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key=f"{campaign}-1-1", dag_id=f"press_{campaign}", run_id="manual", run_type="manual",
        conf={}, drop=drop, triggered_by="maya",
    )  # fmt: skip
    return make_plan(ws, sources, spec, request)


def graph_of(name: str) -> dict[str, Any]:
    return json.loads((INCLUDE / "workflows" / f"{name}.api.json").read_bytes())  # type: ignore[no-any-return]


def contract_of(name: str) -> dict[str, Any]:
    return json.loads((INCLUDE / "params" / f"{name}.schema.json").read_bytes())  # type: ignore[no-any-return]


def copy_of(campaign: str) -> CopyTable:
    path = INCLUDE / "campaigns" / campaign / "translations.csv"
    return read_copy_table(path.read_bytes(), file=path.name)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_graphs_use_classes_and_inputs_that_the_server_knows(name: str) -> None:
    known = json.loads(Path(nodeinfo.__file__).with_name("object_info.json").read_bytes())["classes"]
    for node in graph_of(name).values():
        declared = known[node["class_type"]]["input"]
        required, optional = declared["required"], declared.get("optional", {})
        assert set(required) <= set(node["inputs"]) <= set(required) | set(optional)
        for value in node["inputs"].values():
            if is_link(value):
                source = known[graph_of(name)[value[0]]["class_type"]]
                assert value[1] < len(source["output"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_node_has_its_own_title(name: str) -> None:
    titles = [node["_meta"]["title"] for node in graph_of(name).values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_contracts_explain_every_parameter_and_bound_what_costs(name: str) -> None:
    contract = contract_of(name)
    jsonschema.Draft202012Validator.check_schema(contract)
    assert contract["additionalProperties"] is False
    for parameter, schema in contract["properties"].items():
        assert schema["title"], parameter
        assert schema["description"].endswith("."), parameter
        assert ("default" in schema) != (parameter in contract["required"]), parameter
        if schema["type"] in ("integer", "number"):
            assert {"minimum", "maximum"} <= set(schema), parameter
        if "default" in schema:
            jsonschema.Draft202012Validator(schema).validate(schema["default"])
    assert sum(bool(schema.get("x-seed")) for schema in contract["properties"].values()) == 1
    assert {"width", "height"} <= {key for key, schema in contract["properties"].items() if schema.get("x-cost")}


def test_the_spring_sale_is_eighty_pictures_for_forty_cells() -> None:
    made, gather = plan("spring_sale")
    assert gather.findings == ()
    assert (len(made.items), len(made.cells)) == (80, 40)
    assert {len(candidates) for candidates in made.cells.values()} == {2}
    assert len({item.render_key for item in made.items}) == 80
    assert {item.locale for item in made.items} == {"en-US", "de-DE", "ja-JP", "ar-AE", "hi-IN"}
    # One background for all markets: what differs between locales is the copy, not the seed.
    assert len({item.seed for item in made.items}) == 4 * 2


def test_every_drop_of_the_daily_deals_is_complete_and_its_own() -> None:
    keys: set[str] = set()
    for drop in DROPS:
        made, gather = plan("daily_deals", drop)
        assert gather.findings == ()
        assert len(made.items) == len(made.cells) == 6
        keys |= {item.render_key for item in made.items}
    assert len(keys) == 6 * len(DROPS)


@pytest.mark.parametrize("campaign", ["spring_sale", "daily_deals"])
def test_the_server_accepts_every_item(campaign: str, tmp_path: Path) -> None:
    ws = workspace()
    made, _ = plan(campaign, ws=ws)
    folders = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    for asset in made.inputs:
        folders.input.mkdir(exist_ok=True)
        (folders.input / asset.name).write_bytes(ws.fetch(asset.uri))
    for item in made.items:
        bundle = made.workflows[item.workflow]
        graph = compile_graph(bundle, params=item.params, seed=item.seed, inputs=item.inputs, filename_prefix="x")
        verdict = validate(graph, folders, nodeinfo.ModelNames())
        assert (verdict.error, verdict.node_errors, verdict.outputs) == (None, {}, list(bundle.outputs))


def test_the_broken_twin_tells_all_of_its_mistakes_at_once() -> None:
    made, gather = plan("broken_twin")
    assert made.items == ()
    assert {finding.code for finding in gather.findings} == {
        "locale-unknown", "manifest-duplicate", "manifest-cell", "manifest-key", "column-missing", "input-missing",
        "parameter", "translation-missing", "translation-draft", "copy-duplicate", "copy-locale", "copy-status",
        "copy-text",
    }  # fmt: skip
    assert all(finding.place.file for finding in gather.findings)
    told = "\n".join(map(str, gather.findings))
    assert "campaign.yaml, /params/steps: 500 is out of range 10 to 50" in told
    assert "did you mean 'product_x'?" in told
    assert "manifest.csv, row 4, column 'sku': sku 'AUR-02' is already in row 3" in told


@pytest.mark.parametrize("campaign", ["spring_sale", "daily_deals"])
def test_no_copy_has_a_letter_that_the_fonts_lack(campaign: str) -> None:
    texts = copy_of(campaign).texts.values()
    assert [(text.row, missing) for text in texts if (missing := missing_glyphs(text.text, text.locale))] == []
    assert all(text.status == "approved" for text in texts)


def test_the_spring_sale_has_both_directions() -> None:
    assert {direction(locale) for _, locale in copy_of("spring_sale").texts} == {"ltr", "rtl"}


@pytest.mark.parametrize("photo", sorted(INCLUDE.glob("campaigns/*/assets/*.png")), ids=lambda path: path.stem)
def test_product_photos_are_small_cut_outs(photo: Path) -> None:
    assert photo.stat().st_size < 200_000
    with Image.open(photo) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (560, 700))
        alpha = picture.getchannel("A")
    assert alpha.getpixel((0, 0)) == alpha.getpixel((559, 0)) == 0
    box = alpha.point(lambda level: 255 if level > 250 else 0).getbbox()
    assert box is not None
    assert box[3] > 600, "the product stands near the lower edge"


def test_prices_have_a_date_and_say_where_they_are_from() -> None:
    data = yaml.safe_load((INCLUDE / "policy" / "prices.yaml").read_text("utf-8"))
    assert data["region"]
    prices = read_prices(workspace())
    assert {"ml.g5.xlarge", "ml.m5.xlarge"} <= set(prices)
    assert all(price.usd_per_hour > 0 and "2026" in price.source for price in prices.values())
    assert all("unverified" in price.source for price in prices.values())

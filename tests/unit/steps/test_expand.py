"""Planning a small campaign on disk: what is bought again, and what every kind of bad input says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pressrun.core import keys
from pressrun.core.codec import sha256_hex
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, FindingsError
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.render import Render
from pressrun.core.review import Decision
from pressrun.settings import Settings
from pressrun.steps.decisions import append
from pressrun.steps.expand import expand_run, make_plan, make_request
from pressrun.steps.quote import quote_run
from pressrun.steps.sources import Sources
from pressrun.steps.validate import validate_plan
from pressrun.steps.workspace import Workspace, memory_workspace

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}, "_meta": {"title": "Card"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Photo"}},
    "3": {"class_type": "ImageCompositeMasked", "inputs": {"destination": ["1", 0], "source": ["2", 0], "x": 0, "y": 0, "resize_source": False}},
    "4": {"class_type": "ImageAddNoise", "inputs": {"image": ["3", 0], "seed": 1, "strength": 0.1}, "_meta": {"title": "Grain"}},
    "5": {"class_type": "TextOverlay", "inputs": {"images": ["4", 0], "text": "x", "font_size": 5.0, "color": "#ffffff", "position": "top", "align": "center", "outline": True}, "_meta": {"title": "Headline"}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}, "_meta": {"title": "Save"}},
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "x-outputs": ["Save"], "required": ["headline", "photo"],
    "properties": {
        "headline": {"type": "string", "maxLength": 30, "x-bind": [{"node": "Headline", "input": "text"}]},
        "width": {"type": "integer", "minimum": 64, "maximum": 512, "default": 64, "x-cost": True, "x-bind": [{"node": "Card", "input": "width"}]},
        "photo": {"type": "string", "x-asset": True, "x-bind": [{"node": "Photo", "input": "image"}]},
        "seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "x-seed": True, "x-bind": [{"node": "Grain", "input": "seed"}]},
    },
}  # fmt: skip
SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "card", "locales": ["en-US", "de-DE"],
    "axes": {"variant": [{"id": "a", "mood": "calm"}, {"id": "b", "mood": "loud"}]},
    "combine": "product * locale * variant", "review": {"reviewers": {"*": ["rosa"]}},
    "params": {"headline": "{{ copy.headline }}", "width": "{{ product.width }}"},
    "inputs": {"photo": "assets/{{ product.sku }}.png"},
}  # fmt: skip
MANIFEST = "sku,name,width\nA1,Jar,64\nB2,Tube,128\n"
COPY = "key,locale,text,status\nheadline,en-US,Hello,approved\nheadline,de-DE,Hallo,approved\nA1.headline,de-DE,Topf,approved\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "workflows/card.api.json", json.dumps(GRAPH))
    write(tmp_path, "params/card.schema.json", json.dumps(CONTRACT))
    write(tmp_path, "campaigns/mini/campaign.yaml", yaml.safe_dump(SPEC))
    write(tmp_path, "campaigns/mini/manifest.csv", MANIFEST)
    write(tmp_path, "campaigns/mini/translations.csv", COPY)
    for sku in ("A1", "B2"):
        write(tmp_path, f"campaigns/mini/assets/{sku}.png", f"picture of {sku}")
    return tmp_path


def write(project: Path, name: str, data: str | bytes) -> None:
    path = project / "include" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


@pytest.fixture
def ws(project: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    # The proof press's own class needs its fonts; what is tested here is the plan.
    monkeypatch.setattr("pressrun.steps.expand.engine_class", lambda settings, engine: f"{engine}:test")
    return memory_workspace(Settings.model_validate({"home": project}))


def plan(ws: Workspace, **conf: Any) -> tuple[RenderPlan, tuple[Finding, ...]]:
    sources = Sources(ws, "mini")
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="r", dag_id="press_mini", run_id="r", run_type="manual", conf=conf, drop="2026-11-20", triggered_by="maya"
    )  # fmt: skip
    made, gather = make_plan(ws, sources, spec, request)
    return made, gather.findings


def respec(project: Path, **changes: Any) -> None:
    write(project, "campaigns/mini/campaign.yaml", yaml.safe_dump(SPEC | changes))


def keys_by_product(made: RenderPlan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in made.items:
        found.setdefault(item.axes["product"], set()).add(item.render_key)
    return found


def test_every_combination_becomes_an_item_in_the_documented_order(ws: Workspace) -> None:
    made, found = plan(ws)
    assert found == ()
    assert [tuple(item.axes.values()) for item in made.items][:3] == [
        ("A1", "en-US", "a"),
        ("A1", "en-US", "b"),
        ("A1", "de-DE", "a"),
    ]
    assert len(made.items) == 8
    assert len(made.cells) == 4
    first = made.items[0]
    assert first.params == {"headline": "Hello", "width": 64}
    assert (first.row, made.items[-1].row) == (2, 3)
    assert {asset.source for asset in made.inputs} == {"assets/A1.png", "assets/B2.png"}
    assert ws.inputs.get(ws.store_of(made.inputs[0].uri)[1]).startswith(b"picture of")


def test_changing_one_products_headline_buys_exactly_its_items(ws: Workspace, project: Path) -> None:
    before, _ = plan(ws)
    write(project, "campaigns/mini/translations.csv", COPY + "B2.headline,de-DE,Tube!,approved\n")
    after, _ = plan(ws)
    changed = {item.item_id for item in after.items} & {
        new.item_id for old, new in zip(before.items, after.items, strict=True) if old.render_key != new.render_key
    }
    assert changed == {item.item_id for item in after.items if (item.axes["product"], item.locale) == ("B2", "de-DE")}


def test_row_order_and_new_rows_change_no_id_seed_or_key(ws: Workspace, project: Path) -> None:
    before, _ = plan(ws)
    write(project, "campaigns/mini/assets/C3.png", "c")
    write(project, "campaigns/mini/manifest.csv", "sku,name,width\nC3,Box,64\nB2,Tube,128\nA1,Jar,64\n")
    after, _ = plan(ws)
    identity = {(item.item_id, item.seed, item.render_key) for item in before.items}
    assert identity <= {(item.item_id, item.seed, item.render_key) for item in after.items}


def test_another_photo_buys_only_its_product_again(ws: Workspace, project: Path) -> None:
    before, _ = plan(ws)
    write(project, "campaigns/mini/assets/A1.png", "another picture")
    after, _ = plan(ws)
    assert keys_by_product(before)["B2"] == keys_by_product(after)["B2"]
    assert keys_by_product(before)["A1"].isdisjoint(keys_by_product(after)["A1"])


def test_the_plan_is_stored_once_and_quoted(ws: Workspace) -> None:
    ref = expand_run(
        ws, dag_id="press_mini", run_id="manual__1", run_type="manual", conf={}, drop="2026-11-20", triggered_by="maya"
    )
    again = expand_run(
        ws, dag_id="press_mini", run_id="manual__1", run_type="manual", conf={}, drop="2026-11-20", triggered_by="maya"
    )
    assert ref == again
    assert validate_plan(ws, ref)["errors"] == 0
    quote = quote_run(ws, ref)
    assert (quote["to_render"], quote["reused"]) == (8, 0)


def test_another_conf_of_the_same_run_is_another_edition(ws: Workspace) -> None:
    def run(conf: dict[str, Any]) -> str:
        return expand_run(
            ws, dag_id="press_mini", run_id="b", run_type="backfill", conf=conf, drop="d", triggered_by="m"
        )["run_key"]

    german, english = run({"locales": ["de-DE"]}), run({"locales": ["en-US"]})
    assert german != english
    assert german.rsplit("-", 1)[0] == english.rsplit("-", 1)[0]


def test_limit_and_locales_of_a_run(ws: Workspace) -> None:
    made, _ = plan(ws, locales=["de-DE"], limit=3)
    assert [item.locale for item in made.items] == ["de-DE"] * 3


Break = Callable[[Path], None]
BROKEN: list[tuple[str, Break, str, str]] = [
    ("combine", lambda p: respec(p, combine="product * lcale"), "combine-axis", "unknown axes lcale"),
    ("combine syntax", lambda p: respec(p, combine="product * (locale"), "combine-syntax", ""),
    ("out of range", lambda p: write(p, "campaigns/mini/manifest.csv", "sku,name,width\nA1,Jar,9000\nB2,T,64\n"), "parameter", "9000 is out of range 64 to 512"),
    ("unknown parameter", lambda p: respec(p, params={**SPEC["params"], "stepz": 3}), "parameter", "unknown parameter 'stepz'"),
    ("no translation", lambda p: write(p, "campaigns/mini/translations.csv", "key,locale,text,status\nheadline,en-US,Hi,approved\n"), "translation-missing", "no de-DE text for 'headline' of A1"),
    ("missing input", lambda p: (p / "include/campaigns/mini/assets/B2.png").unlink(), "input-missing", "assets/B2.png is not there"),
    ("missing column", lambda p: write(p, "campaigns/mini/manifest.csv", "sku,name\nA1,Jar\nB2,Tube\n"), "column-missing", "no column 'width'"),
    ("too large", lambda p: respec(p, limit_items=7), "plan-too-large", "would have 8 items"),
    ("too long", lambda p: write(p, "campaigns/mini/translations.csv", COPY + f"B2.headline,de-DE,{'x' * 31},approved\n"), "parameter", "31 characters long"),
    ("empty manifest", lambda p: write(p, "campaigns/mini/manifest.csv", "sku,name,width\n"), "manifest-empty", "no rows"),
    ("duplicate row", lambda p: write(p, "campaigns/mini/manifest.csv", MANIFEST + "A1,Jar,64\n"), "manifest-duplicate", "already in row 2"),
    ("nothing left", lambda p: write(p, "campaigns/mini/manifest.csv", "sku,name,width,locales\nA1,Jar,64,fr-FR\n"), "plan-empty", "no item is left"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "code", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_bad_input_is_a_finding_with_its_place(
    ws: Workspace, project: Path, spoil: Break, code: str, message: str
) -> None:
    spoil(project)
    _, found = plan(ws)
    hits = [finding for finding in found if finding.code == code and message in finding.message]
    assert hits, [str(finding) for finding in found]
    assert hits[0].place.file
    assert hits[0].place.row is not None or hits[0].place.pointer or hits[0].place.column or code == "plan-empty"


def test_all_mistakes_are_told_in_one_pass(ws: Workspace, project: Path) -> None:
    (project / "include/campaigns/mini/assets/B2.png").unlink()
    write(project, "campaigns/mini/translations.csv", "key,locale,text,status\nheadline,en-US,Hi,approved\n")
    write(project, "campaigns/mini/manifest.csv", "sku,name,width\nA1,Jar,9000\nB2,Tube,64\n")
    _, found = plan(ws)
    assert {finding.code for finding in found} == {"input-missing", "translation-missing", "parameter"}


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda p: write(p, "campaigns/mini/manifest.csv", "größe\n".encode("latin-1")), FindingsError, "UTF-8"),
        (lambda p: (p / "include/campaigns/mini/manifest.csv").unlink(), InputError, "there is no manifest"),
        (lambda p: write(p, "workflows/card.api.json", '{"nodes": [], "links": []}'), InputError, "UI format"),
        (lambda p: (p / "include/params/card.schema.json").unlink(), FindingsError, "no parameter contract"),
        (lambda p: respec(p, lcales=[]), FindingsError, "lcales"),
        (lambda p: respec(p, inputs={"photo": "../../../etc/passwd"}), InputError, "outside the campaign"),
    ],
)
def test_what_keeps_a_plan_from_being_made_is_raised_with_its_place(
    ws: Workspace, project: Path, spoil: Break, error: type[Exception], message: str
) -> None:
    spoil(project)
    with pytest.raises(error, match=message):
        plan(ws)


def test_an_unknown_campaign_lists_those_that_exist(ws: Workspace) -> None:
    with pytest.raises(InputError, match=r"no campaign 'maxi'.*mini"):
        Sources(ws, "maxi").spec()


def test_unknown_conf_keys_are_refused_by_name(ws: Workspace) -> None:
    with pytest.raises(FindingsError, match=r"unknown key 'locale'.*did you mean 'locales'"):
        plan(ws, locale="de-DE")


def test_findings_of_a_failed_expansion_are_stored_for_the_page(ws: Workspace, project: Path) -> None:
    write(project, "campaigns/mini/manifest.csv", "größe\n".encode("latin-1"))
    with pytest.raises(FindingsError):
        expand_run(ws, dag_id="press_mini", run_id="r", run_type="manual", conf={}, drop="d", triggered_by="m")
    assert [info for info in ws.work.list("runs/") if "/findings/" in info.key]


def rendered(ws: Workspace, made: RenderPlan, digest: str) -> None:
    """Puts a picture of every item into the render index; `digest` goes into its SHA-256."""
    for item in made.items:
        render = Render(
            render_key=item.render_key, item_id=item.item_id, campaign="mini", run_key="r", job="j", image_uri="s3://w/i", thumb_uri=None,
            sha256=sha256_hex(f"{digest}{item.render_key}".encode()), size=1, media_type="image/png", width=64, height=64, measurements=None,
            seed=item.seed, params=item.params, params_sha256="", workflow="card", graph_sha256="", contract_sha256="",
            engine_class="e", engine_version="1", prompt_id="p", started_at="", seconds=1.0,
        )  # fmt: skip
        ws.write_once(keys.render(item.render_key), render)


def send_back(ws: Workspace, item: Item) -> None:
    sha256 = ws.read(Render, keys.render(item.render_key)).sha256
    append(
        ws,
        Decision(
            campaign="mini",
            item_id=item.item_id,
            sha256=sha256,
            sequence=1,
            state="changes_requested",
            by="rosa",
            by_name="Rosa",
            run_key="r",
            round=1,
            at="now",
        ),
    )


def run(ws: Workspace, run_id: str, **conf: Any) -> RenderPlan:
    ref = expand_run(
        ws, dag_id="press_mini", run_id=run_id, run_type="manual", conf=conf, drop="d", triggered_by="maya"
    )
    return ws.read(RenderPlan, keys.plan(ref["run_key"], ref["plan_digest"]))


def test_a_sent_back_picture_comes_again_only_with_rework_and_then_stays(ws: Workspace) -> None:
    first = run(ws, "1")
    rendered(ws, first, "round 0")
    send_back(ws, first.items[0])
    assert run(ws, "2").items == first.items

    reworked = run(ws, "3", rework=True)
    changed = [new for old, new in zip(first.items, reworked.items, strict=True) if new != old]
    assert [(item.item_id, item.round) for item in changed] == [(first.items[0].item_id, 1)]
    assert changed[0].seed != first.items[0].seed
    assert run(ws, "3", rework=True) == reworked, "a retry of the task goes no further"
    assert run(ws, "4", rework=True).items == reworked.items, "nothing new was seen, so nothing new is asked for"
    assert run(ws, "5").items == reworked.items, "an ordinary run asks for the newest picture"

    rendered(ws, reworked, "round 1")
    send_back(ws, changed[0])
    assert run(ws, "6").items == reworked.items
    assert run(ws, "7", rework=True).items[0].round == 2

"""Expansion in columns: each item is what the definitions say of it alone, however the plan is cut, ordered or grown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressrun.core import expand as expansion
from pressrun.core import ids
from pressrun.core.binding import compile_graph
from pressrun.core.campaign import CampaignSpec, ManifestSpec
from pressrun.core.codec import digest_of
from pressrun.core.contract import read_contract
from pressrun.core.copy_table import scan_copy_table
from pressrun.core.findings import Finding
from pressrun.core.gather import Gather
from pressrun.core.item import InputAsset, Item
from pressrun.core.manifest import scan_manifest
from pressrun.core.plan import RunRequest, WorkflowBundle
from pressrun.core.render_key import image_key, render_key
from pressrun.core.seeds import derive_seed
from pressrun.core.sheet import Sheet

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}, "_meta": {"title": "Latent"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "Photo"}},
    "3": {"class_type": "Mix", "inputs": {"latent": ["1", 0], "photo": ["2", 0], "steps": 20, "seed": 1}, "_meta": {"title": "Mix"}},
    "4": {"class_type": "TextOverlay", "inputs": {"images": ["3", 0], "text": "x"}, "_meta": {"title": "Headline"}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "x"}, "_meta": {"title": "Save"}},
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "x-outputs": ["Save"], "required": ["headline", "photo"],
    "x-batch": {"node": "Latent", "input": "batch_size", "max": 4},
    "properties": {
        "headline": {"type": "string", "maxLength": 30, "x-bind": [{"node": "Headline", "input": "text"}]},
        "width": {"type": "integer", "minimum": 64, "maximum": 512, "x-cost": True, "x-bind": [{"node": "Latent", "input": "width"}]},
        "steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20, "x-cost": True, "x-bind": [{"node": "Mix", "input": "steps"}]},
        "photo": {"type": "string", "x-asset": True, "x-bind": [{"node": "Photo", "input": "image"}]},
        "seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "x-seed": True, "x-bind": [{"node": "Mix", "input": "seed"}]},
    },
}  # fmt: skip
SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "card", "locales": ["en-US", "de-DE", "ja-JP"],
    "axes": {"variant": [{"id": "a", "mood": "calm"}, {"id": "b", "mood": "loud"}], "size": [{"id": 1, "w": 64}, {"id": 2, "w": 128}]},
    "combine": "product * locale * variant * size", "review": {"reviewers": {"*": ["rosa"]}},
    "params": {"headline": "{{ copy.headline }} {{ variant.mood }}", "width": "{{ size.w }}"},
    "inputs": {"photo": "assets/{{ product.photo }}"},
}  # fmt: skip
MANIFEST = "sku,photo\nA1,a.png\nB2,b.png\nC3,a.png\n"
COPY = "key,locale,text,status\nheadline,en-US,Hello,approved\nheadline,de-DE,Hallo,approved\nheadline,ja-JP,やあ,approved\nA1.headline,de-DE,Topf,approved\n"


def sheet(*, manifest: str = MANIFEST, copy: str = COPY, **spec: Any) -> Sheet:
    data = json.dumps(CONTRACT).encode()
    contract = read_contract(data, GRAPH, file="card.schema.json", graph_file="card.api.json")
    table, _ = scan_manifest(manifest.encode(), file="mini/manifest.csv", spec=ManifestSpec())
    texts, _ = scan_copy_table(copy.encode(), file="mini/translations.csv")
    bundle = WorkflowBundle(
        name="card",
        graph=GRAPH,
        graph_sha256="",
        contract_sha256="",
        bindings=dict(contract.bindings),
        outputs=contract.outputs,
    )
    return Sheet(
        spec=CampaignSpec.model_validate(SPEC | spec), manifest=table, manifest_file="mini/manifest.csv", copy_table=texts,
        contract=contract, bundle=bundle, models={}, engine_class="e:1",
    )  # fmt: skip


def asset(path: str) -> InputAsset | None:
    if "gone" in path:
        return None
    digest = digest_of(path)
    return InputAsset(
        name=f"{digest[:12]}-{path.rsplit('/', maxsplit=1)[-1]}",
        uri=f"s3://inputs/{digest}",
        sha256=digest,
        size=1,
        source=path,
    )


@pytest.fixture(scope="session")
def request_of(load: Callable[[str], ModuleType]) -> Callable[..., RunRequest]:
    samples = load("tests/golden/samples.py")

    def build(authored: Sheet, limit: int | None = None) -> RunRequest:
        found: RunRequest = samples.sample(
            RunRequest, campaign="mini", drop="2026-11-20", locales=authored.spec.locales, limit=limit, press="proof"
        )
        return found

    return build


@pytest.fixture(scope="session")
def plan(request_of: Callable[..., RunRequest]) -> Callable[..., tuple[list[Item], tuple[Finding, ...]]]:
    def build(authored: Sheet, limit: int | None = None) -> tuple[list[Item], tuple[Finding, ...]]:
        gather = Gather()
        made = expansion.expand(
            authored,
            request_of(authored, limit),
            resolve=asset,
            typeset=lambda *_: pytest.fail("no overlay"),
            gather=gather,
        )
        return made, gather.findings

    return build


Plan = Callable[..., tuple[list[Item], tuple[Finding, ...]]]


def by_definition(authored: Sheet, item: Item) -> Item:
    """The item made alone, by what defines ids, seeds and keys; its parameters are taken as they are."""
    spec, files = authored.spec, {asset.name: asset.sha256 for asset in map(asset_of, item.inputs.values())}
    batched = spec.batch is not None and item.round == 0
    axes = [axis for axis in spec.seed_axes if axis != spec.batch] + (
        [str(spec.batch)] if spec.batch and not batched else []
    )
    low, high = authored.contract.seed_range
    seed = derive_seed(
        campaign="mini",
        base=spec.seed,
        seed_axes=axes,
        axes=item.axes,
        drop="2026-11-20",
        round_number=item.round,
        minimum=low,
        maximum=high,
    )
    size = spec.batch_size if batched else None
    graph = compile_graph(
        authored.bundle, params=item.params, seed=seed, inputs=item.inputs, filename_prefix="", batch_size=size
    )
    key = render_key(graph, authored.bundle.outputs, files=files, models={}, engine_class="e:1")
    if batched:
        assert item.batch is not None
        assert (item.batch.key, item.batch.size) == (key, size)
        key = image_key(key, [str(one["id"]) for one in spec.axes[str(spec.batch)]].index(item.axes[str(spec.batch)]))
    return item.model_copy(
        update={
            "item_id": ids.item_id(campaign="mini", axes=item.axes),
            "cell_id": ids.cell_id(campaign="mini", axes={axis: item.axes[axis] for axis in spec.cell}),
            "seed": seed,
            "render_key": key,
        }
    )


def asset_of(name: str) -> InputAsset:
    return next(
        found
        for path in ("assets/a.png", "assets/b.png", "assets/d.png")
        if (found := asset(path)) and found.name == name
    )


VARIED: list[dict[str, Any]] = [
    {},
    {"seed_axes": ["product", "variant", "locale"], "seed": 5},
    {"batch": "variant", "params": {"headline": "{{ copy.headline }}", "width": "{{ size.w }}"}},
    {"combine": "locale * product * (variant, size)"},
    {"exclude": [{"locale": "ja-JP", "size": 2}], "include": [{"product": ["A1", "C3"]}, {"variant": "b"}]},
    {"overrides": [{"when": {"locale": ["de-DE", "ja-JP"], "size": 2}, "params": {"steps": 30}}, {"when": {"locale": "ja-JP"}, "params": {"steps": "{{ size.w // 4 }}"}}]},
    {"manifest": "sku,photo,params.steps\nA1,a.png,7\nB2,b.png,\nC3,a.png,9\n"},
]  # fmt: skip


@pytest.mark.parametrize(
    "varied", VARIED, ids=["plain", "seeds", "batch", "zip", "selections", "overrides", "row parameters"]
)
@given(rows=st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_an_item_is_what_it_is_alone_however_the_plan_is_cut(plan: Plan, varied: dict[str, Any], rows: int) -> None:
    authored = sheet(**varied)
    with pytest.MonkeyPatch.context() as patch:
        whole, told = plan(authored)
        patch.setattr(expansion, "CHUNK_ROWS", rows)
        again = replace(
            authored, rounds={item.item_id: number % 3 for number, item in enumerate(whole) if number % 5 == 0}
        )
        cut, _ = plan(authored)
        reworked, _ = plan(again)
    assert told == ()
    assert whole
    assert cut == whole
    assert whole == [by_definition(authored, item) for item in whole]
    assert reworked == [by_definition(again, item) for item in reworked]
    assert [item.round for item in reworked] == [again.rounds.get(item.item_id, 0) for item in whole]


@given(order=st.permutations(["A1,a.png", "B2,b.png", "C3,a.png", "D4,d.png"]), dropped=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_row_order_and_added_rows_change_no_id_seed_or_key(plan: Plan, order: list[str], dropped: int) -> None:
    def identity(lines: list[str]) -> set[tuple[str, str, int, str]]:
        items, _ = plan(sheet(manifest="\n".join(["sku,photo", *lines, ""])))
        return {(item.item_id, item.cell_id, item.seed, item.render_key) for item in items}

    everything = identity(["A1,a.png", "B2,b.png", "C3,a.png", "D4,d.png"])
    assert identity(order) == everything
    fewer = identity(order[:dropped] + order[dropped + 1 :])
    assert fewer < everything
    assert len(everything) - len(fewer) == 12


def test_a_row_beats_an_override_beats_the_campaign(plan: Plan) -> None:
    items, told = plan(
        sheet(
            manifest="sku,photo,params.steps\nA1,a.png,7\nB2,b.png,\n",
            params=SPEC["params"] | {"steps": 10},
            overrides=[
                {"when": {"locale": "de-DE"}, "params": {"steps": 30}},
                {"when": {"locale": "de-DE", "size": 2}, "params": {"steps": 40}},
            ],
        )
    )
    assert told == ()
    found = {(item.axes["product"], item.locale, item.axes["size"]): item.params["steps"] for item in items}
    assert {steps for (product, *_), steps in found.items() if product == "A1"} == {7}
    assert found["B2", "en-US", "1"] == found["B2", "en-US", "2"] == 10
    assert (found["B2", "de-DE", "1"], found["B2", "de-DE", "2"]) == (30, 40)


def test_a_limit_makes_no_more_and_looks_no_further(plan: Plan) -> None:
    broken = sheet(manifest="sku,photo\nA1,a.png\nB2,gone.png\nC3,a.png\n")
    whole, told = plan(sheet())
    first, untold = plan(broken, limit=12)
    assert first == whole[:12]
    assert untold == ()
    more, told = plan(broken, limit=13)
    assert [item.axes["product"] for item in more] == ["A1"] * 12 + ["C3"]
    assert [finding.code for finding in told] == ["input-missing"]


WRONG: list[tuple[dict[str, Any], str, str, dict[str, Any]]] = [
    ({"manifest": "sku,photo,params.stepz\nA1,a.png,7\n"}, "parameter-column", "no parameter 'stepz' (did you mean 'steps'?)", {"row": 1, "column": "params.stepz"}),
    ({"manifest": "sku,photo,params.steps\nA1,a.png,7\nB2,b.png,70\n"}, "parameter", "70 is out of range 1 to 50", {"row": 3, "column": "params.steps"}),
    ({"manifest": "sku,photo,params.photo\nA1,a.png,x\n"}, "parameter-file", "'photo' is an input file", {"row": 1, "column": "params.photo"}),
    ({"manifest": "sku,photo,params.seed\nA1,a.png,1\n"}, "parameter-seed", "never written", {"row": 1, "column": "params.seed"}),
    ({"overrides": [{"when": {"locale": "de-DE"}, "params": {"steps": 99}}]}, "parameter", "99 is out of range", {"pointer": "/overrides/0/params/steps"}),
    ({"overrides": [{"when": {"locale": "de-DE"}, "params": {"stepz": 9}}]}, "parameter", "unknown parameter 'stepz'", {"pointer": "/overrides/0/params/stepz"}),
    ({"overrides": [{"when": {"locale": "dd-DE"}, "params": {"steps": 9}}]}, "selection-value", "no value 'dd-DE'", {"pointer": "/overrides/0/when/locale"}),
    ({"exclude": [{"sizes": 1}]}, "selection-axis", "no axis 'sizes' (did you mean 'size'?)", {"pointer": "/exclude/0/sizes"}),
    ({"include": [{"size": 3}]}, "selection-value", "no value '3'", {"pointer": "/include/0/size"}),
    ({"exclude": [{"locale": ["en-US", "de-DE", "ja-JP"]}]}, "plan-empty", "no item is left", {}),
    ({"batch": "variant", "params": {"headline": "x"}, "overrides": [{"when": {"variant": "a"}, "params": {"steps": 9}}]}, "batch-template", "depends on 'variant'", {"pointer": "/overrides/0/when"}),
    ({"copy": COPY + "B2.headline,ja-JP,やあやあ,draft\n"}, "translation-draft", "ja-JP text for 'headline' of B2", {"column": "status"}),
    ({"copy": COPY + f"B2.headline,ja-JP,{'や' * 28},approved\n"}, "parameter", "33 characters long", {"row": 6, "column": "text", "file": "mini/translations.csv"}),
    ({"params": {"width": 64}}, "parameter", "'headline' is required", {"pointer": "/params/headline"}),
    ({"inputs": {}}, "parameter", "'photo' is required", {"pointer": "/inputs/photo"}),
    ({"params": {"headline": "{{ product.nam }}"}}, "column-missing", "no column 'nam'", {"row": 1, "column": "nam"}),
    ({"params": {"headline": "{{ variant.moood }}"}}, "template", "no 'moood'", {"pointer": "/params/headline"}),
]  # fmt: skip


@pytest.mark.parametrize(("spoilt", "code", "message", "place"), WRONG, ids=[f"{case[1]}: {case[2]}" for case in WRONG])
def test_what_is_wrong_is_told_with_its_place(
    plan: Plan, spoilt: dict[str, Any], code: str, message: str, place: dict[str, Any]
) -> None:
    _, told = plan(sheet(**spoilt))
    hits = [finding for finding in told if finding.code == code and message in finding.message]
    assert hits, [str(finding) for finding in told]
    assert {name: getattr(hits[0].place, name) for name in place} == place


def test_one_bad_combination_takes_no_other_item_with_it(plan: Plan) -> None:
    whole, _ = plan(sheet())
    left, told = plan(sheet(copy=COPY + f"B2.headline,ja-JP,{'や' * 28},approved\n"))
    assert [finding.code for finding in told] == ["parameter"]
    assert left == [item for item in whole if (item.axes["product"], item.locale) != ("B2", "ja-JP")]


def test_a_template_is_filled_in_once_for_what_it_reads(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[str] = []

    def counted(template: Any, context: Any, *, where: str) -> Any:
        filled.append(where)
        return render_value(template, context, where=where)

    from pressrun.core.templates import render_value

    monkeypatch.setattr("pressrun.core.fill.render_value", counted)
    items, _ = plan(sheet())
    assert len(items) == 36
    assert {where: filled.count(where) for where in filled} == {
        "/params/headline": 18,
        "/params/width": 2,
        "/inputs/photo": 3,
    }

"""A campaign with batches, planned: what shares a seed, what has which key, and what leaves its batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pressrun.core import keys
from pressrun.core.batch import prompts_of
from pressrun.core.binding import graph_of
from pressrun.core.codec import sha256_hex
from pressrun.core.cost import assumed
from pressrun.core.findings import Finding
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.render_key import image_key, render_key
from pressrun.core.shard import make_shard
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.large_plan import plan_large
from pressrun.steps.rework import ReworkRecord
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}, "_meta": {"title": "Card"}},
    "4": {"class_type": "ImageAddNoise", "inputs": {"image": ["1", 0], "seed": 1, "strength": 0.1}, "_meta": {"title": "Grain"}},
    "5": {"class_type": "TextOverlay", "inputs": {"images": ["4", 0], "text": "x", "font_size": 5.0, "color": "#ffffff", "position": "top", "align": "center", "outline": True}, "_meta": {"title": "Headline"}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}, "_meta": {"title": "Save"}},
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "x-outputs": ["Save"], "required": ["headline"],
    "x-batch": {"node": "Card", "input": "batch_size", "max": 4},
    "properties": {
        "headline": {"type": "string", "maxLength": 30, "x-bind": [{"node": "Headline", "input": "text"}]},
        "seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "x-seed": True, "x-bind": [{"node": "Grain", "input": "seed"}]},
    },
}  # fmt: skip
SPEC: dict[str, Any] = {
    "campaign": "mini", "title": "Mini", "owner": "maya", "workflow": "card", "locales": ["en-US", "de-DE"],
    "axes": {"mood": [{"id": "calm"}, {"id": "loud"}], "take": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
    "combine": "product * locale * mood * take", "batch": "take", "seed_axes": ["product", "mood"],
    "copy": None, "params": {"headline": "{{ product.name }} {{ mood.id }} {{ locale }}"},
    "review": {"reviewers": {"*": ["rosa"]}},
}  # fmt: skip
Planned = Callable[..., tuple[RenderPlan, tuple[Finding, ...]]]


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    write(tmp_path, "workflows/card.api.json", json.dumps(GRAPH))
    write(tmp_path, "campaigns/mini/manifest.csv", "sku,name\nA1,Jar\nB2,Tube\n")
    monkeypatch.setattr("pressrun.steps.expand.engine_class", lambda settings, engine: f"{engine}:test")
    return memory_workspace(Settings.model_validate({"home": tmp_path}))


def write(project: Path, name: str, text: str) -> None:
    path = project / "include" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def planned(ws: Workspace, tmp_path: Path) -> Planned:
    """planned(conf, contract=…, **changes of the campaign): the plan and its findings."""

    def make(
        conf: dict[str, Any] | None = None, contract: dict[str, Any] = CONTRACT, **changes: Any
    ) -> tuple[RenderPlan, tuple[Finding, ...]]:
        write(tmp_path, "params/card.schema.json", json.dumps(contract))
        write(tmp_path, "campaigns/mini/campaign.yaml", yaml.safe_dump(SPEC | changes))
        sources = Sources(ws, "mini")
        spec = sources.spec()
        request = make_request(
            ws.settings, spec, run_key="r", dag_id="press_mini", run_id="r", run_type="manual", conf=conf or {},
            drop="2026-11-20", triggered_by="maya",
        )  # fmt: skip
        made, gather = make_plan(ws, sources, spec, request)
        return made, gather.findings

    return make


def own_key(plan: RenderPlan, item: Item) -> str:
    """The render key from the graph that the runner will post."""
    bundle = plan.workflows[item.workflow]
    graph = graph_of(bundle, item, filename_prefix="anything")
    return render_key(graph, bundle.outputs, files={}, models={}, engine_class=plan.engine_class)


def test_the_values_of_the_axis_are_the_pictures_of_one_prompt(planned: Planned) -> None:
    plan, found = planned()
    assert found == ()
    prompts = prompts_of(plan.items)
    assert (len(plan.items), len(prompts)) == (24, 8)
    for prompt in prompts:
        assert [item.axes["take"] for item in prompt] == ["a", "b", "c"]
        assert [(item.batch.size, item.batch.index) for item in prompt if item.batch] == [(3, 0), (3, 1), (3, 2)]
        assert len({(item.seed, str(item.params), item.cell_id) for item in prompt}) == 1
    assert len({item.render_key for item in plan.items}) == 24
    # Locales share their seeds as they did, so what tells their batches apart is the headline in them.
    assert len({item.seed for item in plan.items}) == 4


def test_size_and_index_are_in_the_key_and_the_key_is_of_the_graph_that_is_posted(planned: Planned) -> None:
    three, _ = planned()
    two, _ = planned(axes={**SPEC["axes"], "take": [{"id": "a"}, {"id": "b"}]})
    alone, _ = planned(batch=None)
    for plan in (three, two, alone):
        for item in plan.items:
            whole = own_key(plan, item)
            assert item.render_key == (image_key(whole, item.batch.index) if item.batch else whole)
            assert item.batch is None or item.batch.key == whole
    keys_of = [{item.render_key for item in plan.items} for plan in (three, two, alone)]
    assert not keys_of[0] & keys_of[1]
    assert not keys_of[0] & keys_of[2]
    assert {item.batch for item in alone.items} == {None}


def test_a_batch_of_one_and_a_contract_that_may_make_batches_change_nothing(planned: Planned) -> None:
    one = {"axes": {"mood": SPEC["axes"]["mood"], "take": [{"id": "a"}]}}
    without = {name: value for name, value in CONTRACT.items() if name != "x-batch"}
    plans = [planned(**one)[0], planned(**one, batch=None)[0], planned(None, without, **one, batch=None)[0]]
    first, *others = [[(item.seed, item.render_key, item.batch) for item in plan.items] for plan in plans]
    assert others == [first, first]


def test_a_limit_may_cut_a_batch_and_its_pictures_stay_what_they_are(planned: Planned) -> None:
    whole, _ = planned()
    some, _ = planned({"limit": 4})
    assert some.items == whole.items[:4]
    assert [len(prompt) for prompt in prompts_of(some.items)] == [3, 1]


def test_what_was_sent_back_is_made_alone_and_its_batch_stays_whole(planned: Planned, ws: Workspace) -> None:
    before, _ = planned()
    back = before.items[1]
    record = ReworkRecord(campaign="mini", item_id=back.item_id, round=1, run_key="r")
    ws.write_once(keys.rework("mini", back.item_id, 1), record)
    after, found = planned()
    assert found == ()
    changed = [(was, now) for was, now in zip(before.items, after.items, strict=True) if was != now]
    ((_, now),) = changed
    assert (now.item_id, now.round, now.batch) == (back.item_id, 1, None)
    assert now.seed not in {item.seed for item in before.items}
    assert now.render_key == own_key(after, now)
    assert len(prompts_of([now])) == 1


@pytest.mark.parametrize(
    ("contract", "changes", "code"),
    [
        ({name: value for name, value in CONTRACT.items() if name != "x-batch"}, {}, "batch-undeclared"),
        ({**CONTRACT, "x-batch": {**CONTRACT["x-batch"], "max": 2}}, {}, "batch-size"),
        (CONTRACT, {"params": {"headline": "{{ product.name }} {{ take.id }}"}}, "batch-template"),
        (CONTRACT, {"combine": "product * locale * mood", "axes": {"mood": [{"id": "x"}], "take": [{"id": "y"}]}}, ""),
    ],
)
def test_what_a_campaign_did_wrong_is_one_finding(
    planned: Planned, contract: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    plan, found = planned(None, contract, **changes)
    errors = [one for one in found if one.severity == "error"]
    assert [one.code for one in errors] == ([code] if code else [])
    assert bool(plan.items) == (not code)


def test_a_large_plan_keeps_batches_together_and_counts_them_whole(
    planned: Planned, ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, _ = planned(job={"shard_items": 7})
    basis = assumed("proof").model_copy(update={"per_item": 5.0, "cold_p50": 10.0})
    monkeypatch.setattr("pressrun.steps.large_plan.known_cost", lambda *_, **__: basis)
    bills, folder = [], tmp_path / "large"
    for known in (frozenset[str](), frozenset(item.render_key for item in plan.items if item.axes["take"] != "b")):
        made, _ = plan_large(ws, Sources(ws, "mini"), plan.spec, plan.run, folder, known=known)
        bills.append(made.bill)
        for numbers in pq.read_table(folder / "shards.parquet")["items"].to_pylist():
            prompts = prompts_of([plan.items[number] for number in numbers])
            assert {len(prompt) for prompt in prompts} == ({3} if not known else {1})
    assert [(bill.to_render, bill.reused, bill.shards) for bill in bills] == [(24, 0, 4), (8, 16, 2)]
    # Eight batches of three are made in both, at 5 s a picture.
    assert [bill.seconds - 10.0 * bill.shards for bill in bills] == [8 * 3 * 5.0] * 2
    written = pq.read_table(folder / "items.parquet").to_pylist()
    assert [(row["batch_key"], row["batch_size"], row["batch_index"], row["render_key"]) for row in written] == [
        (item.batch.key, 3, item.batch.index, item.render_key) for item in plan.items if item.batch
    ]


def test_a_shard_with_batches_says_so_and_one_without_is_as_before(planned: Planned) -> None:
    plan, _ = planned()
    shard = make_shard(plan, plan.items[:3], plan_digest=plan.digest(), phase="main", index=0, attempt=1)
    assert json.loads(shard.to_bytes())["items"][1]["batch"] == {"index": 1, "key": plan.items[0].batch.key, "size": 3}  # type: ignore[union-attr]
    alone, _ = planned(batch=None)
    assert (
        b'"batch"'
        not in make_shard(
            alone, alone.items[:3], plan_digest=alone.digest(), phase="main", index=0, attempt=1
        ).to_bytes()
    )
    assert sha256_hex(shard.to_bytes()) == shard.digest()

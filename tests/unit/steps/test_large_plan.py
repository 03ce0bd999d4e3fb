"""Large plans hold what a plan document would, streamed: the same items, checks and findings, bound by digests."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding
from pressrun.core.item import Item
from pressrun.core.large_plan import ITEMS_FILE, PLAN_FILE, SHARDS_FILE, LargePlan
from pressrun.core.plan import RenderPlan, RunRequest
from pressrun.core.plan_diff import diff_plans, diff_tables
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.large_plan import plan_large
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import Workspace, memory_workspace


@pytest.fixture
def ws(tmp_path: Path, load: Callable[[str], ModuleType]) -> Workspace:
    """A project with one campaign of 2 products × 5 locales × 4 variants × 5 sizes."""
    load("benchmarks/support/campaign.py").write_campaign(tmp_path, "scale", 2)
    respec(
        tmp_path, locales=["en-US", "de-DE", "ja-JP", "ar-AE", "ru-RU"][:4], combine="product * locale * variant * size"
    )
    return memory_workspace(Settings.model_validate({"home": tmp_path, "prices": {"ml.g5.xlarge": 1.41}}))


def folder(home: Path) -> Path:
    return home / "include/campaigns/scale"


def respec(home: Path, **changes: Any) -> None:
    path = folder(home) / "campaign.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | changes), encoding="utf-8")


def asked(ws: Workspace, **conf: Any) -> tuple[Sources, Any, RunRequest]:
    sources = Sources(ws, "scale")
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key="r", dag_id="press_scale", run_id="r", run_type="manual", conf={"press": "final", **conf},
        drop="2026-11-20", triggered_by="maya",
    )  # fmt: skip
    return sources, spec, request


def large(
    ws: Workspace, name: str = "large", known: frozenset[str] = frozenset(), **conf: Any
) -> tuple[LargePlan, Path, tuple[Finding, ...]]:
    out = ws.settings.home / name
    made, gather = plan_large(ws, *asked(ws, **conf), out, known=known)
    return made, out, gather.findings


def small(ws: Workspace, **conf: Any) -> tuple[RenderPlan, tuple[Finding, ...]]:
    made, gather = make_plan(ws, *asked(ws, **conf))
    return made, gather.findings


def rows(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / ITEMS_FILE).to_pylist()
    return found


def row_of(item: Item) -> dict[str, Any]:
    return {
        "item_id": item.item_id, "cell_id": item.cell_id, "row": item.row, "round": item.round, "seed": item.seed,
        "render_key": item.render_key, **item.axes, **{f"params.{name}": value for name, value in item.params.items()},
        **{f"inputs.{name}": value for name, value in item.inputs.items()},
    }  # fmt: skip


def test_the_rows_are_the_items_of_the_plan(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    items = small(ws)[0].items
    monkeypatch.setattr("pressrun.core.expand.CHUNK_ROWS", 48)
    made, out, told = large(ws)
    assert [finding.code for finding in told] == ["press-proof"]
    assert pq.ParquetFile(out / ITEMS_FILE).num_row_groups == 4
    assert [{name: value for name, value in row.items() if name != "seconds"} for row in rows(out)] == list(
        map(row_of, items)
    )
    assert made.bill.planned == len(items) == 160
    assert {asset.name for asset in made.inputs} == {name for item in items for name in item.inputs.values()}


def test_the_document_stands_for_its_files(ws: Workspace) -> None:
    made, out, _ = large(ws)
    stored = from_bytes(LargePlan, (out / PLAN_FILE).read_bytes())
    assert stored == made
    assert stored.items_sha256 == sha256_hex((out / ITEMS_FILE).read_bytes())
    assert stored.shards_sha256 == sha256_hex((out / SHARDS_FILE).read_bytes())
    again, _, _ = large(ws, "again")
    assert again.digest() == made.digest(), "the same campaign is the same plan"
    assert {path.name for path in out.iterdir()} == {PLAN_FILE, ITEMS_FILE, SHARDS_FILE}


def test_shards_have_every_item_once_and_are_equal_by_seconds(ws: Workspace) -> None:
    respec(ws.settings.home, job={"shard_items": 50, "max_runtime_minutes": 600})
    made, out, _ = large(ws)
    shards = pq.read_table(out / SHARDS_FILE).to_pylist()
    assert sorted(row for shard in shards for row in shard["items"]) == list(range(160))
    assert len(shards) == made.bill.shards == 4
    assert max(len(shard["items"]) for shard in shards) <= 50
    seconds = [row["seconds"] for row in rows(out)]
    for shard in shards:
        assert shard["seconds"] == pytest.approx(
            made.cost["hero"].cold_p50 + sum(seconds[row] for row in shard["items"])
        )
    assert made.bill.seconds == pytest.approx(sum(shard["seconds"] for shard in shards))
    assert made.bill.ceiling_usd == pytest.approx(4 * 3 * 10 * (made.bill.usd_per_hour or 0), abs=0.01)


def test_what_has_a_picture_is_reused_and_twins_are_bought_once(ws: Workspace) -> None:
    home = ws.settings.home
    listed = list(csv.DictReader((folder(home) / "manifest.csv").read_text("utf-8").splitlines()))
    twin = {**listed[0], "sku": "TWIN-1"}
    text = "\n".join([",".join(twin), *(",".join(f'"{cell}"' for cell in row.values()) for row in [*listed, twin])])
    (folder(home) / "manifest.csv").write_text(text + "\n", encoding="utf-8")
    respec(home, seed_axes=["variant"])
    first, out, _ = large(ws)
    assert (first.bill.planned, first.bill.duplicates, first.bill.to_render) == (240, 80, 160)
    bought = {row["render_key"] for row in rows(out) if row["product"] == "SKU-000001"}
    second, _, _ = large(ws, "second", known=frozenset(bought | {"0" * 40, "odd"}))
    assert (second.bill.reused, second.bill.duplicates, second.bill.to_render) == (160, 0, 80)
    everything = frozenset(row["render_key"] for row in rows(out))
    third, _, _ = large(ws, "third", known=everything)
    assert (third.bill.reused, third.bill.to_render, third.bill.shards, third.bill.usd) == (240, 0, 0, 0.0)


def test_one_products_headline_is_one_products_items_in_rows_and_money(ws: Workspace) -> None:
    before, (old, _) = large(ws)[1], small(ws)
    table = folder(ws.settings.home) / "translations.csv"
    table.write_text(table.read_text("utf-8") + "SKU-000002.headline,de-DE,Neu,approved\n", encoding="utf-8")
    made, after, _ = large(ws, "after")
    found = diff_tables(before / ITEMS_FILE, after / ITEMS_FILE, usd_per_hour=3600.0)
    assert (found.added.items, found.removed.items, found.changed.items, found.same.items) == (0, 0, 20, 140)
    assert (found.changed.rows, found.same.rows) == (1, 2)
    expected = diff_plans(old, small(ws)[0], costs=made.cost, usd_per_hour=3600.0)
    assert (found.changed.items, found.changed.rows) == (expected.changed.items, expected.changed.rows)
    assert found.changed.usd == pytest.approx(expected.changed.usd)
    fewer = large(ws, "fewer", locales=["de-DE", "ja-JP"])[1]
    shrunk = diff_tables(after / ITEMS_FILE, fewer / ITEMS_FILE, usd_per_hour=None)
    assert (shrunk.removed.items, shrunk.same.items, shrunk.added.usd) == (80, 80, 0.0)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"params": {"scene": "a celebrity holding the product", "headline": "{{ copy.headline }}"}},
        {"params": {"scene": "{{ product.setting }}, a long way away", "headline": "{{ copy.headlin }}"}},
        {"params": {"scene": "{{ product.seting }}", "headline": "x", "steps": 400}},
        {"exclude": [{"locale": ["en-US", "de-DE", "ja-JP", "ar-AE"]}]},
        {"limit_items": 10},
    ],
    ids=["policy", "missing text", "missing column", "nothing left", "too large"],
)  # fmt: skip
def test_findings_are_those_of_the_plan_document(
    ws: Workspace, spoilt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    respec(ws.settings.home, **spoilt)
    expected = small(ws)[1]
    monkeypatch.setattr("pressrun.core.expand.CHUNK_ROWS", 48)
    made, out, told = large(ws)
    assert expected
    assert {str(finding) for finding in told} == {str(finding) for finding in expected}
    assert json.loads((out / PLAN_FILE).read_text("utf-8"))["bill"]["planned"] == made.bill.planned


def test_a_rework_is_no_large_plan(ws: Workspace) -> None:
    with pytest.raises(InputError, match="rework"):
        large(ws, rework=True)

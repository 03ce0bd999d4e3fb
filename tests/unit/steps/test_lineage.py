"""Lineage: a downloaded file tells who, what, when, from which row, approved by whom."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from factories import PROMPT, collect, make_plan, make_request, make_spec, review
from PIL import Image

from pressrun.core import keys
from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.errors import ConflictError, InputError, NotFoundError
from pressrun.core.lineage import AssetLineage, describe_lineage
from pressrun.core.publication import CampaignIndex, DeliveredFile
from pressrun.steps.lineage import newest_quote, show_lineage
from pressrun.steps.publish import publish_run
from pressrun.steps.workspace import Workspace, memory_workspace


@pytest.fixture
def delivered() -> tuple[Workspace, DeliveredFile]:
    ws = memory_workspace()
    spec = make_spec()
    run = collect(ws, make_plan(spec, make_request(spec)))
    publish_run(ws, run.plan_ref, review(ws, run))
    index = from_bytes(CampaignIndex, ws.published.get("spring_sale/index.json"))
    return ws, index.files[-1]


def test_the_record_is_found_by_file_uri_digest_and_its_own_uri(
    delivered: tuple[Workspace, DeliveredFile], tmp_path: Path
) -> None:
    ws, file = delivered
    path = tmp_path / file.file
    path.write_bytes(ws.fetch(file.uri))
    record = show_lineage(ws, path.read_bytes())
    for target in (str(path), file.uri, file.sha256, file.sha256.upper(), file.lineage_uri):
        assert show_lineage(ws, target) == record
    assert record.file.sha256 == sha256_hex(path.read_bytes())


def test_the_record_holds_what_an_auditor_asks(delivered: tuple[Workspace, DeliveredFile]) -> None:
    ws, file = delivered
    record = show_lineage(ws, file.uri)
    assert record.axes == {"product": "AUR-02", "locale": "ja-JP", "size": "square", "variant": "sunrise"}
    assert record.manifest is not None
    assert (record.manifest.path, record.manifest.row) == ("campaigns/spring_sale/manifest.csv", 3)
    assert (record.run.triggered_by, record.run.drop, record.run.note) == ("maya", "2026-03-01", "first look")
    assert record.params["prompt"] == PROMPT
    assert [(origin.parameter, origin.source) for origin in record.inputs] == [("photo", "assets/AUR-02.png")]
    assert [(d.state, d.by, d.by_name) for d in record.decisions] == [("approved", "rosa", "Rosa Marín")]
    assert record.round.closed_by == "rosa"
    assert record.quote is not None
    assert record.quote.price_source == "test price"
    assert record.render.measurements is not None
    assert record.render.sha256 == file.source_sha256


def test_it_is_told_in_sentences(delivered: tuple[Workspace, DeliveredFile]) -> None:
    ws, file = delivered
    record = show_lineage(ws, file.uri)
    told = describe_lineage(record)
    for words in (
        "a final picture of campaign spring_sale (Spring sale)",
        "row 3 of campaigns/spring_sale/manifest.csv",
        "maya started the manual run manual_1 of press_spring_sale on local for drop 2026-03-01",
        "workflow sdxl",
        f"seed {record.seed}",
        PROMPT,
        "Rosa Marín (rosa) approved it on",
        "rosa closed review round 1",
        f"as {file.uri} (48×32)",
    ):
        assert words in told
    assert "earlier run" not in told


def test_a_reused_picture_names_the_run_that_paid_for_it() -> None:
    ws = memory_workspace()
    spec = make_spec()
    first = collect(ws, make_plan(spec, make_request(spec)))
    second = collect(ws, make_plan(spec, make_request(spec, "manual_2")))
    publish_run(ws, second.plan_ref, review(ws, second))
    index = from_bytes(CampaignIndex, ws.published.get("spring_sale/index.json"))
    record = show_lineage(ws, index.files[0].uri)
    assert (record.render.run_key, record.run.run_key) == (first.run_key, second.run_key)
    assert f"bought by an earlier run, {first.run_key}" in describe_lineage(record)


def test_every_decision_about_the_bytes_is_kept_in_order() -> None:
    ws = memory_workspace()
    spec = make_spec()
    run = collect(ws, make_plan(spec, make_request(spec)))
    rejected = {item.item_id: "rejected" for item in run.collection.items}
    review(ws, run, rejected)
    closed = review(ws, run, number=2)
    publish_run(ws, run.plan_ref, closed)
    index = from_bytes(CampaignIndex, ws.published.get("spring_sale/index.json"))
    record = show_lineage(ws, index.files[0].uri)
    assert [decision.state for decision in record.decisions] == ["rejected", "approved"]
    told = describe_lineage(record)
    assert told.index("rejected it") < told.index("approved it")
    assert "off_brand" in told


def test_a_file_saved_again_is_refused_but_points_at_its_records(delivered: tuple[Workspace, DeliveredFile]) -> None:
    ws, file = delivered
    data = ws.fetch(file.uri)
    with pytest.raises(NotFoundError, match="no lineage record for these bytes") as caught:
        show_lineage(ws, data + b"\0")
    assert file.lineage_uri in str(caught.value)
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("L").save(out, "PNG")
    with pytest.raises(NotFoundError, match=r"saved again has other bytes: .* delivery\.csv"):
        show_lineage(ws, out.getvalue())


def test_an_identifier_that_anybody_could_write_leads_nowhere(delivered: tuple[Workspace, DeliveredFile]) -> None:
    ws, _ = delivered
    forged = b"<dc:identifier>pressrun:spring_sale/0123456789abcdef</dc:identifier>"
    with pytest.raises(NotFoundError, match=r"delivery\.csv"):
        show_lineage(ws, forged)


@pytest.mark.parametrize("target", ["/no/such/file.png", "s3://another-bucket/x.png"])
def test_a_target_that_cannot_be_read_is_named(delivered: tuple[Workspace, DeliveredFile], target: str) -> None:
    with pytest.raises(InputError, match=target):
        show_lineage(delivered[0], target)


def test_without_its_render_an_approval_is_not_published() -> None:
    ws = memory_workspace()
    spec = make_spec()
    run = collect(ws, make_plan(spec, make_request(spec)))
    closed = review(ws, run)
    ws.work.delete(keys.render(run.collection.items[0].render_key))
    with pytest.raises(ConflictError, match="render index no longer knows it"):
        publish_run(ws, run.plan_ref, closed)


def test_the_quote_is_the_one_of_this_plan() -> None:
    ws = memory_workspace()
    spec = make_spec()
    run = collect(ws, make_plan(spec, make_request(spec)))
    assert newest_quote(ws, run.run_key, run.plan.digest()) == run.quote
    assert newest_quote(ws, run.run_key, "0" * 64) is None


def test_a_record_reads_back(delivered: tuple[Workspace, DeliveredFile]) -> None:
    ws, file = delivered
    record = show_lineage(ws, file.uri)
    assert from_bytes(AssetLineage, record.to_bytes()) == record

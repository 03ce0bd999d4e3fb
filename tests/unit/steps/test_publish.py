"""Publishing: approved bytes only, once, under keys that never change, whatever dies on the way."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import orjson
import pytest
from factories import (
    PROMPT,
    KilledError,
    Run,
    collect,
    contents,
    dying,
    make_plan,
    make_png,
    make_request,
    make_spec,
    review,
)
from PIL import Image

from pressrun.core import keys
from pressrun.core.codec import from_bytes, sha256_hex
from pressrun.core.errors import ConflictError, NotAllowedError
from pressrun.core.lineage import AssetLineage
from pressrun.core.publication import CampaignIndex, CurrentPointer, Publication, PublishReceipt
from pressrun.core.refs import PublishRef, ReviewRef
from pressrun.core.review import RoundClosed
from pressrun.settings import Settings
from pressrun.steps.publish import METADATA_LIMIT, publish_run
from pressrun.steps.workspace import Workspace, memory_workspace


def a_run(ws: Workspace, run_id: str = "manual_1", *, edition: int = 0, **request: Any) -> Run:
    spec = make_spec()
    return collect(ws, make_plan(spec, make_request(spec, run_id, **request), edition=edition))


def index_of(ws: Workspace, root: str = "spring_sale/") -> CampaignIndex:
    return from_bytes(CampaignIndex, ws.published.get(f"{root}index.json"))


def published(ws: Workspace) -> tuple[Run, ReviewRef, PublishRef]:
    run = a_run(ws)
    closed = review(ws, run)
    return run, closed, publish_run(ws, run.plan_ref, closed)


def test_every_approved_picture_is_delivered_under_its_cell() -> None:
    ws = memory_workspace()
    run, _, ref = published(ws)
    assert (ref["approved"], ref["published"], ref["already_published"]) == (4, 4, 0)
    images = [key for key in contents(ws.published) if key.endswith(".png")]
    assert len(images) == 4
    first = index_of(ws).files[0]
    assert first.uri == (
        "s3://pressrun-published/spring_sale/AUR-01/de-DE/square/"
        f"spring_sale_AUR-01_de-DE_square_sunrise-{first.sha256[:8]}.png"
    )
    receipt = ws.read(PublishReceipt, keys.publish_receipt(run.run_key, 1))
    assert sorted(receipt.published) == [file.uri for file in index_of(ws).files]


def test_a_delivered_file_has_the_approved_pixels_and_no_prompt() -> None:
    ws = memory_workspace()
    run, _, _ = published(ws)
    for file in index_of(ws).files:
        data = ws.fetch(file.uri)
        assert sha256_hex(data) == file.sha256
        source = next(item for item in run.collection.items if item.item_id == file.item_id)
        with (
            Image.open(io.BytesIO(data)) as delivered,
            Image.open(io.BytesIO(ws.fetch(source.image_uri or ""))) as seen,
        ):
            assert delivered.tobytes() == seen.tobytes()
            assert "prompt" in seen.info
            assert set(delivered.info) == {"XML:com.adobe.xmp", "xmp"}
            assert PROMPT not in str(delivered.info)
            assert "trainedAlgorithmicMedia" in delivered.info["XML:com.adobe.xmp"]


def test_object_metadata_leads_to_the_lineage_and_fits_s3() -> None:
    ws = memory_workspace()
    run, _, _ = published(ws)
    for file in index_of(ws).files:
        info = ws.published.head(ws.store_of(file.uri)[1])
        assert info is not None
        assert info.content_type == "image/png"
        assert set(info.metadata) == {
            "sha256", "run", "item", "campaign", "locale", "workflow-sha256", "params-sha256", "seed",
            "source-sha256", "render-key", "press", "lineage",
        }  # fmt: skip
        assert sum(len(name) + len(value) for name, value in info.metadata.items()) <= METADATA_LIMIT
        assert all(value.isascii() for value in info.metadata.values())
        assert (info.metadata["run"], info.metadata["item"]) == (run.run_key, file.item_id)
        assert from_bytes(AssetLineage, ws.fetch(info.metadata["lineage"])).file.uri == file.uri


def test_delivery_csv_lists_what_the_index_lists() -> None:
    ws = memory_workspace()
    _, _, ref = published(ws)
    rows = list(csv.DictReader(io.StringIO(ws.fetch(ref["delivery_uri"]).decode(), newline="")))
    assert [row["uri"] for row in rows] == [file.uri for file in index_of(ws).files]
    assert {key: rows[0][key] for key in ("sku", "locale", "size", "variant", "width", "height")} == {
        "sku": "AUR-01", "locale": "de-DE", "size": "square", "variant": "sunrise", "width": "48", "height": "32",
    }  # fmt: skip
    assert rows[0]["bytes"] == str(len(ws.fetch(rows[0]["uri"])))


def test_a_second_run_of_the_same_pictures_publishes_nothing() -> None:
    ws = memory_workspace()
    published(ws)
    before = contents(ws.published), contents(ws.lineage)
    again = a_run(ws, "manual_2")
    assert again.collection.counts.reused == 8
    ref = publish_run(ws, again.plan_ref, review(ws, again))
    assert (ref["approved"], ref["published"], ref["already_published"]) == (4, 0, 4)
    assert (contents(ws.published), contents(ws.lineage)) == before


def test_publishing_again_answers_the_same() -> None:
    ws = memory_workspace()
    run, closed, ref = published(ws)
    assert publish_run(ws, run.plan_ref, closed) == ref


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("workers", [1, 3])
def test_killed_at_any_write_and_run_again_the_end_is_the_same(
    after: bool, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pressrun.steps.lineage.utc_now", lambda: "2026-03-02T10:00:00.000+00:00")
    monkeypatch.setattr("pressrun.steps.review.utc_now", lambda: "2026-03-02T09:00:00.000+00:00")
    monkeypatch.setattr("pressrun.steps.review_rounds.utc_now", lambda: "2026-03-02T08:00:00.000+00:00")
    calm = memory_workspace()
    _, _, expected = published(calm)
    end = [contents(store) for store in (calm.work, calm.published, calm.lineage)]
    writes = 4 * 4 + 3  # a cell: lineage, image, pointer, receipt; then index, delivery.csv, the round's receipt
    for at in range(writes):
        ws = memory_workspace()
        run = a_run(ws)
        closed = review(ws, run)
        with pytest.raises(KilledError):
            publish_run(dying(ws, at=at, after=after), run.plan_ref, closed, workers=workers)
        assert publish_run(ws, run.plan_ref, closed) == expected, f"killed at write {at}"
        assert [contents(store) for store in (ws.work, ws.published, ws.lineage)] == end, f"killed at write {at}"
    run = a_run(ws := memory_workspace())
    assert publish_run(dying(ws, at=writes, after=after), run.plan_ref, review(ws, run), workers=workers) == expected


def test_proofs_are_refused_where_the_deployment_says_so() -> None:
    ws = memory_workspace(Settings.model_validate({"publish_proofs": False}))
    run = a_run(ws, press="proof", engine="proof")
    with pytest.raises(NotAllowedError, match='"press": "final"'):
        publish_run(ws, run.plan_ref, review(ws, run))
    assert contents(ws.published) == {}


def test_published_proofs_are_marked_in_key_file_and_lineage_and_never_replace_finals() -> None:
    ws = memory_workspace()
    published(ws)
    finals = contents(ws.published)
    run = a_run(ws, "manual_2", press="proof", engine="proof")
    publish_run(ws, run.plan_ref, review(ws, run))
    assert finals.items() <= contents(ws.published).items()
    proofs = index_of(ws, "_proofs/spring_sale/").files
    assert len(proofs) == 4
    for file in proofs:
        assert "_PROOF-" in file.file
        with Image.open(io.BytesIO(ws.fetch(file.uri))) as image:
            assert image.info["pressrun"] == "proof"
            assert "trained" not in image.info["XML:com.adobe.xmp"]
        assert from_bytes(AssetLineage, ws.fetch(file.lineage_uri)).proof


def test_bytes_published_as_a_final_are_not_taken_for_a_proof() -> None:
    ws = memory_workspace()
    spec = make_spec()
    for run_id, request in (("manual_1", {}), ("manual_2", {"press": "proof", "engine": "proof"})):
        run = collect(ws, make_plan(spec, make_request(spec, run_id, **request)), picture=lambda item: make_png(7))
        closed = review(ws, run)
        if not request:
            publish_run(ws, run.plan_ref, closed)
    with pytest.raises(ConflictError, match="published as a final already"):
        publish_run(ws, run.plan_ref, closed)


def test_bytes_that_changed_after_the_approval_are_not_published() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    closed = review(ws, run)
    victim = run.collection.items[0]
    ws.work.put(ws.store_of(victim.image_uri or "")[1], make_png(99))
    with pytest.raises(ConflictError, match=victim.item_id):
        publish_run(ws, run.plan_ref, closed)
    assert not any(victim.item_id in key for key in contents(ws.work) if key.startswith("publications/"))
    assert not any(key.startswith("spring_sale/AUR-01/de-DE") for key in contents(ws.published))


def test_an_approval_of_other_bytes_than_the_collection_is_refused() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    uri = review(ws, run)["closed_uri"]
    closed = from_bytes(RoundClosed, ws.fetch(uri))
    forged = closed.approved[0].model_copy(update={"sha256": "f" * 64})
    ws.work.put(ws.store_of(uri)[1], closed.model_copy(update={"approved": (forged,)}).to_bytes())
    with pytest.raises(ConflictError, match=forged.item_id):
        publish_run(ws, run.plan_ref, ReviewRef(closed_uri=uri, by="rosa", counts={}))
    assert contents(ws.published) == {}


def test_a_round_of_another_run_is_refused() -> None:
    ws = memory_workspace()
    run, other = a_run(ws), a_run(ws, "manual_2")
    closed = review(ws, other)
    with pytest.raises(ConflictError, match="belongs to run"):
        publish_run(ws, run.plan_ref, closed)


def test_other_bytes_under_a_published_key_are_left_alone() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    closed = review(ws, run)
    publish_run(ws, run.plan_ref, closed)
    uri = index_of(ws).files[0].uri
    squatted = memory_workspace()
    squatted.published.put(ws.store_of(uri)[1], b"somebody else's")
    run = a_run(squatted)
    with pytest.raises(ConflictError, match="already published"):
        publish_run(squatted, run.plan_ref, review(squatted, run))
    assert squatted.fetch(uri) == b"somebody else's"


def test_a_newer_choice_supersedes_and_an_old_run_published_again_does_not_undo_it() -> None:
    ws = memory_workspace()
    run, closed, _ = published(ws)
    old = index_of(ws).files
    newer = a_run(ws, "manual_2", edition=1)
    chosen = {item.item_id: "approved" for item in newer.collection.items if item.axes["variant"] == "garden"}
    ref = publish_run(ws, newer.plan_ref, review(ws, newer, chosen))
    assert ref["published"] == 4
    pointer = from_bytes(CurrentPointer, ws.published.get("spring_sale/AUR-01/de-DE/square/current.json"))
    assert [file.axes["variant"] for file in pointer.current.files] == ["garden"]
    assert [revision.run_key for revision in pointer.history] == [run.run_key]
    assert {file.axes["variant"] for file in index_of(ws).files} == {"garden"}
    assert all(ws.fetch(file.uri) for file in old), "what was delivered stays"

    now = contents(ws.published)
    ws.work.delete(keys.publish_receipt(run.run_key, 1))
    assert publish_run(ws, run.plan_ref, closed)["published"] == 4
    assert contents(ws.published) == now


def test_one_picture_for_two_markets_has_a_record_for_each() -> None:
    ws = memory_workspace()
    spec = make_spec()
    run = collect(ws, make_plan(spec, make_request(spec)), picture=lambda item: make_png(7))
    publish_run(ws, run.plan_ref, review(ws, run))
    files = index_of(ws).files
    assert len({file.source_sha256 for file in files}) == 1
    records = [from_bytes(AssetLineage, ws.fetch(file.lineage_uri)) for file in files]
    assert [record.axes for record in records] == [file.axes for file in files]
    assert len({record.file.sha256 for record in records}) == len(files)


def test_two_runs_at_once_leave_an_index_of_both() -> None:
    ws = memory_workspace()
    halves = [a_run(ws, f"manual_{locale}", locales=(locale,)) for locale in ("de-DE", "ja-JP")]
    rounds = [review(ws, run) for run in halves]
    threads = [
        threading.Thread(target=publish_run, args=(ws, run.plan_ref, closed))
        for run, closed in zip(halves, rounds, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = index_of(ws).files
    assert sorted({file.axes["locale"] for file in files}) == ["de-DE", "ja-JP"]
    assert len(files) == 4
    assert ws.published.get("spring_sale/delivery.csv").decode().count("\r\n") == 5


def test_two_runs_that_deliver_the_same_bytes_at_once_count_each_file_once() -> None:
    ws = memory_workspace()
    first, second = a_run(ws), a_run(ws, "manual_2")
    rounds = [review(ws, first), review(ws, second)]
    create, raced = ws.work.create, []

    def create_late(key: str, data: bytes, **kwargs: Any) -> bool:
        if key.startswith("publications/"):
            ws.work.create = create  # type: ignore[method-assign]
            raced.append(publish_run(ws, second.plan_ref, rounds[1]))
        return create(key, data, **kwargs)

    ws.work.create = create_late  # type: ignore[method-assign]
    late = publish_run(ws, first.plan_ref, rounds[0], workers=1)
    assert (raced[0]["published"], raced[0]["already_published"]) == (4, 0)
    assert (late["published"], late["already_published"]) == (0, 4)
    assert len([key for key in contents(ws.published) if key.endswith(".png")]) == 4


def test_an_index_that_somebody_replaces_meanwhile_is_built_again() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    closed = review(ws, run)
    raced: list[str] = []
    create = ws.published.create

    def create_late(key: str, data: bytes, **kwargs: Any) -> bool:
        if key.endswith("index.json") and not raced:
            raced.append(key)
            create(key, CampaignIndex(campaign="spring_sale", proofs=False).to_bytes())
        return create(key, data, **kwargs)

    ws.published.create = create_late  # type: ignore[method-assign]
    publish_run(ws, run.plan_ref, closed)
    assert raced
    assert len(index_of(ws).files) == 4


def test_receipts_name_bytes_and_place_and_xcom_stays_small() -> None:
    ws = memory_workspace()
    run, _, ref = published(ws)
    keys_of = [key for key in contents(ws.work) if key.startswith("publications/")]
    for key in keys_of:
        receipt = ws.read(Publication, key)
        assert key == keys.publication("spring_sale", receipt.item_id, receipt.source_sha256)
        assert receipt.run_key == run.run_key
    assert len(keys_of) == 4
    assert len(orjson.dumps(ref)) < 1000


def test_nothing_approved_still_leaves_a_receipt_and_an_index() -> None:
    ws = memory_workspace()
    run = a_run(ws)
    rejected = dict.fromkeys((item.item_id for item in run.collection.items), "rejected")
    ref = publish_run(ws, run.plan_ref, review(ws, run, rejected))
    assert (ref["approved"], ref["published"], ref["already_published"]) == (0, 0, 0)
    assert index_of(ws).files == ()

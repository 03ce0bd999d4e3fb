"""Names of delivered files, pointers and delivery.csv."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pressrun.core.campaign import CampaignSpec
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError
from pressrun.core.publication import CurrentPointer, DeliveredFile, PointerRevision
from pressrun.core.publish import advance, csv_cell, delivery_csv, folder_of, plan_publications, segment, stem_of
from pressrun.core.review import ApprovedItem

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
NAMES = st.text(max_size=60) | st.text(alphabet="Aa1_-. ~/", max_size=12)


def spec(**changes: Any) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {
            "campaign": "spring_sale",
            "title": "Spring sale",
            "owner": "ana",
            "workflow": "sdxl",
            "locales": ["de-DE"],
            "axes": {"size": [{"id": "square"}], "variant": [{"id": "a"}], "mood": [{"id": "b"}]},
            "cell": ["product", "locale", "size"],
            "review": {"reviewers": {"*": ["rosa"]}},
        }
        | changes
    )


def axes_of(product: str, locale: str, size: str, variant: str, mood: str) -> dict[str, str]:
    return {"product": product, "locale": locale, "size": size, "variant": variant, "mood": mood}


AXES = st.builds(axes_of, NAMES, NAMES, NAMES, NAMES, NAMES)


def test_folder_and_stem_follow_the_axes() -> None:
    axes = axes_of("AUR_01", "de-DE", "1080x1350", "sunrise", "calm")
    assert folder_of(spec(), axes, proof=False) == "spring_sale/AUR_01/de-DE/1080x1350"
    assert stem_of(spec(), axes, proof=False) == "spring_sale_AUR_01_de-DE_1080x1350_sunrise_calm"
    assert folder_of(spec(), axes, proof=True) == "_proofs/spring_sale/AUR_01/de-DE/1080x1350"
    assert stem_of(spec(), axes, proof=True).endswith("_sunrise_calm_PROOF")


def test_names_do_not_depend_on_the_order_in_which_a_document_stored_the_axes() -> None:
    axes = axes_of("AUR-01", "de-DE", "square", "sunrise", "calm")
    shuffled = dict(sorted(axes.items()))
    assert stem_of(spec(), axes, proof=False) == stem_of(spec(), shuffled, proof=False)


@given(first=AXES, second=AXES)
@example(first=axes_of("A", "b", "c", "d_e", "f"), second=axes_of("A", "b", "c", "d", "e_f"))
@example(first=axes_of("Ä", "b", "c", "d", "f"), second=axes_of("A", "b", "c", "d", "f"))
def test_different_candidates_never_share_a_name(first: dict[str, str], second: dict[str, str]) -> None:
    names = [(folder_of(spec(), axes, proof=False), stem_of(spec(), axes, proof=False)) for axes in (first, second)]
    assert (names[0] == names[1]) == (first == second)
    folders = [folder for folder, _ in names]
    cells = [[axes[axis] for axis in spec().cell] for axes in (first, second)]
    assert (folders[0] == folders[1]) == (cells[0] == cells[1])


@given(axes=AXES)
def test_names_are_safe_in_keys_urls_and_files(axes: dict[str, str]) -> None:
    folder, stem = folder_of(spec(), axes, proof=False), stem_of(spec(), axes, proof=False)
    parts = folder.split("/")
    assert len(parts) == 4
    assert all(SAFE.fullmatch(part) for part in (*parts, stem))
    assert len(f"{stem}-12345678.png") <= 255
    assert len(f"{folder}/{stem}-12345678.png") <= 1024


@pytest.mark.parametrize("value", ["con", "NUL", "com1.txt", "index.json", "current.json", "", ".", "..", "a/b", "-x"])
def test_names_that_mean_something_elsewhere_are_not_used_as_they_are(value: str) -> None:
    assert segment(value) != value
    assert "~" in segment(value)


@pytest.mark.parametrize("value", ["AUR-01", "de-DE", "SKU_9", "1080x1350", "v1.2", "A"])
def test_plain_names_stay_as_they_are(value: str) -> None:
    assert segment(value) == value


def item(name: str, **changes: Any) -> CollectedItem:
    facts: dict[str, Any] = {
        "item_id": name,
        "cell_id": "cell",
        "axes": axes_of("AUR-01", "de-DE", "square", name, "calm"),
        "state": "rendered",
        "render_key": name,
        "sha256": "a" * 64,
        "image_uri": f"s3://work/{name}.png",
    }
    return CollectedItem(**facts | changes)


def plan_for(*items: CollectedItem, approve: dict[str, str]) -> Any:
    class Plan:
        run = type("Run", (), {"press": "final", "engine": "comfyui"})
        spec = spec()

    collection = Collection(
        run_key="r", campaign="spring_sale", plan_digest="d", press="final", planned=len(items), items=items, jobs=()
    )
    approvals = [ApprovedItem(item_id=name, sha256=sha, decision_key="k") for name, sha in approve.items()]
    return plan_publications(collection, approvals, Plan)  # type: ignore[arg-type]


def test_only_what_was_approved_is_planned_once_and_in_plan_order() -> None:
    planned = plan_for(item("one"), item("two"), item("three"), approve={"three": "a" * 64, "one": "a" * 64})
    assert [publication.item_id for publication in planned] == ["one", "three"]
    assert planned[0].stem == "spring_sale_AUR-01_de-DE_square_one_calm"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sha256": "b" * 64}, "has other bytes than were approved"),
        ({"state": "qc_rejected"}, "ended as qc_rejected"),
        ({"state": "failed", "sha256": None, "image_uri": None}, "ended as failed"),
    ],
)
def test_an_approval_that_no_longer_fits_names_its_item(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConflictError, match=told) as caught:
        plan_for(item("one", **changes), approve={"one": "a" * 64})
    assert "item one" in str(caught.value)
    with pytest.raises(ConflictError, match="gone was approved but is not in this run"):
        plan_for(item("one"), approve={"gone": "a" * 64})


def delivered(name: str, **axes: str) -> DeliveredFile:
    return DeliveredFile(
        item_id="i", cell_id="c", axes={"product": "AUR-01", "locale": "de-DE", **axes}, file=f"{name}.png",
        uri=f"s3://p/{name}.png", sha256="a" * 64, size=10, media_type="image/png", width=4, height=3,
        source_sha256="b" * 64, lineage_uri="s3://l/x", press="final", published_at="2026-03-01T00:00:00+00:00",
    )  # fmt: skip


def revision(run: str, *files: str) -> PointerRevision:
    return PointerRevision(run_key=run, round=1, by="rosa", at="t", files=tuple(map(delivered, files)))


def follow(*revisions: PointerRevision) -> CurrentPointer:
    pointer: CurrentPointer | None = None
    for each in revisions:
        pointer = advance(pointer, each, campaign="spring_sale") or pointer
    assert pointer is not None
    return pointer


def test_a_pointer_keeps_what_it_superseded_and_never_goes_back() -> None:
    pointer = follow(revision("one", "x"), revision("two", "y"), revision("one", "x"))
    assert [file.file for file in pointer.current.files] == ["y.png"]
    assert [known.run_key for known in pointer.history] == ["one"]


def test_the_same_files_chosen_again_change_nothing_and_a_third_run_may_choose_them_anew() -> None:
    assert advance(follow(revision("one", "x")), revision("two", "x"), campaign="spring_sale") is None
    pointer = follow(revision("one", "x"), revision("two", "y"), revision("three", "x"))
    assert [file.file for file in pointer.current.files] == ["x.png"]
    assert [known.run_key for known in pointer.history] == ["one", "two"]


@given(st.text())
@example("=1+1")
@example("\t=cmd|' /C calc'!A0")
@example("\u200b=1")
@example("＝1")
def test_no_cell_is_a_formula_or_holds_invisible_characters(value: str) -> None:
    cell = csv_cell(value)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠"))
    assert "\t" not in cell
    assert "\r" not in cell
    assert "\n" not in cell
    assert "\u202e" not in cell
    if re.fullmatch(r"[A-Za-z0-9._:/-]*", value) and not value.startswith("-"):
        assert cell == value


@given(st.lists(NAMES, max_size=5))
def test_delivery_csv_has_one_line_a_file_whatever_the_names(skus: list[str]) -> None:
    files = [delivered("x", product=sku, mood=sku) for sku in skus]
    rows = list(csv.reader(io.StringIO(delivery_csv(files).decode(), newline="")))
    extra = ["mood"] if skus else []
    assert rows[0] == [
        "sku",
        "locale",
        "size",
        "variant",
        *extra,
        "file",
        "uri",
        "sha256",
        "bytes",
        "width",
        "height",
        "type",
        "seconds",
    ]
    assert len(rows) == 1 + len(skus)
    assert {len(row) for row in rows} == {len(rows[0])}

"""What a lineage record says of its sources."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pressrun.core.item import InputAsset
from pressrun.core.lineage import DecisionOrigin, input_origins, manifest_row
from pressrun.core.plan import SourceFile
from pressrun.core.review import Decision


def plan(location: str, *paths: str, copy: str | None = "translations.csv") -> Any:
    return SimpleNamespace(
        run=SimpleNamespace(drop="2026-03-01"),
        spec=SimpleNamespace(manifest=SimpleNamespace(location=location), copy_table=copy),
        sources=tuple(SourceFile(path=path, sha256=path[-6:]) for path in paths),
        inputs=(InputAsset(name="abc-vase.png", uri="s3://i/x", sha256="5" * 64, size=3, source="assets/vase.png"),),
    )


@pytest.mark.parametrize(
    ("location", "paths", "found"),
    [
        ("manifest.csv", ("campaigns/x/campaign.yaml", "campaigns/x/manifest.csv"), "campaigns/x/manifest.csv"),
        (
            "drops/{{ drop }}.csv",
            ("campaigns/x/drops/2026-02-01.csv", "campaigns/x/drops/2026-03-01.csv"),
            "campaigns/x/drops/2026-03-01.csv",
        ),
        ("s3://season/{{drop}}.parquet", ("s3://season/2026-03-01.parquet",), "s3://season/2026-03-01.parquet"),
        ("rows.xlsx", ("campaigns/x/translations.csv", "campaigns/x/rows.xlsx"), "campaigns/x/rows.xlsx"),
    ],
)
def test_the_manifest_is_found_among_the_sources(location: str, paths: tuple[str, ...], found: str) -> None:
    row = manifest_row(plan(location, *paths), 7)
    assert row is not None
    assert (row.path, row.row) == (found, 7)


def test_the_copy_table_is_never_taken_for_the_manifest() -> None:
    assert manifest_row(plan("gone.csv", "campaigns/x/translations.csv", "campaigns/x/campaign.yaml"), 7) is None


def test_inputs_are_named_by_their_bytes_and_their_authored_path() -> None:
    item: Any = SimpleNamespace(inputs={"photo": "abc-vase.png"})
    (origin,) = input_origins(plan("manifest.csv"), item)
    assert (origin.parameter, origin.sha256, origin.source) == ("photo", "5" * 64, "assets/vase.png")


def test_a_decision_keeps_who_when_and_why() -> None:
    decision = Decision(
        campaign="c", item_id="i", sha256="a" * 64, sequence=1, state="rejected", reason="anatomy", note="six fingers",
        by="rosa", by_name="Rosa Marín", run_key="r", round=2, at="2026-03-01T10:00:00+00:00",
    )  # fmt: skip
    origin = DecisionOrigin.of(decision)
    assert (origin.state, origin.reason, origin.note) == ("rejected", "anatomy", "six fingers")
    assert (origin.by, origin.by_name, origin.at, origin.round) == (decision.by, "Rosa Marín", decision.at, 2)

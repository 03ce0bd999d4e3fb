"""Markets: every locale of a campaign exists, is listed once, and somebody may review it."""

from __future__ import annotations

from typing import Any

from pressrun.core.campaign import CampaignSpec, ManifestSpec
from pressrun.core.gather import Gather
from pressrun.core.manifest import read_manifest
from pressrun.core.markets import check_row_locales, usable_locales


def spec(*locales: str, reviewers: dict[str, Any] | None = None) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {
            "campaign": "spring", "title": "Spring", "owner": "maya", "workflow": "hero", "locales": locales,
            "review": {"reviewers": reviewers or {"*": ["rosa"]}},
        }
    )  # fmt: skip


def told(found: Gather) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.place.pointer) for finding in found.findings]


def test_known_locales_pass_and_only_those_asked_for_are_used() -> None:
    gather = Gather()
    assert usable_locales(spec("de-DE", "ja-JP"), ["ja-JP"], file="c.yaml", gather=gather) == ["ja-JP"]
    assert gather.findings == ()


def test_wrong_locales_are_told_and_left_out() -> None:
    gather = Gather()
    campaign = spec("de-DE", "xx-XX", "de_AT", "ja-jp", "de-DE")
    assert usable_locales(campaign, campaign.locales, file="c.yaml", gather=gather) == ["de-DE"]
    assert told(gather) == [
        ("locale-unknown", "/locales/1"),
        ("locale-unknown", "/locales/2"),
        ("locale-case", "/locales/3"),
        ("locale-twice", "/locales/4"),
    ]
    assert gather.findings[1].remedy == "did you mean 'de-AT'?"


def test_a_market_without_a_reviewer_is_told() -> None:
    gather = Gather()
    campaign = spec("de-DE", "ja-JP", reviewers={"de-DE": ["rosa"], "*": []})
    usable_locales(campaign, campaign.locales, file="c.yaml", gather=gather)
    assert told(gather) == [("review-nobody", "/review/reviewers")]
    assert "ja-JP" in gather.findings[0].message


def test_a_rows_market_that_the_campaign_lacks_is_told_with_its_row() -> None:
    gather = Gather()
    data = b"sku,locales\nA-1,de-DE | ja-JP\nA-2,\nA-3,de_DE\nA-4,fr-FR\n"
    manifest = read_manifest(data, file="m.csv", spec=ManifestSpec())
    check_row_locales(spec("de-DE", "ja-JP"), manifest, file="m.csv", gather=gather)
    assert [(f.code, f.severity, f.place.row, f.place.column) for f in gather.findings] == [
        ("manifest-locale", "error", 4, "locales"),
        ("manifest-locale", "warning", 5, "locales"),
    ]

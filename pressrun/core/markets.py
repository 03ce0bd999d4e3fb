"""Markets of a campaign: locale tags that exist, rows that name markets the campaign has, a reviewer for each."""

from __future__ import annotations

from collections.abc import Sequence

from pressrun.core.campaign import CampaignSpec
from pressrun.core.errors import InputError
from pressrun.core.findings import Place
from pressrun.core.gather import Gather
from pressrun.core.locales import check_locale
from pressrun.core.manifest import Manifest

LOCALES_COLUMN = "locales"


def usable_locales(spec: CampaignSpec, asked: Sequence[str], *, file: str, gather: Gather) -> list[str]:
    """Those of `asked` that can be worked with. Unknown, repeated or unreviewable locales of the campaign are told.

    `file` is the campaign's file, for the findings' place.
    """
    wrong: set[str] = set()
    for number, tag in enumerate(spec.locales):
        place = Place(file=file, pointer=f"/locales/{number}")
        try:
            canonical = check_locale(tag)
        except InputError as exc:
            wrong.add(tag)
            gather.say("locale-unknown", exc.message, place, exc.remedy or "")
            continue
        if canonical != tag:
            wrong.add(tag)
            gather.say("locale-case", f"locale {tag!r} is written {canonical!r}", place, f"write {canonical!r}")
        elif tag in spec.locales[:number]:
            gather.say("locale-twice", f"locale {tag!r} is listed twice", place, "list it once")
        if not (spec.review.reviewers.get(tag) or spec.review.reviewers.get("*")):
            reviewers = Place(file=file, pointer="/review/reviewers")
            gather.say(
                "review-nobody", f"nobody may review {tag}", reviewers, f'list somebody under {tag} or under "*"'
            )
    return [tag for tag in dict.fromkeys(asked) if tag not in wrong]


def check_row_locales(spec: CampaignSpec, manifest: Manifest, *, file: str, gather: Gather) -> None:
    """Tell every market that a row's `locales` column ("de-DE|ja-JP") names and the campaign does not have.

    A market that exists is a warning, as several campaigns may share a manifest; one that does not is a typo.
    """
    if LOCALES_COLUMN not in manifest.columns:
        return
    for row in manifest.rows:
        for tag in row.values.get(LOCALES_COLUMN, "").split("|"):
            name = tag.strip()
            if name and name not in spec.locales:
                place = Place(file=file, row=row.number, column=LOCALES_COLUMN)
                remedy = f"the campaign has {', '.join(spec.locales)}; separate them by |"
                try:
                    check_locale(name)
                except InputError as exc:
                    gather.say("manifest-locale", exc.message, place, remedy)
                    continue
                gather.say("manifest-locale", f"the campaign does not go to {name}", place, remedy, severity="warning")

"""The campaign spec: what a team writes in include/campaigns/NAME/campaign.yaml."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.ids import ident
from pressrun.core.overlay import DerivedInput
from pressrun.core.policy_spec import PolicySpec
from pressrun.core.selection import Override, Selection

PressKind = Literal["proof", "final"]
RetentionClass = Literal["scratch", "rejected", "campaign"]
AUTO = "auto"
"""`job.instance_type: auto`: any of those that the workflow's pool lists."""
QualityCode = Literal[
    "wrong-size", "unmeasured", "black", "blank", "near-constant", "silent", "still", "too-short", "identical",
    "near-duplicate", "off-palette",
]  # fmt: skip
CanaryReview = Literal["none", "ask"]


class _Spec(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class ManifestSpec(_Spec):
    """Where the rows are.

    `location` is relative to the campaign folder or an s3:// URI; `{{ drop }}` is the drop's date.
    """

    location: str = Field("manifest.csv", description="file or s3:// URI: CSV, XLSX, JSON Lines or Parquet")
    key: str = Field("sku", description="column that identifies a row; becomes the `product` axis value")
    required: tuple[str, ...] = Field((), description="columns that must be there and filled")


class JobSpec(_Spec):
    """How the work is cut and what it runs on."""

    instance_type: str | tuple[str, ...] = Field(
        "ml.g5.xlarge",
        description="SageMaker instance type of the final press; a list, or `auto` for the pool's own list, leaves the "
        "choice to the quote: the cheapest that meets the deadline",
    )
    shard_items: int = Field(16, ge=1, le=5000, description="items of one Processing job at most")
    parallel: int = Field(3, ge=1, le=50, description="shards rendered at the same time")
    deadline_minutes: float | None = Field(
        None, gt=0, description="pictures are wanted this long after the order; none: as few jobs as shard_items allows"
    )
    max_runtime_minutes: int = Field(60, ge=1, le=1440, description="a job is stopped after this long")
    attempts: int = Field(3, ge=1, le=10, description="jobs bought at most for one shard")
    canary_items: int = Field(4, ge=0, le=50, description="0: no canary")
    probe_items: int = Field(
        8, ge=0, le=50, description="pictures of the first job where nothing was measured yet; 0: no more than a canary"
    )
    probe_above: int = Field(
        100, ge=1, description="a run of more items than this is measured by a probe where nothing was measured yet"
    )
    canary_review: CanaryReview = Field(
        "none", description="`ask`: a person looks at the canary's pictures before the rest is bought"
    )
    volume_gb: int = Field(100, ge=1, le=16384, description="disk of a job")

    @field_validator("instance_type")
    @classmethod
    def _one_at_least(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, tuple) and (not value or AUTO in value or len(set(value)) != len(value)):
            raise ValueError(f"a list names each instance type once; write `{AUTO}` alone for the pool's own list")
        return value

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The instance types that the quote may choose from, in the order of preference at equal cost."""
        return (self.instance_type,) if isinstance(self.instance_type, str) else self.instance_type


class SpendSpec(_Spec):
    """Money in USD. Above `approve_over` a person must agree; above `limit` the run is refused."""

    approve_over: float = Field(25.0, ge=0, description="a ceiling above this needs a person's consent")
    limit: float = Field(200.0, ge=0, description="a ceiling above this is refused")


class PaletteSpec(_Spec):
    """How much of a picture must be in the brand's colours."""

    colours: tuple[str, ...] = Field(
        (), description="names of include/brand/palette.yaml or #rrggbb; none: all colours of that file"
    )
    tolerance: float = Field(25.0, gt=0, le=100, description="distance in CIE Lab up to which a colour counts as one")
    min_share: float = Field(0.15, ge=0, le=1, description="share of the picture that must be in these colours")


class QualitySpec(_Spec):
    """What is judged before people look. `failed_share` is the error budget of a run.

    `note` lists verdicts that are shown to reviewers and refuse nothing; `ignore` those that are not made at all.
    """

    min_contrast: float = Field(
        4.0, ge=0, description="standard deviation of luma, 0-255; below: near-constant, or blank below 1"
    )
    max_flat: float = Field(0.995, gt=0, le=1, description="share of one colour; above: near-constant")
    duplicate_distance: int = Field(
        4, ge=0, le=16, description="bits of 64 in which two perceptual hashes differ; up to here: near-duplicate"
    )
    palette: PaletteSpec | None = Field(None, description="the brand's colours; none: colours are not judged")
    min_loudness: float = Field(-60.0, le=0, description="loudness of a sound as RMS in dBFS; below: silent")
    note: tuple[QualityCode, ...] = Field(("near-duplicate", "off-palette"), description="verdicts that only inform")
    ignore: tuple[QualityCode, ...] = Field((), description="verdicts that this campaign does without")
    failed_share: float = Field(0.2, ge=0, le=1, description="share of items that may fail before the run stops")


class ReviewSpec(_Spec):
    """Who decides, by market. Key "*" is everybody's fallback; a person must be listed to decide."""

    reviewers: dict[str, tuple[str, ...]] = Field(min_length=1, description='locale or "*" -> user names')
    want: int = Field(1, ge=1, description="candidates chosen for each cell")
    timeout_hours: float = Field(72.0, gt=0, description="a round that nobody finishes fails after this long")

    def may_decide(self, user: str, locale: str) -> bool:
        """True where `user` is listed for the market of `locale`, or for all markets."""
        listed = self.reviewers.get(locale)
        return user in (listed if listed is not None else self.reviewers.get("*", ()))


class CampaignSpec(_Spec):
    """One campaign. Axes other than `product` (the manifest rows) and `locale` are listed under `axes`."""

    campaign: str = Field(description="its name, as the folder's; the DAG is press_NAME")
    title: str = Field(description="what people call it")
    owner: str = Field(description="the user who answers for it")
    team: str = Field("default", description="whose budget it is")
    workflow: str = Field(description="NAME@VERSION of include/workflows; without a version the newest released")
    manifest: ManifestSpec = Field(ManifestSpec(), description="where the rows are")
    copy_table: str | None = Field(
        "translations.csv", alias="copy", description="copy table: key, locale, text, status"
    )
    locales: tuple[str, ...] = Field(min_length=1, description="BCP 47 tags of the markets")
    axes: dict[str, tuple[dict[str, Any], ...]] = Field({}, description="further axes; each value has an `id`")
    combine: str = Field("product * locale", description="`*` is the product; `(a, b)` goes through both in step")
    include: tuple[Selection, ...] = Field(
        (),
        exclude_if=operator.not_,
        description="selections (axis -> values): only combinations that one of them means; none: all",
    )
    exclude: tuple[Selection, ...] = Field(
        (), exclude_if=operator.not_, description="selections (axis -> values): combinations that are left out"
    )
    cell: tuple[str, ...] = Field(("product", "locale"), description="axes of one deliverable; the rest are candidates")
    seed_axes: tuple[str, ...] = Field(("product", "variant"), description="axes that change the seed")
    batch: str | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="axis whose values are the pictures of one prompt: same parameters, one seed",
    )
    seed: int = Field(0, description="change it for other pictures of everything")
    params: dict[str, Any] = Field({}, description="contract parameter -> value or template")
    overrides: tuple[Override, ...] = Field(
        (),
        exclude_if=operator.not_,
        description="other `params` `when` some axes have some values, for example in one market; the last one wins",
    )
    knobs: tuple[str, ...] = Field(
        (), exclude_if=operator.not_, description="contract parameters that a person may set in the trigger form"
    )
    inputs: dict[str, str | DerivedInput] = Field(
        {}, description="contract parameter -> path template of an input file, or `typeset:` for an overlay of the copy"
    )
    schedule: str | None = Field(None, description="cron expression; none: triggered only")
    timezone: str = Field("UTC", description="time zone of the schedule and of the drop's date")
    start: str | None = Field(None, description="first drop, ISO date; scheduled campaigns only")
    catchup: bool = Field(False, description="whether drops missed since `start` are made up for")
    job: JobSpec = Field(JobSpec(), description="how the work is cut")
    spend: SpendSpec = Field(SpendSpec(), description="money")
    quality: QualitySpec = Field(QualitySpec(), description="what is judged before people look")
    review: ReviewSpec = Field(description="who decides")
    retention: RetentionClass = Field("campaign", description="how long drafts are kept")
    limit_items: int = Field(20_000, ge=1, description="a plan above this is refused: a typo must not become a bill")
    notify: tuple[str, ...] = Field((), description="e-mail addresses told about this campaign")
    policy: PolicySpec = Field(PolicySpec(), description="what the pictures are for, and which rules are overridden")

    model_config = {"extra": "forbid", "frozen": True, "populate_by_name": True}

    @field_validator("campaign")
    @classmethod
    def _plain(cls, value: str) -> str:
        return ident(value, what="campaign")

    @model_validator(mode="after")
    def _axes_known(self) -> CampaignSpec:
        known = {"product", "locale", *self.axes}
        for name, used in (("cell", self.cell), ("seed_axes", self.seed_axes)):
            unknown = [
                axis for axis in used if axis not in known and not (name == "seed_axes" and axis in _FREE_SEED_AXES)
            ]
            if unknown:
                raise ValueError(f"{name} names unknown axes {unknown}; known: {sorted(known)}")
        if self.batch is not None and self.batch not in self.axes:
            raise ValueError(f"batch names {self.batch!r}, which is not among the axes: {sorted(self.axes)}")
        for axis, values in self.axes.items():
            ids = [str(value.get("id", "")) for value in values]
            if not ids or "" in ids or len(set(ids)) != len(ids):
                raise ValueError(f"axis {axis!r} needs values that each have their own id")
        return self

    @property
    def batch_size(self) -> int:
        """Pictures that one prompt makes; 1 where every item is a prompt of its own."""
        return len(self.axes[self.batch]) if self.batch is not None else 1

    @property
    def candidate_axes(self) -> tuple[str, ...]:
        """The axes that make candidates of a cell, in authored order."""
        return tuple(axis for axis in ("product", "locale", *self.axes) if axis not in self.cell)


# `variant` is in the default although not every campaign has that axis; drop and round vary by run, not by row.
_FREE_SEED_AXES = {"variant", "drop", "round"}


def campaign_files(include: Path) -> list[Path]:
    """Every campaigns/NAME/campaign.yaml, by name."""
    return sorted(include.glob("campaigns/*/campaign.yaml"))


def parse_campaign(data: bytes, *, file: str) -> CampaignSpec:
    """Read campaign.yaml. FindingsError lists every wrong field with its line's pointer."""
    try:
        raw = yaml.safe_load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise _one(file, "campaign-encoding", f"not UTF-8 (byte {exc.start})", "save the file as UTF-8") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        row = mark.line + 1 if mark else None
        raise _one(file, "campaign-yaml", f"not YAML: {getattr(exc, 'problem', exc)}", "fix the syntax", row) from exc
    if not isinstance(raw, dict):
        raise _one(file, "campaign-yaml", "is not a mapping", "start with `campaign: name`")
    try:
        return CampaignSpec.model_validate(raw)
    except ValidationError as exc:
        raise FindingsError.of(
            [
                Finding(
                    code="campaign-field",
                    message=error["msg"].removeprefix("Value error, "),
                    place=Place(file=file, pointer="/" + "/".join(str(part) for part in error["loc"])),
                    remedy="unknown key: remove it or fix its spelling" if error["type"] == "extra_forbidden" else "",
                )
                for error in exc.errors()
            ],
            subject=file,
        ) from exc


def _one(file: str, code: str, message: str, remedy: str, row: int | None = None) -> FindingsError:
    finding = Finding(code=code, message=message, place=Place(file=file, row=row), remedy=remedy)
    return FindingsError.of([finding], subject=file)

"""The run request: what a person, a schedule or a backfill asked for, checked against the campaign."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from pressrun.core.campaign import CampaignSpec, PressKind
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.knobs import PREFIX


class RunConf(BaseModel):
    """All that dag_run.conf may say; `knobs` are its keys that begin with `knob_`, without those left empty."""

    model_config = {"extra": "forbid", "frozen": True}

    press: PressKind | Literal["automatic"] | None = None
    locales: tuple[str, ...] | None = None
    limit: int | None = Field(None, ge=1)
    note: str | None = Field(None, max_length=2000)
    dry_run: bool = False
    rework: bool = False
    knobs: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, conf: Any) -> Any:
        """Keys that begin with `knob_` as one field; a form sends those that were left empty as null."""
        if not isinstance(conf, Mapping):
            return conf
        named = {key: value for key, value in conf.items() if str(key).startswith(PREFIX)}
        knobs = {key.removeprefix(PREFIX): value for key, value in named.items() if value is not None}
        return {
            **{key: value for key, value in conf.items() if key not in named},
            **({"knobs": knobs} if named else {}),
        }

    def press_for(self, run_type: str) -> PressKind:
        """A person gets a proof unless they choose the paid press; schedules and backfills print the final."""
        if self.press in ("proof", "final"):
            return self.press
        return "proof" if run_type == "manual" else "final"


def read_conf(conf: Mapping[str, Any], spec: CampaignSpec) -> RunConf:
    """Check dag_run.conf; FindingsError names every key and locale that this campaign does not know."""
    keys = [*(name for name in RunConf.model_fields if name != "knobs"), *(f"{PREFIX}{name}" for name in spec.knobs)]
    findings = [_unknown(str(name), keys) for name in conf if name not in keys]
    known = {key: value for key, value in conf.items() if key in keys}
    try:
        chosen = RunConf.model_validate(known)
    except ValidationError as exc:
        findings += [
            Finding(
                code="conf-value",
                message=error["msg"],
                place=Place(file="dag_run.conf", pointer="/" + "/".join(map(str, error["loc"]))),
            )
            for error in exc.errors()
        ]
        raise FindingsError.of(findings, subject="dag_run.conf") from exc
    for locale in chosen.locales or ():
        if locale not in spec.locales:
            near = difflib.get_close_matches(locale, spec.locales, n=1)
            findings.append(
                Finding(
                    code="conf-locale",
                    message=f"{spec.campaign} has no locale {locale!r}",
                    place=Place(file="dag_run.conf", pointer="/locales"),
                    remedy=(f"did you mean {near[0]!r}? " if near else "") + f"it has {', '.join(spec.locales)}",
                )
            )
    if findings:
        raise FindingsError.of(findings, subject="dag_run.conf")
    return chosen


def _unknown(name: str, keys: list[str]) -> Finding:
    near = difflib.get_close_matches(name, keys, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if name.startswith(PREFIX):
        hint += "a campaign lists under `knobs` what may be set; "
    return Finding(
        code="conf-unknown-key",
        message=f"unknown key {name!r} in the run's conf",
        place=Place(file="dag_run.conf", pointer=f"/{name}"),
        remedy=f"{hint}known keys: {', '.join(keys)}",
    )

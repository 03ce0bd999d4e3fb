"""Knobs: the contract's parameters that a campaign leaves to whoever triggers it, as `knob_NAME` in dag_run.conf."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pressrun.core.campaign import CampaignSpec
from pressrun.core.findings import Finding, Place

if TYPE_CHECKING:  # DAG files read knobs, and need no validators for that
    from pressrun.core.contract import Contract

PREFIX = "knob_"


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter with its schema. `value` is what holds where nobody sets it; None where that differs by picture."""

    name: str
    schema: Mapping[str, Any]
    value: Any


def open_knobs(spec: CampaignSpec, properties: Mapping[str, Any]) -> tuple[Knob, ...]:
    """The knobs of a campaign, of its workflow's contract's `properties`; names that are no parameters are left out."""
    return tuple(
        Knob(name, properties[name], _value(spec, name, properties[name]))
        for name in spec.knobs
        if _settable(properties.get(name))
    )


def check_knobs(spec: CampaignSpec, contract: Contract) -> Iterator[Finding]:
    """A finding for every name under `knobs` that is no parameter a person could set."""
    properties = contract.schema["properties"]
    known = [name for name, schema in properties.items() if _settable(schema)]
    for index, name in enumerate(spec.knobs):
        if not _settable(properties.get(name)):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            yield Finding(
                code="knob-unknown", message=f"{name!r} is no parameter that a person sets{hint}",
                place=Place(file=f"{spec.campaign}/campaign.yaml", pointer=f"/knobs/{index}"),
                remedy=f"the contract has {', '.join(known)}",
            )  # fmt: skip


def changed_knobs(spec: CampaignSpec, contract: Contract, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not what holds anyway: a form sends all it shows."""
    held = {knob.name: knob.value for knob in open_knobs(spec, contract.schema["properties"])}
    return {name: value for name, value in given.items() if held.get(name) is None or value != held[name]}


def set_knobs(
    spec: CampaignSpec, contract: Contract, knobs: Mapping[str, Any]
) -> tuple[CampaignSpec, tuple[Finding, ...]]:
    """The campaign with these values instead of its own; unchanged, with findings, where the contract refuses one.

    They replace `params` and `overrides`. A row with a column of its own for the parameter keeps what it says.
    """
    findings = tuple(
        Finding(
            code="knob-value",
            message=f"{name}: {sentence}",
            place=Place(file="dag_run.conf", pointer=f"/{PREFIX}{name}"),
        )
        for name, sentence in contract.violations(contract.complete(knobs))
        if name in knobs
    )
    if findings or not knobs:
        return spec, findings
    overrides = tuple(
        one.model_copy(update={"params": {name: value for name, value in one.params.items() if name not in knobs}})
        for one in spec.overrides
    )
    return spec.model_copy(update={"params": {**spec.params, **knobs}, "overrides": overrides}), ()


def _settable(schema: Mapping[str, Any] | None) -> bool:
    return schema is not None and not schema.get("x-seed") and not schema.get("x-asset")


def _value(spec: CampaignSpec, name: str, schema: Mapping[str, Any]) -> Any:
    authored = spec.params.get(name, schema.get("default"))
    differs = isinstance(authored, str) and ("{{" in authored or "{%" in authored)
    return None if differs or any(name in one.params for one in spec.overrides) else authored

"""The trigger form of a campaign's DAG: what a person may choose, in their words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.sdk import Param

from pressrun.core.campaign import CampaignSpec
from pressrun.core.knobs import PREFIX, Knob


def trigger_form(spec: CampaignSpec, knobs: Iterable[Knob] = ()) -> dict[str, Param]:
    """The DAG's params. The names are those of core.request.RunConf; nothing else is allowed in dag_run.conf.

    `knobs` are what the campaign leaves open; their titles, ranges and defaults are the contract's own.

    The press is "automatic" by default and decided by who starts the run: Airflow puts a form's defaults into
    scheduled and backfilled runs as well, so a default of "proof" would turn a season's final into proofs.
    """
    what, how = "What to print", "How to run it"
    return {
        "press": Param(
            "automatic",
            title="Press",
            description="A proof shows the whole campaign without a GPU and for nothing. The final is paid for.",
            type="string",
            enum=["automatic", "proof", "final"],
            values_display={
                "automatic": "Automatic: proof when a person starts it, final by schedule",
                "proof": "Proof: drawn, not generated; costs nothing",
                "final": "Final: generated on GPUs; costs money",
            },
            section=what,
        ),
        "locales": Param(
            list(spec.locales),
            title="Locales",
            description=f"Markets of {spec.title} to render in this run.",
            type="array",
            items={"type": "string"},
            examples=list(spec.locales),
            section=what,
        ),
        "limit": Param(
            None,
            title="Limit",
            description="Render at most so many pictures; empty for all.",
            type=["null", "integer"],
            minimum=1,
            section=what,
        ),
        **{f"{PREFIX}{knob.name}": _knob(knob) for knob in knobs},
        "dry_run": Param(
            False,
            title="Dry run",
            description="Plan and quote only: nothing is rendered and nothing is bought.",
            type="boolean",
            section=how,
        ),
        "rework": Param(
            False,
            title="Rework",
            description="Render again what reviewers asked changes for, with new seeds.",
            type="boolean",
            section=how,
        ),
        "note": Param(
            None,
            title="Note",
            description="Why you run this; kept with the run.",
            type=["null", "string"],
            maxLength=2000,
            section=how,
        ),
    }


# What Airflow's form and its check on triggering understand. `multipleOf` is not among them: the check divides floats
# and would refuse 7.3 as a multiple of 0.1; the contract's own validator judges it when the plan is made.
_HINTS = ("title", "minimum", "maximum", "minLength", "maxLength")


def _knob(knob: Knob) -> Param:
    """A contract's property as a form field; what differs by picture may be left empty, which keeps it so."""
    schema = knob.schema
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else list(schema.get("type", ["string"]))
    hints: dict[str, Any] = {name: schema[name] for name in _HINTS if name in schema}
    said = schema.get("description", "")
    if "minimum" in schema and "maximum" in schema and "enum" not in schema:
        said += f" From {schema['minimum']:g} to {schema['maximum']:g}."
    if "multipleOf" in schema:
        said += f" In steps of {schema['multipleOf']:g}."
    if knob.value is None:
        kinds = ["null", *(kind for kind in kinds if kind != "null")]
        said += " Empty: as the campaign says, picture by picture."
    if "enum" in schema:
        hints["enum"] = [*schema["enum"], *([None] if knob.value is None else [])]
    kind = kinds[0] if len(kinds) == 1 else kinds
    return Param(knob.value, **{"title": knob.name, **hints}, type=kind, description=said.strip(), section="Parameters")

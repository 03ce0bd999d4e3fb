"""The trigger form of a campaign's DAG: what a person may choose, in their words."""

from __future__ import annotations

from airflow.sdk import Param

from pressrun.core.campaign import CampaignSpec


def trigger_form(spec: CampaignSpec) -> dict[str, Param]:
    """The DAG's params. The names are those of core.request.RunConf; nothing else is allowed in dag_run.conf.

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

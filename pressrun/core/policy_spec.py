"""What a campaign says about policy: what its pictures are used for, whether they show people, what is overridden."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Use = Literal["commercial", "editorial", "internal"]
People = Literal["none", "generated", "released"]


class _Spec(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class PolicyOverride(_Spec):
    """A rule that does not stop this campaign. Kept in the plan and in the lineage of everything it delivers."""

    rule: str = Field(description="id of the rule, from include/policy/prompts.yaml")
    reason: str = Field(min_length=5, description="why it does not apply here")
    by: str = Field(min_length=1, description="who answers for that")
    markets: tuple[str, ...] = Field((), description="locales it holds for; all where none is named")


class PolicySpec(_Spec):
    """The campaign's side of the prompt policy."""

    use: Use = Field("commercial", description="what the pictures are for: commercial, editorial or internal")
    people: People = Field(
        "none", description="people in the pictures: none, generated (nobody real), released (with a model release)"
    )
    overrides: tuple[PolicyOverride, ...] = Field((), description="rules that do not stop this campaign, with reasons")

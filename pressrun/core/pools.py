"""Pools: which container image and instance type a workflow runs on, named in include/policy/pools.yaml alone."""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator

from pressrun.core.authored import read_authored


class Pool(BaseModel):
    """Where the final press of some workflows runs. Without `image` it is the deployment's (PRESSRUN_IMAGE_URI).

    `alternatives` are further instance types on which the same image and graphs run.
    """

    model_config = {"extra": "forbid", "frozen": True}

    instance_type: str
    alternatives: tuple[str, ...] = ()
    image: str = ""
    description: str = ""

    @property
    def instance_types(self) -> tuple[str, ...]:
        """What `job.instance_type: auto` may choose from."""
        return tuple(dict.fromkeys((self.instance_type, *self.alternatives)))


class Pools(BaseModel):
    """pools.yaml. A workflow that is not listed runs on the default pool; a campaign may name another instance type."""

    model_config = {"extra": "forbid", "frozen": True}

    default: str
    pools: dict[str, Pool] = Field(min_length=1)
    workflows: dict[str, str] = {}

    @model_validator(mode="after")
    def _named(self) -> Pools:
        unknown = sorted({self.default, *self.workflows.values()} - set(self.pools))
        if unknown:
            raise ValueError(f"no pool is called {', '.join(unknown)}; there are {', '.join(self.pools)}")
        return self

    def of(self, workflow: str) -> Pool:
        """The pool of a workflow, by its name with or without version ("product_hero@3" before "product_hero")."""
        name = workflow.partition("@")[0]
        return self.pools[self.workflows.get(workflow, self.workflows.get(name, self.default))]


def parse_pools(data: bytes, *, file: str) -> Pools:
    """Read pools.yaml; FindingsError names every wrong entry."""
    return read_authored(Pools, data, file=file, what="a list of pools")

"""Parameter contracts: JSON Schema 2020-12 with `x-bind`, which names the node input each parameter drives."""

from __future__ import annotations

from pydantic import BaseModel


class Binding(BaseModel):
    """One node input that a parameter drives. `node` is the node's id in the graph as exported."""

    model_config = {"extra": "forbid", "frozen": True}

    node: str
    input: str

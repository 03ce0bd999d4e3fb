"""Which node classes a graph may use, and what it may cost: include/policy/nodes.yaml."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from pydantic import BaseModel, Field

from pressrun.core.authored import read_authored
from pressrun.core.node_info import NodeClass


class _Part(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}


class ForbiddenKind(_Part):
    """A kind of node that is refused whatever the list of allowed classes says. `classes` are shell-style patterns."""

    reason: str
    classes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


class Limits(_Part):
    """What one item may cost at most, with every knob at its highest."""

    pixels: int = Field(64_000_000, ge=1, description="width × height × batch of one item")
    pixel_steps: int = Field(4_000_000_000, ge=1, description="pixels × sampling steps of one item")


class NodePolicy(_Part):
    """The policy. Without a list of allowed classes every class that the server knows may be used."""

    allowed: dict[str, tuple[str, ...]] | None = None
    forbidden: dict[str, ForbiddenKind] = {}
    limits: Limits = Limits()

    @property
    def classes(self) -> frozenset[str] | None:
        """The allowed classes of all groups, or None where there is no list."""
        return None if self.allowed is None else frozenset(name for group in self.allowed.values() for name in group)

    def forbids(self, name: str, known: NodeClass | None) -> str | None:
        """Why this class is refused by its kind, or None. Paid API nodes are refused without being listed."""
        if known is not None and (known.api or known.module.startswith("comfy_api_nodes")):
            return "it calls a paid service over the network, and jobs have no network"
        for kind in self.forbidden.values():
            if _matches(name, kind.classes) or (known is not None and _matches(known.module, kind.modules)):
                return kind.reason
        return None


def parse_node_policy(data: bytes, *, file: str) -> NodePolicy:
    """Read nodes.yaml; FindingsError names every wrong entry."""
    return read_authored(NodePolicy, data, file=file, what="a node policy")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

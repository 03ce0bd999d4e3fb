"""Versions of workflows: `product_hero@3`, and the registry that says which of them are released.

`NAME@N.api.json` with `NAME@N.schema.json` is version N; `NAME.api.json` without a number is version 1.
"""

from __future__ import annotations

import re
from typing import Literal

import yaml
from pydantic import BaseModel, Field

from pressrun.core.authored import read_authored
from pressrun.core.errors import InputError
from pressrun.core.ids import ident

_REFERENCE = re.compile(r"(?P<name>[^@]+)(?:@(?P<version>[1-9][0-9]{0,3}))?")
State = Literal["draft", "released"]


class Release(BaseModel):
    """One version as it was promoted. The digests are of the files' content, not of their layout."""

    model_config = {"extra": "forbid", "frozen": True}

    state: State
    graph_sha256: str = ""
    contract_sha256: str = ""
    promoted_by: str = ""
    promoted_at: str = ""
    checks: dict[str, str] = Field({}, description="check → what it found, as told at promotion")


class Registry(BaseModel):
    """include/workflows/registry.yaml: workflow → version → release."""

    model_config = {"extra": "forbid", "frozen": True}

    workflows: dict[str, dict[int, Release]] = {}

    def release(self, name: str, version: int) -> Release:
        """A version that nobody promoted is a draft."""
        return self.workflows.get(name, {}).get(version) or Release(state="draft")

    def newest(self, name: str, versions: tuple[int, ...]) -> int:
        """What an unpinned name stands for: the newest released version; the newest draft where none is released."""
        released = [version for version in versions if self.release(name, version).state == "released"]
        return max(released or versions)

    def with_release(self, name: str, version: int, release: Release) -> Registry:
        """The registry with one more entry."""
        versions = {**self.workflows.get(name, {}), version: release}
        return Registry(workflows={**self.workflows, name: dict(sorted(versions.items()))})

    def to_yaml(self) -> str:
        """The file, versions in order."""
        head = "# Written by `pressrun workflow promote`. A version that is not listed is a draft: proofs only.\n"
        return head + yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


def parse_reference(reference: str) -> tuple[str, int | None]:
    """("product_hero", 3) of "product_hero@3", ("product_hero", None) of "product_hero"."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InputError(
            f"{reference!r} names no workflow", remedy="write the name, or NAME@VERSION with a version from 1"
        )
    return ident(match["name"], what="workflow"), int(match["version"]) if match["version"] else None


def parse_registry(data: bytes, *, file: str) -> Registry:
    """Read registry.yaml; FindingsError names every wrong entry."""
    return read_authored(Registry, data, file=file, what="a registry of workflows")

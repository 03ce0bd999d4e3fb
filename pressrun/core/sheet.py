"""The sheet: everything authored that expansion reads, and what it may call for input files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pressrun.core.campaign import CampaignSpec
from pressrun.core.contract import Contract
from pressrun.core.copy_table import CopyTable
from pressrun.core.item import InputAsset
from pressrun.core.manifest import Manifest
from pressrun.core.overlay import Typesetter
from pressrun.core.plan import WorkflowBundle

# Location as the campaign writes it -> the file, None where there is none.
Resolve = Callable[[str], InputAsset | None]


@dataclass(frozen=True)
class Sheet:
    """`rounds` maps item ids to the round they go into (rework); `models` names to SHA-256."""

    spec: CampaignSpec
    manifest: Manifest
    manifest_file: str
    copy_table: CopyTable | None
    contract: Contract
    bundle: WorkflowBundle
    models: Mapping[str, str]
    engine_class: str
    rounds: Mapping[str, int] = field(default_factory=dict)

    @property
    def campaign_file(self) -> str:
        return f"{self.spec.campaign}/campaign.yaml"

    @property
    def copy_file(self) -> str:
        """Where texts stand, for findings; the campaign's own file where it has no copy table."""
        return f"{self.spec.campaign}/{self.spec.copy_table}" if self.spec.copy_table else self.campaign_file


@dataclass(frozen=True)
class Makers:
    """`resolve` finds input files by location, `typeset` makes those that are the market's copy set in type."""

    resolve: Resolve
    typeset: Typesetter

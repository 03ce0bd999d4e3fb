"""Findings: everything that is wrong with an input, collected in one pass, each with its place and its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from pydantic import BaseModel

from pressrun.core.codec import VersionedDocument
from pressrun.core.errors import InputError

Severity = Literal["error", "warning"]


class Place(BaseModel):
    """Where a finding is: any of file, 1-based row (as a spreadsheet counts them), column, graph node, JSON pointer."""

    model_config = {"frozen": True, "extra": "forbid"}

    file: str | None = None
    row: int | None = None
    column: str | None = None
    node: str | None = None
    pointer: str | None = None

    def __str__(self) -> str:
        parts = [
            self.file,
            f"row {self.row}" if self.row is not None else None,
            f"column {self.column!r}" if self.column else None,
            f"node {self.node!r}" if self.node else None,
            self.pointer,
        ]
        return ", ".join(part for part in parts if part) or "campaign"


class Finding(BaseModel):
    """One thing that is wrong or worth knowing. `code` is stable and documented; `message` is a sentence for people."""

    model_config = {"frozen": True, "extra": "forbid"}

    code: str
    message: str
    place: Place = Place()
    remedy: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" — {self.remedy}" if self.remedy else "")


class FindingsReport(VersionedDocument):
    """All findings of one plan, written by validate_plan."""

    SCHEMA: ClassVar[str] = "findings/1"

    findings: tuple[Finding, ...] = ()
    left_out: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


class FindingsError(InputError):
    """Raised when a step cannot go on because of findings; carries all of them."""

    def __init__(
        self, message: str, *, where: str | None = None, remedy: str | None = None, findings: Iterable[Finding] = ()
    ) -> None:
        self.findings = tuple(findings)
        super().__init__(message, where=where, remedy=remedy)

    @classmethod
    def of(cls, findings: Iterable[Finding], *, subject: str) -> FindingsError:
        found = tuple(findings)
        shown = "; ".join(str(finding) for finding in found[:3])
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        return cls(f"{subject}: {len(found)} finding{'s' * (len(found) != 1)}: {shown}{more}", findings=found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

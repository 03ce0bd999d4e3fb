"""Gathering findings: one entry for each kind of mistake, however many rows share it."""

from __future__ import annotations

from collections.abc import Iterable

from pressrun.core.findings import Finding, Place, Severity

LIMIT = 200


class Gather:
    """Collects findings; the same mistake in several rows becomes one finding that lists them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}
        self._rows: dict[tuple[str, str, str], list[int]] = {}
        self.left_out = 0

    def say(
        self, code: str, message: str, place: Place | None = None, remedy: str = "", severity: Severity = "error"
    ) -> None:
        at = place or Place()
        key = (code, message, f"{at.file}|{at.column}|{at.node}|{at.pointer}")
        if key not in self._found and len(self._found) >= LIMIT:
            self.left_out += 1
            return
        self._found.setdefault(key, Finding(code=code, message=message, place=at, remedy=remedy, severity=severity))
        rows = self._rows.setdefault(key, [])
        if at.row is not None and at.row not in rows:
            rows.append(at.row)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take over findings that somebody else collected."""
        for found in findings:
            self.say(found.code, found.message, found.place, found.remedy, found.severity)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Errors first, then by file and row."""
        merged = []
        for key, finding in self._found.items():
            others = self._rows[key][1:]
            shown = ", ".join(map(str, others[:8])) + (f" and {len(others) - 8} more" if len(others) > 8 else "")
            also = {"message": f"{finding.message} (also in rows {shown})"} if others else {}
            merged.append(finding.model_copy(update=also))
        return tuple(sorted(merged, key=lambda f: (f.severity != "error", f.place.file or "", f.place.row or 0)))

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self._found.values())

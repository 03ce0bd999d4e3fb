"""Events: one structured line per state change, for metric filters. Prompt texts are replaced by length and digest."""

from __future__ import annotations

import datetime
from typing import Any

from pressrun.core.codec import canonical_json, sha256_hex
from pressrun.runner.journal import Journal

# Words that name files, sizes and samplers are short and needed; prose is neither.
_PLAIN_LIMIT = 32
# Events that the container's log has too, as one JSON line each: CloudWatch's metric filters read nothing else.
TOLD = frozenset({"engine_started", "engine_stopped", "error", "lost", "restart", "retry", "warmed_up"})


def now_iso() -> str:
    """UTC, to the millisecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """Writes events to a journal. `text` True keeps texts as they are."""

    def __init__(self, journal: Journal, *, job: str, host: str, text: bool) -> None:
        self._journal, self._job, self._host, self._text = journal, job, host, text

    def write(self, event: str, **fields: Any) -> None:
        """One event: its name, time, job and host, and whatever else is known; None is left out."""
        known = {name: self._shown(name, value) for name, value in fields.items() if value is not None}
        line = {"event": event, "at": now_iso(), "job": self._job, "host": self._host, **known}
        data = canonical_json(line)
        self._journal.add(data + b"\n")
        if event in TOLD:
            print(data.decode(), flush=True)

    def _shown(self, name: str, value: Any) -> Any:
        return value if self._text or name != "params" else redact(value)


def redact(value: Any) -> Any:
    """Parameters without prose: a text with spaces or more than 32 characters becomes its length and digest."""
    if isinstance(value, dict):
        return {key: redact(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [redact(part) for part in value]
    if isinstance(value, str) and (len(value) > _PLAIN_LIMIT or " " in value or not value.isascii()):
        return {"length": len(value), "sha256": sha256_hex(value.encode())[:16]}
    return value

"""include/policy/prices.yaml: USD by instance hour and by GB and month, each with its source and date.

The file is people's, so it is changed line by line: comments, order and everything that is not a price stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from pressrun.core.errors import InputError
from pressrun.core.price_list import Offered, Offers

FILE = "policy/prices.yaml"
STORAGE = "storage"
_ENTRY = re.compile(r"^(?P<indent> +)(?P<name>ml\.[\w.-]+):(?P<value>.*)$")
_TAIL = re.compile(r"\}(?P<comment>\s+#.*)?$")


class _Entry(BaseModel):
    model_config = {"extra": "forbid", "frozen": True}

    source: str = ""
    date: str = ""

    @field_validator("date", mode="before")
    @classmethod
    def _day(cls, value: Any) -> str:
        return str(value)

    def told(self) -> str:
        """The source with its date."""
        return f"{self.source or FILE}, {self.date or 'no date'}"


class InstancePrice(_Entry):
    usd_per_hour: float = Field(ge=0)


class StoragePrice(_Entry):
    usd_per_gb_month: float = Field(ge=0)


class PriceFile(BaseModel):
    """The whole file. `region` is where the prices hold."""

    model_config = {"extra": "forbid", "frozen": True}

    region: str = "us-east-1"
    instances: dict[str, InstancePrice] = Field(default_factory=dict)
    storage: StoragePrice | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One price in the file. `after` is None where AWS offers no such thing; it is then left as it was."""

    name: str
    before: float | None
    after: Offered | None

    def sentence(self) -> str:
        """`ml.g5.xlarge: $1.408 → $1.41`."""
        was = "not listed" if self.before is None else f"${self.before:g}"
        if self.after is None:
            return f"{self.name}: {was}, not offered there: left as it is"
        if self.before == self.after.usd:
            return f"{self.name}: {was}, confirmed"
        return f"{self.name}: {was} → ${self.after.usd:g}"


def parse_prices(data: bytes, *, file: str = FILE) -> PriceFile:
    """Read prices.yaml; InputError names the wrong entry."""
    try:
        raw = yaml.safe_load(data) or {}
        if isinstance(raw, dict):
            raw["instances"] = raw.get("instances") or {}
        return PriceFile.model_validate(raw)
    except yaml.YAMLError as exc:
        raise InputError(f"not YAML: {exc}", where=file, remedy="fix the syntax") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        place = "/" + "/".join(map(str, first["loc"]))
        remedy = "each instance type has usd_per_hour, source and date"
        raise InputError(f"{place}: {first['msg']}", where=file, remedy=remedy) from exc


def changes_of(prices: PriceFile, offers: Offers, *, add: Sequence[str] = ()) -> list[Change]:
    """What a refresh would do: every listed price, then those to add, then storage."""
    found = [Change(name, entry.usd_per_hour, offers.instances.get(name)) for name, entry in prices.instances.items()]
    found += [Change(name, None, offers.instances.get(name)) for name in add if name not in prices.instances]
    if offers.storage is not None:
        was = prices.storage.usd_per_gb_month if prices.storage else None
        found.append(Change(STORAGE, was, offers.storage))
    return found


def rewritten(text: str, changes: Sequence[Change], *, region: str, today: date) -> str:
    """The file with the new prices in their lines. What is not offered keeps its line."""
    wanted = {change.name: change.after for change in changes if change.after is not None}
    lines, done = _replaced(text.splitlines(), wanted, today=today)
    lines = [f"region: {region}" if re.match(r"region:", line) else line for line in lines]
    if not any(re.match(r"region:", line) for line in lines):
        lines.insert(0, f"region: {region}")
    missing = [name for name in wanted if name not in done and name != STORAGE]
    if missing:
        if "instances:" not in [line.rstrip() for line in lines]:
            lines.append("instances:")
        start = next(number for number, line in enumerate(lines) if line.rstrip() == "instances:") + 1
        ended = (at for at in range(start, len(lines)) if lines[at] and not lines[at].startswith((" ", "#")))
        end = next(ended, len(lines))
        lines[end:end] = [f"  {name}: {_value(name, wanted[name], today)}" for name in missing]
    if STORAGE in wanted and STORAGE not in done:
        lines.append(f"{STORAGE}: {_value(STORAGE, wanted[STORAGE], today)}")
    return "\n".join(lines) + "\n"


def _replaced(lines: Sequence[str], wanted: Mapping[str, Offered], *, today: date) -> tuple[list[str], set[str]]:
    """The lines with new values, and the names that were there. An entry over several lines becomes one."""
    kept: list[str] = []
    done: set[str] = set()
    skip: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if skip is not None and line.strip() and indent > skip:
            continue
        skip = None
        entry = _ENTRY.match(line)
        name = entry["name"] if entry else STORAGE if re.match(rf"{STORAGE}:", line) else ""
        if name not in wanted:
            kept.append(line)
            continue
        done.add(name)
        skip = indent
        comment = _TAIL.search(line)
        tail = (comment["comment"] or "") if comment else ""
        kept.append(f"{' ' * indent}{name}: {_value(name, wanted[name], today)}{tail}")
    return kept, done


def _value(name: str, offered: Offered, today: date) -> str:
    unit = "usd_per_gb_month" if name == STORAGE else "usd_per_hour"
    return f'{{{unit}: {offered.usd:g}, source: "{offered.source}", date: {today.isoformat()}}}'

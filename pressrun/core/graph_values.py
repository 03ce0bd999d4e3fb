"""Whether a value may stand in a declared input: type, choice, range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pressrun.core.node_info import DeclaredInput
from pressrun.core.params_validator import nearest


@dataclass(frozen=True, slots=True)
class ValueFault:
    """What is wrong with a value, as the parts of a finding."""

    code: str
    message: str
    remedy: str


def value_fault(spec: DeclaredInput, value: Any) -> ValueFault | None:
    """The first rule that the value breaks, or None. Stricter than ComfyUI, which makes a number of the text "30"."""
    if not _is_kind(spec, value):
        return ValueFault("input-type", f"{spec.name!r} takes {_words(spec)}, not {value!r}", "write such a value")
    if spec.options and value not in spec.options:
        near = nearest(str(value), tuple(map(str, spec.options)))
        shown = ", ".join(map(str, spec.options[:12])) + (", …" if len(spec.options) > 12 else "")
        return ValueFault("input-choice", f"{spec.name!r} has no choice {value!r}{near}", f"one of {shown}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low = -math.inf if spec.minimum is None else spec.minimum
        high = math.inf if spec.maximum is None else spec.maximum
        if not low <= value <= high:
            return ValueFault(
                "input-range", f"{spec.name!r} is {value!r}, ComfyUI takes {low} to {high}", "bring it into the range"
            )
    return None


def is_plain_name(name: Any) -> bool:
    """A file name, perhaps in sub-folders, that cannot leave its folder and has no control characters."""
    if not isinstance(name, str) or not name or not name.isprintable() or ":" in name or "\\" in name:
        return False
    return all(part not in {"", ".", ".."} for part in name.split("/"))


def _is_kind(spec: DeclaredInput, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):
        return False
    if spec.kind == "INT":
        return number and value == int(value)
    if spec.kind == "FLOAT":
        return number
    kinds = {"BOOLEAN": bool, "STRING": str, "COLOR": str, "COMFY_DYNAMICCOMBO_V3": str}
    return isinstance(value, kinds.get(spec.kind, str | int | float | bool))


def _words(spec: DeclaredInput) -> str:
    words = {"INT": "a whole number", "FLOAT": "a number", "BOOLEAN": "true or false", "STRING": "a text"}
    return words.get(spec.kind, "one of its choices" if spec.options else "a text")

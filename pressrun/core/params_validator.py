"""Parameters against a contract's schema: a compiled validator for the verdict, jsonschema to word what is wrong.

Both follow JSON Schema 2020-12 with its numbers and patterns read exactly: 6.3 is a multiple of 0.1, `$` is the end of
the text and not the line break before it, `\\d` is 0 to 9, and what JSON cannot say (NaN, infinity) is no number.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonschema
import jsonschema_rs
from jsonschema import validators


class ParamsValidator:
    """Validates parameter objects against one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._worded = _Exact(dict(schema))
        self._compiled = jsonschema_rs.Draft202012Validator(dict(schema))

    def is_valid(self, params: Mapping[str, Any]) -> bool:
        """The verdict, in microseconds."""
        try:
            valid = bool(self._compiled.is_valid(params))
        except (ValueError, UnicodeEncodeError):  # bytes and the like meet no schema
            return False
        return valid and all(map(_is_json, params.values()))

    def is_valid_by_the_book(self, params: Mapping[str, Any]) -> bool:
        """The same verdict from the worded validator, slowly; tests hold the two against each other."""
        return _is_json(params) and bool(self._worded.is_valid(dict(params)))

    def violations(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(parameter, sentence) for everything that the schema does not allow; nothing where it is valid."""
        if self.is_valid(params):
            return
        told = False
        for name, value in params.items():
            if not _is_json(value):
                told = True
                yield name, f"{value!r} cannot be written as JSON"
        for error in sorted(self._worded.iter_errors(dict(params)), key=lambda found: list(map(str, found.path))):
            told = True
            yield from _sentences(error, self._properties)
        if not told:
            yield "", f"these parameters are not what the contract allows: {_compiled_error(self._compiled, params)}"


def nearest(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """ " (did you mean 'x'?)", or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _compiled_error(compiled: Any, params: Mapping[str, Any]) -> str:
    return "; ".join(str(error.message) for error in compiled.iter_errors(dict(params)))


def _encodes(text: str) -> bool:
    """False for lone surrogates, which the compiled validator lets pass inside an object."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_json(value: Any) -> bool:
    if value is None or isinstance(value, bool | int):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return value.isascii() or _encodes(value)
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(inner) for key, inner in value.items())
    return isinstance(value, list) and all(map(_is_json, value))


def _multiple_of(_: Any, step: Any, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return
    # Decimal's default context rounds long quotients; whether anything is left over is asked of integers instead.
    top, bottom = Decimal(repr(value)), Decimal(repr(step))
    scale = max(-int(top.as_tuple().exponent), -int(bottom.as_tuple().exponent), 0)
    if _scaled(top, scale) % _scaled(bottom, scale):
        yield jsonschema.ValidationError(f"{value!r} is not a multiple of {step}")


def _scaled(number: Decimal, scale: int) -> int:
    sign, digits, exponent = number.as_tuple()
    whole: int = int("".join(map(str, digits))) * 10 ** (int(exponent) + scale)
    return -whole if sign else whole


@functools.lru_cache(maxsize=512)
def _regex(pattern: str) -> re.Pattern[str]:
    """The pattern as JSON Schema reads it: in Python `$` also matches before a final line break."""
    return re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\$(?=$|\)|\|)", r"\1\\Z", pattern), re.ASCII)


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not _regex(pattern).search(value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Exact: Any = validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, validators={"multipleOf": _multiple_of, "pattern": _pattern}
)


def _sentences(error: jsonschema.ValidationError, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    parameter = str(error.path[0]) if error.path else ""
    limit: Any = error.validator_value
    given: Any = error.instance
    if error.validator == "additionalProperties":
        for name in sorted(set(given) - set(known)):
            yield name, f"unknown parameter {name!r}{nearest(name, known)}"
    elif error.validator == "required":
        missing = [name for name in limit if name not in given]
        for name in missing:
            yield name, f"parameter {name!r} is required and was not given"
    elif error.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        spec = known.get(parameter, {})
        yield parameter, f"{error.instance!r} is out of range {spec.get('minimum', '…')} to {spec.get('maximum', '…')}"
    elif error.validator == "enum":
        yield parameter, f"{error.instance!r} is not one of {', '.join(map(str, limit))}"
    elif error.validator == "type":
        yield parameter, f"{error.instance!r} is not of type {error.validator_value}"
    elif error.validator == "maxLength":
        yield parameter, f"is {len(str(error.instance))} characters long, at most {limit} are allowed"
    else:
        yield parameter, error.message

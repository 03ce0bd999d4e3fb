"""Parameter contracts: JSON Schema 2020-12 with `x-bind`, which names the node input each parameter drives.

    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
     "x-outputs": ["Save picture"],
     "properties": {
       "steps": {"type": "integer", "minimum": 4, "maximum": 50, "default": 30, "x-cost": true,
                 "x-bind": [{"node": "Sampler", "input": "steps"}]},
       "seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "x-seed": true, "x-bind": [{"class": "KSampler", "input": "seed"}]},
       "photo": {"type": "string", "x-asset": true, "x-bind": [{"node": "Product photo", "input": "image"}]}}}

With `"x-batch": {"node": "Empty latent", "input": "batch_size", "max": 4}` at its root, one prompt may make several items.
A node is named by its title (`node`) or, where there is one of its kind, by its class (`class`).
"""  # noqa: E501 - the example reads better unwrapped

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema

from pressrun.core.codec import digest_of
from pressrun.core.contract_fit import BATCH_PARAMETER, SEED_PARAMETER, ContractFit
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.graph import Graph, refuse_constants, refuse_duplicates
from pressrun.core.params_validator import ParamsValidator
from pressrun.core.targets import Binding

_INTEGER = re.compile(r"-?[0-9]{1,18}")
MAX_BYTES = 500_000


@dataclass(frozen=True)
class Contract:
    """A contract that fits its graph.

    `bindings` is keyed by parameter; the seed's key is always "seed", that of the batch size "x-batch".
    """

    schema: Mapping[str, Any]
    sha256: str
    bindings: Mapping[str, tuple[Binding, ...]]
    outputs: tuple[str, ...]
    assets: tuple[str, ...]
    seed_range: tuple[int, int]
    defaults: Mapping[str, Any]
    validator: ParamsValidator

    @property
    def batch_max(self) -> int:
        """Pictures that one prompt may make at most; 1 where the contract has no `x-batch`."""
        return int(self.schema[BATCH_PARAMETER]["max"]) if BATCH_PARAMETER in self.bindings else 1

    def types_of(self, parameter: str) -> tuple[str, ...]:
        """The JSON types the contract allows for a parameter."""
        kind = self.schema["properties"].get(parameter, {}).get("type", ())
        return (kind,) if isinstance(kind, str) else tuple(kind)

    def spec_of(self, parameter: str) -> Mapping[str, Any]:
        """A parameter's schema; the seed's under "seed", whatever the contract calls it."""
        properties: Mapping[str, Any] = self.schema["properties"]
        if parameter == BATCH_PARAMETER:
            return {"type": "integer", "minimum": 1, "maximum": self.batch_max, "x-cost": True}
        if parameter == SEED_PARAMETER:
            return next((spec for spec in properties.values() if spec.get("x-seed")), {})
        found: Mapping[str, Any] = properties[parameter]
        return found

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with the contract's defaults where nothing was given."""
        return {**self.defaults, **params}

    def violations(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(parameter, sentence) for everything in `params` that the contract does not allow."""
        return self.validator.violations(params)


def read_contract(data: bytes, graph: Graph, *, file: str, graph_file: str) -> Contract:
    """Parse a contract and fit it to its graph; FindingsError lists everything that does not fit."""
    contract, findings = scan_contract(data, graph, file=file, graph_file=graph_file)
    if contract is None:
        raise FindingsError.of(findings, subject=file)
    return contract


def scan_contract(data: bytes, graph: Graph, *, file: str, graph_file: str) -> tuple[Contract | None, list[Finding]]:
    """The contract, or None and everything that keeps it from fitting the graph."""
    schema, finding = _parsed(data, file)
    if finding is not None:
        return None, [finding]
    fit = ContractFit(schema, graph, file, graph_file)
    bindings = fit.bind()
    if fit.findings:
        return None, fit.findings
    properties = schema["properties"]
    seed: dict[str, Any] = next((spec for spec in properties.values() if spec.get("x-seed")), {})
    hidden = {name for name, spec in properties.items() if spec.get("x-seed") or spec.get("x-asset")}
    contract = Contract(
        schema=schema,
        sha256=digest_of(schema),
        bindings=bindings,
        outputs=fit.outputs,
        assets=tuple(name for name, spec in properties.items() if spec.get("x-asset")),
        seed_range=(int(seed.get("minimum", 0)), int(seed.get("maximum", 2**32 - 1))),
        defaults={name: s["default"] for name, s in properties.items() if "default" in s and name not in hidden},
        validator=ParamsValidator(_without_seed(schema)),
    )
    return contract, []


def _parsed(data: bytes, file: str) -> tuple[dict[str, Any], Finding | None]:
    def wrong(code: str, message: str, pointer: str | None = None) -> tuple[dict[str, Any], Finding]:
        return {}, Finding(code=code, message=message, place=Place(file=file, pointer=pointer))

    if len(data) > MAX_BYTES:
        return wrong("contract-size", f"{len(data)} bytes is too large for a contract (limit {MAX_BYTES})")
    try:
        schema = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=refuse_duplicates, parse_constant=refuse_constants
        )
        jsonschema.Draft202012Validator.check_schema(schema)
        digest_of(schema)
    except RecursionError:
        return wrong("contract-format", "nested too deeply for a contract")
    except (ValueError, TypeError) as exc:  # TypeError: numbers beyond 64 bits, halves of characters
        return wrong("contract-format", f"not JSON: {exc}")
    except jsonschema.SchemaError as exc:
        pointer = "/" + "/".join(str(part) for part in exc.absolute_path)
        return wrong("contract-schema", f"not a valid JSON Schema: {exc.message}", pointer)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return wrong("contract-format", "a contract is an object schema with `properties`")
    return schema, None


def _without_seed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that authored parameters must meet: the seed is derived, never authored."""
    seeds = {name for name, spec in schema["properties"].items() if spec.get("x-seed")}
    return {
        **schema,
        "properties": {name: spec for name, spec in schema["properties"].items() if name not in seeds},
        "required": [name for name in schema.get("required", ()) if name not in seeds],
    }


def coerce(value: Any, types: tuple[str, ...]) -> Any:
    """A table's text as the contract's type where that is exact ("30" → 30); everything else as it is."""
    if not isinstance(value, str) or "string" in types:
        return value
    text = value.strip()
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types:
        try:
            number = float(text)
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return value

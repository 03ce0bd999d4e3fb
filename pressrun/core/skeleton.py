"""A first contract for a graph: what people most likely want to set, in ComfyUI's types and near today's values.

It is a proposal. What only the team can decide is returned in words beside it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from pressrun.core.graph import Graph, ancestors, is_link, title_of
from pressrun.core.models import is_model_input
from pressrun.core.node_info import DeclaredInput, NodeCatalogue

_SEEDS = frozenset({"seed", "noise_seed"})
_COST = frozenset({"steps", "batch_size", "amount", "length"})
_SIZES = frozenset({"width", "height"})
_CHOICES = frozenset({"COMBO", "BOOLEAN", "COMFY_DYNAMICCOMBO_V3"})
MAX_SEED = 2**32 - 1


@dataclass
class Skeleton:
    """The proposed contract, and what is left to decide."""

    schema: dict[str, Any]
    decide: list[str] = field(default_factory=list)


def make_skeleton(graph: Graph, catalogue: NodeCatalogue, *, name: str) -> Skeleton:
    """A contract that fits the graph. Nodes are bound by title; titles that occur twice are left out and told."""
    return _Maker(graph, catalogue, name).make()


class _Maker:
    def __init__(self, graph: Graph, catalogue: NodeCatalogue, name: str) -> None:
        self.graph, self.catalogue, self.name = graph, catalogue, name
        self.titles: dict[str, list[str]] = {}
        for node_id in graph:
            self.titles.setdefault(title_of(graph, node_id), []).append(node_id)
        self.properties: dict[str, dict[str, Any]] = {}
        self.required: list[str] = []
        self.seeds: list[dict[str, str]] = []
        self.decide: list[str] = []
        self.left_out: list[str] = []

    def make(self) -> Skeleton:
        saving = [
            node_id
            for node_id, node in self.graph.items()
            if (known := self.catalogue.get(node["class_type"])) and known.saves
        ]
        reached = ancestors(self.graph, tuple(saving))
        for node_id in self.graph:
            if node_id in reached:
                self._node(node_id)
        if self.seeds:
            self.properties["seed"] = {
                "title": "Seed", "description": "Derived from the campaign's seed axes, never authored.",
                "type": "integer", "minimum": 0, "maximum": MAX_SEED, "default": 0, "x-seed": True,
                "x-bind": self.seeds,
            }  # fmt: skip
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name.replace("_", " ").capitalize(),
            "description": "What this workflow makes, in one sentence.",
            "type": "object",
            "additionalProperties": False,
            "required": self.required,
            "x-outputs": [title_of(self.graph, node_id) for node_id in saving],
            "properties": self.properties,
        }
        for title, ids in self.titles.items():
            if len(ids) > 1:
                self.decide.append(
                    f"{len(ids)} nodes are titled {title!r}: give each its own title, or bind none of them"
                )
        if self.left_out:
            self.decide.append(f"not offered as parameters, because artists decide them: {', '.join(self.left_out)}")
        self.decide.append("remove every parameter that nobody should set; rename the others as your team calls them")
        self.decide.append("write a sentence for people into each description, and into the contract's own")
        return Skeleton(schema, self.decide)

    def _node(self, node_id: str) -> None:
        node, title = self.graph[node_id], title_of(self.graph, node_id)
        known = self.catalogue.get(node["class_type"])
        if known is None or len(self.titles[title]) > 1:
            return
        declared = known.declared(node["inputs"])
        for name, value in node["inputs"].items():
            spec = declared.get(name)
            if spec is None or is_link(value) or name == "filename_prefix":
                continue
            target = {"node": title, "input": name}
            if name in _SEEDS:
                self.seeds.append(target)
            elif known.is_file(name):
                self._add(title, name, {"type": "string", "minLength": 1, "x-asset": True}, target, required=True)
            elif is_model_input(name, value) or spec.kind in _CHOICES or name == "batch_size":
                self.left_out.append(f"{name} of {title!r}")
            elif spec.kind in ("INT", "FLOAT"):
                self._add(title, name, self._number(title, spec, value), target)
            elif spec.kind in ("STRING", "COLOR") and isinstance(value, str):
                self._add(title, name, self._text(title, spec, value), target)

    def _text(self, title: str, spec: DeclaredInput, value: str) -> dict[str, Any]:
        if spec.kind == "COLOR":
            return {"type": "string", "pattern": "^#[0-9a-f]{6}$", "default": value.lower()}
        longest = max(200, -(-len(value) * 2 // 100) * 100)
        self.decide.append(f"{spec.name} of {title!r}: at most {longest} characters are proposed; is that right?")
        return {"type": "string", "maxLength": longest, "default": value}

    def _number(self, title: str, spec: DeclaredInput, value: Any) -> dict[str, Any]:
        low, high = _bounds(spec, value)
        self.decide.append(f"{spec.name} of {title!r}: {low} to {high} is proposed around today's {value}")
        schema: dict[str, Any] = {
            "type": "integer" if spec.kind == "INT" else "number", "minimum": low, "maximum": high, "default": value,
        }  # fmt: skip
        if spec.name in _SIZES and spec.kind == "INT" and value % 8 == 0:
            schema |= {"multipleOf": 8}
        if spec.name in _COST | _SIZES:
            schema |= {"x-cost": True}
        return schema

    def _add(
        self, title: str, name: str, schema: dict[str, Any], target: dict[str, str], *, required: bool = False
    ) -> None:
        words = [_slug(title)] if name in ("text", "image", "value") else [_slug(title), _slug(name)]
        parameter = "_".join(word for word in words if word) or _slug(name)
        if not parameter[0].isalpha():
            parameter = f"p_{parameter}"
        while parameter in self.properties or parameter == "seed":
            parameter += "_2"
        label = f"{title}: {name}"
        self.properties[parameter] = {"title": label, "description": f"{label}.", **schema, "x-bind": [target]}
        if required:
            self.required.append(parameter)


def _bounds(spec: DeclaredInput, value: Any) -> tuple[Any, Any]:
    """Half to double today's value within what the node takes; the node's own range where that is narrow."""
    low = -(2**31) if spec.minimum is None else spec.minimum
    high = 2**31 if spec.maximum is None else spec.maximum
    if high - low > 100 or spec.name in _COST | _SIZES:
        nearest, farthest = sorted((value / 2, value * 2))
        if spec.name in _SIZES and value % 8 == 0:
            nearest = nearest // 8 * 8
        low, high = max(low, nearest), min(high, farthest if value else 100)
    return (int(low), int(high)) if spec.kind == "INT" else (round(float(low), 3), round(float(high), 3))


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40]

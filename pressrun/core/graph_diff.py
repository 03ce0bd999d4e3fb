"""What changed between two versions of a workflow, in the words an artist would use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pressrun.core.graph import Graph, is_link, title_of

_BOUNDS = {
    "minimum": "lowest value allowed", "maximum": "highest value allowed", "default": "default",
    "maxLength": "longest text allowed", "minLength": "shortest text allowed", "enum": "choices",
    "multipleOf": "step", "pattern": "allowed form", "type": "type",
}  # fmt: skip


def describe_changes(
    before: Graph, after: Graph, *, contract_before: Mapping[str, Any], contract_after: Mapping[str, Any]
) -> list[str]:
    """Sentences, graph first. Nodes are the same where their titles are; node ids do not count. Empty: no change."""
    return [*_graph(before, after), *_contract(contract_before, contract_after)]


def _names(graph: Graph) -> dict[str, str]:
    """A name for each node id: the title, numbered where several share it."""
    seen: dict[str, int] = {}
    names = {}
    for node_id in graph:
        title = title_of(graph, node_id)
        seen[title] = seen.get(title, 0) + 1
        names[node_id] = title if seen[title] == 1 else f"{title} ({seen[title]})"
    return names


def _graph(before: Graph, after: Graph) -> Iterator[str]:
    old, new = _names(before), _names(after)
    old_ids, new_ids = {name: one for one, name in old.items()}, {name: one for one, name in new.items()}
    for name in old_ids:
        if name not in new_ids:
            yield f"'{name}' ({before[old_ids[name]]['class_type']}) was removed."
    for name, node_id in new_ids.items():
        node = after[node_id]
        if name not in old_ids:
            yield f"'{name}' ({node['class_type']}) was added."
            continue
        was = before[old_ids[name]]
        if was["class_type"] != node["class_type"]:
            yield f"'{name}' is now a {node['class_type']}; it was a {was['class_type']}."
        for key in dict.fromkeys([*was["inputs"], *node["inputs"]]):
            one, two = _shown(was["inputs"], key, old), _shown(node["inputs"], key, new)
            if one == two:
                continue
            if is_link(node["inputs"].get(key)) or is_link(was["inputs"].get(key)):
                yield f"'{name}' now takes its {_words(key)} from {two or 'nowhere'}; it was {one or 'nothing'}."
            else:
                yield f"'{name}': {_words(key)} changed from {one or 'nothing'} to {two or 'nothing'}."


def _shown(inputs: Mapping[str, Any], key: str, names: Mapping[str, str]) -> str:
    if key not in inputs:
        return ""
    value = inputs[key]
    if is_link(value):
        slot = f" (output {value[1] + 1})" if value[1] else ""
        return f"'{names.get(value[0], value[0])}'{slot}"
    return f"“{value}”" if isinstance(value, str) else str(value)


def _contract(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get("properties", {}), after.get("properties", {})
    for name in old:
        if name not in new:
            yield f"Parameter {name} can no longer be set."
    for name, spec in new.items():
        if name not in old:
            yield f"Parameter {name} can be set now{_range(spec)}."
            continue
        for key, words in _BOUNDS.items():
            if old[name].get(key) != spec.get(key):
                yield f"Parameter {name}: {words} changed from {_value(old[name].get(key))} to {_value(spec.get(key))}."
        if old[name].get("x-bind") != spec.get("x-bind"):
            yield f"Parameter {name} now drives {_targets(spec)}; it drove {_targets(old[name])}."
    for name in sorted(set(after.get("required", ())) ^ set(before.get("required", ()))):
        if name in new and name in old:
            yield f"Parameter {name} is {'now' if name in after.get('required', ()) else 'no longer'} required."
    if before.get("x-outputs") != after.get("x-outputs"):
        now, was = _value(after.get("x-outputs")), _value(before.get("x-outputs"))
        yield f"The pictures now come from {now}; they came from {was}."
    if before.get("x-batch") != after.get("x-batch"):
        yield f"One prompt can now make {_batch(after)}; it could make {_batch(before)}."


def _batch(contract: Mapping[str, Any]) -> str:
    spec = contract.get("x-batch")
    return f"{spec['max']} pictures, by {_targets({'x-bind': [spec]})}" if spec else "one picture"


def _range(spec: Mapping[str, Any]) -> str:
    if "minimum" in spec and "maximum" in spec:
        return f", from {spec['minimum']} to {spec['maximum']}"
    return f", one of {_value(spec['enum'])}" if "enum" in spec else ""


def _targets(spec: Mapping[str, Any]) -> str:
    found = [f"{_words(target['input'])} of '{target.get('node', target.get('class'))}'" for target in spec["x-bind"]]
    return " and ".join(found)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _words(name: str) -> str:
    known = {"cfg": "guidance", "ckpt_name": "checkpoint", "sampler_name": "sampler", "latent_image": "latent picture"}
    return known.get(name, name.replace("_", " "))

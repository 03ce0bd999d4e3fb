"""One good workflow, and ways to spoil it."""

from __future__ import annotations

import copy
import functools
import json
from importlib import resources
from pathlib import Path
from typing import Any

from pressrun.core.contract import scan_contract
from pressrun.core.contract_checks import check_contract
from pressrun.core.findings import Finding
from pressrun.core.graph import scan_graph
from pressrun.core.graph_checks import Rules, check_graph
from pressrun.core.mutation import check_mutations
from pressrun.core.node_info import read_object_info
from pressrun.core.node_policy import parse_node_policy
from pressrun.core.plan import WorkflowBundle

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "workflows"
GRAPH: dict[str, Any] = json.loads((DATA / "hero.api.json").read_bytes())
SCHEMA: dict[str, Any] = json.loads((DATA / "hero.schema.json").read_bytes())


@functools.cache
def rules() -> Rules:
    """The packaged record of ComfyUI's nodes with the project's own policy."""
    info = (resources.files("pressrun.proof") / "object_info.json").read_bytes()
    policy = (ROOT / "include" / "policy" / "nodes.yaml").read_bytes()
    return Rules(read_object_info(info, file="object_info.json"), parse_node_policy(policy, file="nodes.yaml"))


def graph() -> dict[str, Any]:
    return copy.deepcopy(GRAPH)


def schema() -> dict[str, Any]:
    return copy.deepcopy(SCHEMA)


def encoded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def findings(graph_data: Any, schema_data: Any = None) -> list[Finding]:
    """Everything that the checks say of these files."""
    made, found = scan_graph(encoded(graph_data), file="g.api.json")
    if made is None:
        return found
    contract, faults = scan_contract(
        encoded(SCHEMA if schema_data is None else schema_data), made, file="g.schema.json", graph_file="g.api.json"
    )
    if contract is None:
        return check_graph(made, rules(), file="g.api.json") + faults
    found = check_graph(made, rules(), file="g.api.json", outputs=contract.outputs)
    found += check_contract(contract, made, rules(), file="g.schema.json")
    if errors(found):
        return found
    bundle = WorkflowBundle(
        name="hero", graph=made, graph_sha256="0", contract_sha256="0", bindings=dict(contract.bindings),
        outputs=contract.outputs,
    )  # fmt: skip
    return found + check_mutations(bundle, contract, file="g.schema.json")


def errors(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity == "error"]


def put(target: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set target["a"]["b"] for the path "a/b"; `...` removes it."""
    *parents, leaf = path.split("/")
    for parent in parents:
        target = target[int(parent)] if isinstance(target, list) else target[parent]
    if value is ...:
        del target[leaf]
    else:
        target[leaf] = value
    return target

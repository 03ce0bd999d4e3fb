"""The library of workflows in include/: which versions there are, what they are, and everything wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from pressrun.core.campaign import PressKind
from pressrun.core.codec import digest_of, sha256_hex
from pressrun.core.contract import Contract, scan_contract
from pressrun.core.contract_checks import check_contract
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.graph import scan_graph
from pressrun.core.graph_checks import Rules, check_graph
from pressrun.core.models import LOCK_FILE, read_models_lock
from pressrun.core.mutation import check_mutations
from pressrun.core.node_info import NodeCatalogue, read_object_info
from pressrun.core.node_policy import NodePolicy, parse_node_policy
from pressrun.core.params_validator import nearest
from pressrun.core.plan import WorkflowBundle
from pressrun.core.pools import Pool, parse_pools
from pressrun.core.prompt_policy import PromptPolicy, parse_prompt_policy
from pressrun.core.releases import Registry, Release, parse_reference, parse_registry

OBJECT_INFO = "object_info.json"
REGISTRY = "workflows/registry.yaml"
_FILE = re.compile(r"(?P<name>[^@]+?)(?:@(?P<version>[0-9]+))?\.api\.json")
Read = Callable[[Path], bytes]


@dataclass(frozen=True)
class WorkflowVersion:
    """One version on disk. `stem` is the files' name without suffix ("product_hero@3")."""

    name: str
    version: int
    stem: str
    graph: Path
    contract: Path


@dataclass(frozen=True)
class LoadedWorkflow:
    """A version that was read and checked. `bundle` and `contract` are there unless it cannot be compiled at all."""

    version: WorkflowVersion
    release: Release
    findings: tuple[Finding, ...]
    bundle: WorkflowBundle | None = None
    contract: Contract | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


class Library:
    """include/workflows with include/params, the policies, and the record of ComfyUI's node classes."""

    def __init__(self, include: Path, read: Read = Path.read_bytes, *, broken: frozenset[str] = frozenset()) -> None:
        """`broken` names shared files that somebody found unreadable and told: they count as absent."""
        self.include, self._read, self._broken = include, read, broken

    def shared(self, name: str) -> bytes | None:
        """A file that serves all workflows, by its path in include/; None where there is none."""
        path = self.include / name
        return self._read(path) if name not in self._broken and path.is_file() else None

    @cached_property
    def catalogue(self) -> NodeCatalogue:
        """include/object_info.json where this project has its own record, else the one in the package."""
        own = self.shared(OBJECT_INFO)
        if own is not None:
            return read_object_info(own, file=OBJECT_INFO)
        packaged = (resources.files("pressrun.proof") / OBJECT_INFO).read_bytes()
        return read_object_info(packaged, file=f"pressrun/proof/{OBJECT_INFO}")

    @cached_property
    def rules(self) -> Rules:
        nodes, lock = self.shared("policy/nodes.yaml"), self.shared(LOCK_FILE)
        return Rules(
            catalogue=self.catalogue,
            policy=NodePolicy() if nodes is None else parse_node_policy(nodes, file="policy/nodes.yaml"),
            models=None if lock is None else read_models_lock(lock, file=LOCK_FILE),
        )

    @cached_property
    def registry(self) -> Registry | None:
        """The releases; None where the project keeps none: then every workflow counts as released."""
        data = self.shared(REGISTRY)
        return None if data is None else parse_registry(data, file=REGISTRY)

    @cached_property
    def prompt_policy(self) -> PromptPolicy:
        """The prompt policy; an empty one where the project has none."""
        data = self.shared("policy/prompts.yaml")
        return PromptPolicy() if data is None else parse_prompt_policy(data, file="policy/prompts.yaml")

    def pool(self, stem: str) -> Pool | None:
        """Where the workflow's final press runs; None where the project names no pools."""
        data = self.shared("policy/pools.yaml")
        return None if data is None else parse_pools(data, file="policy/pools.yaml").of(stem)

    def versions(self) -> list[WorkflowVersion]:
        """Every version on disk, by name and number."""
        found = []
        for path in (self.include / "workflows").glob("*.api.json"):
            match = _FILE.fullmatch(path.name)
            if match:
                stem = path.name.removesuffix(".api.json")
                contract = self.include / "params" / f"{stem}.schema.json"
                found.append(WorkflowVersion(match["name"], int(match["version"] or 1), stem, path, contract))
        return sorted(found, key=lambda version: (version.name, version.version, version.stem))

    def find(self, reference: str) -> WorkflowVersion:
        """The version that NAME or NAME@VERSION stands for. InputError says which there are."""
        name, number = parse_reference(reference)
        everything = self.versions()
        here = {version.version: version for version in everything if version.name == name}
        if not here:
            names = tuple(sorted({version.name for version in everything}))
            raise InputError(
                f"there is no workflow {name!r}{nearest(name, names)}", where="include/workflows",
                remedy=f"workflows there: {', '.join(names) or 'none'}",
            )  # fmt: skip
        chosen = number or (self.registry or Registry()).newest(name, tuple(here))
        if chosen not in here:
            raise InputError(
                f"there is no version {chosen} of workflow {name!r}", where="include/workflows",
                remedy=f"versions there: {', '.join(map(str, here))}",
            )  # fmt: skip
        return here[chosen]

    def load(self, reference: str) -> LoadedWorkflow:
        """Read and check one version. Files that are not there raise as `read` does; all else is a finding."""
        return self.load_version(self.find(reference))

    def load_version(self, version: WorkflowVersion) -> LoadedWorkflow:
        release = self._release(version)
        graph_file, contract_file = f"workflows/{version.graph.name}", f"params/{version.contract.name}"
        data = self._read(version.graph)
        graph, findings = scan_graph(data, file=graph_file)
        if graph is None:
            return LoadedWorkflow(version, release, tuple(findings))
        if not version.contract.is_file():
            findings.append(
                Finding(
                    code="contract-missing", message="the workflow has no parameter contract",
                    place=Place(file=contract_file), remedy=f"pressrun workflow add {version.graph.name} writes one",
                )
            )  # fmt: skip
            return LoadedWorkflow(version, release, (*findings, *check_graph(graph, self.rules, file=graph_file)))
        contract, faults = scan_contract(self._read(version.contract), graph, file=contract_file, graph_file=graph_file)
        if contract is None:
            return LoadedWorkflow(version, release, (*check_graph(graph, self.rules, file=graph_file), *faults))
        pool = self.pool(version.stem)
        bundle = WorkflowBundle(
            name=version.stem,
            graph=graph,
            graph_sha256=sha256_hex(data),
            contract_sha256=contract.sha256,
            bindings=dict(contract.bindings),
            outputs=contract.outputs,
            image=pool.image if pool else "",
        )
        found = [
            *check_graph(graph, self.rules, file=graph_file, outputs=contract.outputs),
            *check_contract(contract, graph, self.rules, file=contract_file),
        ]
        # A binding whose values the node refuses cannot be compiled and compared; say the cause, not the consequence.
        if not any(finding.severity == "error" for finding in found):
            found += check_mutations(bundle, contract, file=contract_file)
        found += self._drift(version, release, digest_of(graph), contract.sha256)
        return LoadedWorkflow(version, release, tuple(found), bundle, contract)

    def loaded(self, reference: str) -> tuple[LoadedWorkflow, WorkflowBundle, Contract]:
        """A version that can be compiled. FindingsError carries everything that keeps it from being so."""
        found = self.load(reference)
        if found.bundle is None or found.contract is None:
            raise FindingsError.of(found.findings, subject=found.version.stem)
        return found, found.bundle, found.contract

    def _release(self, version: WorkflowVersion) -> Release:
        if self.registry is None:
            return Release(state="released")
        return self.registry.release(version.name, version.version)

    def _drift(self, version: WorkflowVersion, release: Release, graph: str, contract: str) -> list[Finding]:
        changed = [
            what
            for what, then, now in (
                ("graph", release.graph_sha256, graph),
                ("contract", release.contract_sha256, contract),
            )
            if then and then != now
        ]
        return [
            Finding(
                code="release-changed", message=f"the {what} is not the one that was released as version "
                f"{version.version} of {version.name}", place=Place(file=f"workflows/{version.graph.name}"),
                remedy=f"a released version stays as it is: save yours as {version.name}@{version.version + 1}",
            )
            for what in changed
        ]  # fmt: skip


def for_press(found: LoadedWorkflow, press: PressKind) -> tuple[Finding, ...]:
    """The findings as this press judges them: a draft may only be proofed.

    Which models are locked is a question of the plan, which knows those that its items load; a proof loads none.
    """
    told = tuple(finding for finding in found.findings if finding.code != "model-unlocked")
    if press == "proof" or found.release.state == "released":
        return told
    version = found.version
    draft = Finding(
        code="release-draft", message=f"version {version.version} of {version.name} is a draft: proofs only",
        place=Place(file=f"workflows/{version.graph.name}"),
        remedy=f"pressrun workflow promote {version.name}@{version.version}, or pin a released version",
    )  # fmt: skip
    return (*told, draft)

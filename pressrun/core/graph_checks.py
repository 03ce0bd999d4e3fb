"""Checks of a graph against what ComfyUI declares and what policy allows: every rule, all findings at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pressrun.core.findings import Finding, Place, Severity
from pressrun.core.graph import Graph, ancestors, is_link, title_of
from pressrun.core.graph_values import is_plain_name, value_fault
from pressrun.core.model_file import ModelFile
from pressrun.core.models import BUILT_IN, is_model_input
from pressrun.core.node_info import UI_INPUTS, DeclaredInput, NodeCatalogue, NodeClass
from pressrun.core.node_policy import NodePolicy
from pressrun.core.params_validator import nearest


@dataclass(frozen=True)
class Rules:
    """What graphs are held against. `models` is None where the project has no models.lock yet."""

    catalogue: NodeCatalogue
    policy: NodePolicy = field(default_factory=NodePolicy)
    models: Mapping[str, ModelFile] | None = None


def check_graph(graph: Graph, rules: Rules, *, file: str, outputs: tuple[str, ...] | None = None) -> list[Finding]:
    """Everything that is wrong with a graph. `outputs` are the node ids that a contract expects to save pictures."""
    return _Check(graph, rules, file, outputs).run()


@dataclass
class _Check:
    graph: Graph
    rules: Rules
    file: str
    outputs: tuple[str, ...] | None
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> list[Finding]:
        catalogue = self.rules.catalogue
        saving = [node_id for node_id, node in self.graph.items() if _saves(catalogue.get(node["class_type"]))]
        reached = ancestors(self.graph, tuple(saving) + (self.outputs or ()))
        for node_id in self.graph:
            known = self._class(node_id)
            if known is not None:
                self._inputs(node_id, known)
            if node_id not in reached:
                self.say(
                    "node-unused", "no output depends on this node", node_id, "remove it, or connect it",
                    severity="warning",
                )  # fmt: skip
        self._outputs(saving)
        self._models(reached)
        return self.findings

    def say(
        self, code: str, message: str, node_id: str | None, remedy: str = "", name: str = "", *,
        severity: Severity = "error",
    ) -> None:  # fmt: skip
        pointer = None if node_id is None else f"/{node_id}" + (f"/inputs/{name}" if name else "")
        node = None if node_id is None else title_of(self.graph, node_id)
        place = Place(file=self.file, node=node, pointer=pointer)
        self.findings.append(Finding(code=code, message=message, place=place, remedy=remedy, severity=severity))

    def _class(self, node_id: str) -> NodeClass | None:
        name, policy = self.graph[node_id]["class_type"], self.rules.policy
        known = self.rules.catalogue.get(name)
        reason = policy.forbids(name, known)
        if reason is not None:
            self.say("node-forbidden", f"{name} is forbidden: {reason}", node_id, "leave it out of the graph")
        elif known is None:
            near = self.rules.catalogue.nearest(name)
            hint = f"did you mean {near!r}? " if near else ""
            self.say(
                "node-unknown", f"ComfyUI {self.rules.catalogue.version} as recorded has no node class {name!r}",
                node_id, f"{hint}if a newer server has it: pressrun workflow refresh",
            )  # fmt: skip
        elif policy.classes is not None and name not in policy.classes:
            self.say(
                "node-not-allowed", f"{name} is not among the allowed node classes", node_id,
                "ask for it to be added to include/policy/nodes.yaml",
            )  # fmt: skip
        return known

    def _inputs(self, node_id: str, known: NodeClass) -> None:
        values = self.graph[node_id]["inputs"]
        declared = known.declared(values)
        for name, value in values.items():
            if name in declared:
                self._input(node_id, known, declared[name], value)
            elif name not in UI_INPUTS:
                near = nearest(name, declared)
                self.say(
                    "input-unknown", f"{known.name} declares no input {name!r}{near}; ComfyUI ignores it", node_id,
                    f"remove it; {known.name} has {', '.join(declared) or 'no inputs'}", name,
                )  # fmt: skip
        for name, spec in declared.items():
            if spec.required and name not in values:
                self.say("input-missing", f"{known.name} needs an input {name!r}", node_id, "connect or fill it", name)

    def _input(self, node_id: str, known: NodeClass, spec: DeclaredInput, value: Any) -> None:
        if is_link(value):
            self._link(node_id, spec, value)
        elif isinstance(value, list | dict):
            self.say(
                "link-form", f"{spec.name!r} is neither a value nor a link [node id, slot]", node_id,
                "export the graph again from ComfyUI", spec.name,
            )  # fmt: skip
        elif not spec.takes_value:
            self.say("input-needs-link", f"{spec.name!r} takes a {spec.kind} from another node, not a value", node_id,
                     "connect it in ComfyUI", spec.name)  # fmt: skip
        elif known.is_file(spec.name):
            if not is_plain_name(value) or "/" in str(value):
                self.say("file-name", f"{value!r} is not a plain file name", node_id, "name the file alone", spec.name)
        elif spec.name == "filename_prefix":
            if not isinstance(value, str) or (value and not is_plain_name(value)):
                self.say("output-prefix", f"{value!r} could leave the output folder", node_id, "use a plain word",
                         spec.name)  # fmt: skip
        elif is_model_input(spec.name, value):
            return  # the recorded lists are those of a server without models; models.lock is the list
        elif (fault := value_fault(spec, value)) is not None:
            self.say(fault.code, fault.message, node_id, fault.remedy, spec.name)

    def _link(self, node_id: str, spec: DeclaredInput, value: list[Any]) -> None:
        source, slot = value
        known = self.rules.catalogue.get(self.graph[source]["class_type"])
        if known is None:
            return
        title = title_of(self.graph, source)
        if not 0 <= slot < len(known.outputs):
            self.say(
                "link-slot", f"{spec.name!r} is linked to slot {slot} of {title!r}, which has {len(known.outputs)}",
                node_id, "connect it again in ComfyUI", spec.name,
            )  # fmt: skip
        elif not _fits(known.outputs[slot], spec.kind):
            right = [
                title_of(self.graph, other) for other in self.graph if other != node_id and self._gives(other, spec)
            ]
            hint = f"; {', '.join(map(repr, right[:5]))} would fit" if right else ""
            self.say(
                "link-type", f"{spec.name!r} takes {spec.kind}, but {title!r} gives {known.outputs[slot]}", node_id,
                f"connect it to something that gives {spec.kind}{hint}", spec.name,
            )  # fmt: skip

    def _gives(self, node_id: str, spec: DeclaredInput) -> bool:
        known = self.rules.catalogue.get(self.graph[node_id]["class_type"])
        return known is not None and any(_fits(kind, spec.kind) for kind in known.outputs)

    def _outputs(self, saving: list[str]) -> None:
        if not saving:
            self.say("output-none", "nothing in this graph saves a picture", None, "end it in a Save Image node")
        for node_id in self.outputs or ():
            if node_id not in saving and self.rules.catalogue.get(self.graph[node_id]["class_type"]) is not None:
                self.say(
                    "output-not-saving", "named in x-outputs, but it saves nothing", node_id,
                    f"name one of {', '.join(repr(title_of(self.graph, one)) for one in saving) or 'none here'}",
                )  # fmt: skip
        for node_id in saving if self.outputs is not None else ():
            if node_id not in (self.outputs or ()):
                self.say(
                    "output-extra", "saves or shows something that the contract does not expect", node_id,
                    "name it in x-outputs, or remove the node",
                )  # fmt: skip

    def _models(self, reached: set[str]) -> None:
        named = [
            (node_id, name, value)
            for node_id in self.graph
            if node_id in reached
            for name, value in self.graph[node_id]["inputs"].items()
            if is_model_input(name, value) and not isinstance(value, list | dict) and value not in BUILT_IN
        ]
        for node_id, name, value in named:
            if not is_plain_name(value):
                self.say("model-name", f"{value!r} is no plain model name", node_id, "name a file of models.lock", name)
            elif self.rules.models is None:
                self.say(
                    "model-unlocked", f"model {value!r} is not locked: there is no include/models.lock", node_id,
                    "write models.lock before a final run: name, sha256, licence", name, severity="warning",
                )  # fmt: skip
            elif value not in self.rules.models:
                near = nearest(value, tuple(self.rules.models))
                self.say(
                    "model-unlocked", f"model {value!r} is not in models.lock{near}", node_id,
                    "add it before a final run: pressrun models add", name, severity="warning",
                )  # fmt: skip


def _saves(known: NodeClass | None) -> bool:
    return known is not None and known.saves


def _fits(given: str, taken: str) -> bool:
    if "*" in (given, taken):
        return True
    return bool(set(given.split(",")) & set(taken.split(",")))

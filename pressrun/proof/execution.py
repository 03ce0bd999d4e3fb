"""Running one prompt: order, cache, events, errors. Pure apart from the callbacks it is given."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import UnidentifiedImageError

from pressrun.proof import nodeinfo
from pressrun.proof.cache import NodeResult, ResultCache, is_link, node_keys
from pressrun.proof.drawing.context import Interrupted, NodeContext
from pressrun.proof.drawing.registry import function_of, is_drawing
from pressrun.proof.faults import Faults, OutOfMemoryError
from pressrun.proof.files import Folders, OutsideOutputError, digest_of_file, find_input
from pressrun.proof.queue import Item

Send = Callable[[str, dict[str, Any], str | None], None]


@dataclass(slots=True)
class Engine:
    """What a prompt runs on: folders, cache, faults, latency, the way to the sockets, the interrupt flag."""

    folders: Folders
    cache: ResultCache
    faults: Faults
    send: Send
    interrupted: Callable[[], bool]
    at_node: Callable[[str | None], None]
    latency: float = 0.0


def now() -> int:
    """Milliseconds, as in the server's messages."""
    return time.time_ns() // 1_000_000


def fingerprint(folders: Folders) -> Callable[[str, Mapping[str, Any]], str]:
    """What file nodes depend on besides their inputs: the bytes of the file they name."""

    def of(class_type: str, inputs: Mapping[str, Any]) -> str:
        if (class_type, "image") not in nodeinfo.FILE_INPUTS:
            return ""
        path = find_input(folders, inputs.get("image"))
        return digest_of_file(path) if path else "absent"

    return of


@dataclass(slots=True)
class Execution:
    """One prompt on its way. After `run`, `status` is what /history shows and `ui` the outputs written."""

    engine: Engine
    item: Item
    ui: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[list[Any]] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, NodeResult] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    success: bool = False

    @property
    def client_id(self) -> str | None:
        client: str | None = self.item.extra_data.get("client_id")
        return client

    def run(self) -> dict[str, Any]:
        """Run to the end and return the history record, without its `prompt` member."""
        self._note("execution_start", {"prompt_id": self.item.prompt_id})
        self.engine.faults.begin_prompt()
        keys = node_keys(self.item.graph, fingerprint(self.engine.folders))
        needed = self._order()
        cached = [node for node in needed if (found := self.engine.cache.get(keys[node])) and self._reuse(node, found)]
        ordered = [node for node in self.item.graph if node in set(cached)]
        self._note("execution_cached", {"nodes": ordered, "prompt_id": self.item.prompt_id})
        for node in (node for node in needed if node in self.results and self.results[node].ui is not None):
            self._show(node, self.results[node])
            self._progress_state(node, 1, 1, "finished")
        current = ""
        try:
            for current in (node for node in needed if node not in self.results):
                self._run_node(current, keys[current], needed)
            self.success = True
            self._note("execution_success", {"prompt_id": self.item.prompt_id})
        except Interrupted:
            self._stopped(current)
        except Exception as exc:
            self._failed(current, exc)
        return self._record()

    def _reuse(self, node: str, found: NodeResult) -> bool:
        self.results[node] = found
        return True

    def _order(self) -> list[str]:
        """Nodes that the outputs need, each after what it needs. No recursion: a chain of 5000 nodes is legal."""
        order: dict[str, None] = {}
        stack = [(output, False) for output in reversed(self.item.outputs)]
        while stack:
            node, ready = stack.pop()
            if node in order:
                continue
            if ready:
                order[node] = None
                continue
            stack.append((node, True))
            links = [value[0] for value in self.item.graph[node]["inputs"].values() if is_link(value)]
            stack.extend((source, False) for source in reversed(links) if source not in order)
        return list(order)

    def _run_node(self, node: str, key: str, needed: list[str]) -> None:
        if self.engine.interrupted():
            raise Interrupted
        class_type = self.item.graph[node]["class_type"]
        self._progress_state(node, 0.0, 1.0, "running")
        self.engine.at_node(node)
        self._tell("executing", {"node": node, "display_node": node, "prompt_id": self.item.prompt_id})
        context = self._context(node, class_type, needed)
        if is_drawing(class_type) or nodeinfo.is_output(class_type):
            self.engine.faults.at_drawing()
        if nodeinfo.is_output(class_type) and not any(self._draws(other) for other in needed):
            context.wait(self.engine.latency)
        inputs, facts = self._inputs(node, class_type)
        context.facts = facts
        outcome = function_of(class_type)(context, inputs)
        result = NodeResult(outcome, context.ui, context.facts)
        self.results[node] = result
        self.executed.append(node)
        self.engine.cache.put(key, result)
        if result.ui is not None:
            self._show(node, result)
        last = self.states[node]
        done = last["max"] if last["value"] == last["max"] else 1.0
        self._progress_state(node, done, done, "finished")

    def _draws(self, node: str) -> bool:
        return is_drawing(self.item.graph[node]["class_type"])

    def _context(self, node: str, class_type: str, needed: list[str]) -> NodeContext:
        draws = [other for other in needed if self._draws(other)]
        return NodeContext(
            node_id=node,
            class_type=class_type,
            graph=self.item.graph,
            extra_data=self.item.extra_data,
            folders=self.engine.folders,
            latency=self.engine.latency / max(1, len(draws)),
            interrupted=self.engine.interrupted,
            progress=lambda value, maximum: self._step(node, value, maximum),
            before_write=self.engine.faults.at_write,
        )

    def _inputs(self, node: str, class_type: str) -> tuple[dict[str, Any], Any]:
        values: dict[str, Any] = {}
        facts = None
        for spec in nodeinfo.inputs_of(class_type):
            if "default" in spec.settings:
                values[spec.name] = spec.settings["default"]
        for name, value in self.item.graph[node]["inputs"].items():
            if is_link(value):
                source = self.results[value[0]]
                values[name] = source.values[value[1]]
                facts = facts or source.facts
            else:
                values[name] = value
        return values, facts

    def _step(self, node: str, value: int, maximum: int) -> None:
        self._progress_state(node, value, maximum, "running")
        data = {"value": value, "max": maximum, "prompt_id": self.item.prompt_id, "node": node}
        self.engine.send("progress", data, self.client_id)

    def _show(self, node: str, result: NodeResult) -> None:
        self.ui[node] = result.ui or {}
        data = {"node": node, "display_node": node, "output": result.ui, "prompt_id": self.item.prompt_id}
        self._tell("executed", data)

    def _progress_state(self, node: str, value: float, maximum: float, state: str) -> None:
        self.states[node] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": node,
            "prompt_id": self.item.prompt_id,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }
        self.engine.send("progress_state", {"prompt_id": self.item.prompt_id, "nodes": self.states}, self.client_id)

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        """To the client that posted the prompt; to nobody if it gave no id."""
        if self.client_id is not None:
            self.engine.send(event, data, self.client_id)

    def _note(self, event: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        data = {**data, "timestamp": now()}
        self.messages.append([event, data])
        if broadcast:
            self.engine.send(event, data, self.client_id)
        else:
            self._tell(event, data)

    def _stopped(self, node: str) -> None:
        data = {
            "prompt_id": self.item.prompt_id,
            "node_id": node,
            "node_type": self.item.graph[node]["class_type"],
            "executed": self.executed,
        }
        self._note("execution_interrupted", data, broadcast=True)

    def _failed(self, node: str, exc: Exception) -> None:
        data = {
            "prompt_id": self.item.prompt_id,
            "node_id": node,
            "node_type": self.item.graph[node]["class_type"],
            "executed": self.executed,
            "exception_message": f"{exc}\n" if not str(exc).endswith(("\n", "number.")) else str(exc),
            "exception_type": _type_name(exc),
            "traceback": traceback.format_tb(exc.__traceback__),
            "current_inputs": {
                name: ["linked"] if is_link(value) else [str(value)]
                for name, value in self.item.graph[node]["inputs"].items()
            },
            "current_outputs": list(self.item.graph),
        }
        self._note("execution_error", data)

    def _record(self) -> dict[str, Any]:
        meta = {
            node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node} for node in self.ui
        }
        status = "success" if self.success else "error"
        return {
            "outputs": self.ui,
            "status": {"status_str": status, "completed": self.success, "messages": self.messages},
            "meta": meta,
        }


def _type_name(exc: Exception) -> str:
    if isinstance(exc, OutOfMemoryError):
        return "torch.OutOfMemoryError"
    if isinstance(exc, OutsideOutputError):
        return "Exception"
    if isinstance(exc, UnidentifiedImageError):
        return "PIL.UnidentifiedImageError"
    kind = type(exc)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"

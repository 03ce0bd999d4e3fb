"""What can go wrong with a prompt or an engine, sorted into the few kinds that the runner acts on differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pressrun.core.errors import EngineError

FailureKind = Literal["engine", "validation", "out-of-memory", "timeout", "output", "input"]

# torch prints its allocator's words, the kernel and numpy theirs; the class name alone misses torch's AcceleratorError.
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "unable to allocate")
MESSAGE_LIMIT = 600


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a prompt failed. `kind` decides what happens next; `node` is the graph's node id, if one is to blame."""

    kind: FailureKind
    message: str
    node: str | None = None

    @property
    def retryable(self) -> bool:
        """False where the very same graph must fail the very same way."""
        return self.kind not in ("validation", "input")


class EngineGoneError(EngineError):
    """The engine's process or socket is gone; prompts in flight are lost and may be sent again."""


class EngineStalledError(EngineError):
    """The engine answers HTTP but its worker is silent although a prompt should run; only a restart helps."""


class PromptRefusedError(EngineError):
    """POST /prompt was refused, or accepted with node errors. `failure` says why."""

    def __init__(self, failure: Failure, *, where: str | None = None) -> None:
        super().__init__(failure.message, where=where)
        self.failure = failure


def is_out_of_memory(exception_type: str, message: str) -> bool:
    """True for torch.OutOfMemoryError (any alias), MemoryError, and allocators that only say so in words."""
    name = exception_type.rpartition(".")[2]
    text = message.lower()
    return name.endswith("OutOfMemoryError") or name == "MemoryError" or any(word in text for word in _MEMORY_WORDS)


def execution_failure(data: Mapping[str, Any]) -> Failure:
    """Classify the data of an `execution_error` message (or a job's `execution_error`)."""
    kind = str(data.get("exception_type") or "Exception")
    text = " ".join(str(data.get("exception_message") or "").split())
    node = data.get("node_id")
    named = f"{data.get('node_type')} (node {node}) raised {kind}" + (f": {text}" if text else "")
    return Failure(
        kind="out-of-memory" if is_out_of_memory(kind, text) else "engine",
        message=named[:MESSAGE_LIMIT],
        node=None if node is None else str(node),
    )


def refusal(status: int, body: Any) -> Failure | None:
    """Classify the answer to POST /prompt; None where the whole prompt was accepted.

    A 200 with node errors is a failure: the engine would run the other outputs and skip that one in silence.
    """
    if not isinstance(body, Mapping):
        return Failure(
            kind="validation",
            message=f"HTTP {status}, not JSON: is this a UI-format workflow instead of an API-format graph?",
        )
    node_errors = body.get("node_errors") or {}
    if status == 200 and not node_errors:
        return None
    for node, entry in node_errors.items():
        for error in entry.get("errors", ()):
            words = ": ".join(str(part) for part in (error.get("message"), error.get("details")) if part)
            text = f"{entry.get('class_type')} (node {node}): {words} [{error.get('type')}]"
            return Failure(kind="validation", message=text[:MESSAGE_LIMIT], node=str(node))
    error = body.get("error") or {}
    if isinstance(error, str):
        return Failure(kind="validation", message=f"HTTP {status}: {error}"[:MESSAGE_LIMIT])
    words = ": ".join(str(error[key]) for key in ("message", "details") if error.get(key))
    node = (error.get("extra_info") or {}).get("node_id")
    return Failure(
        kind="validation",
        message=f"{words or f'HTTP {status}'} [{error.get('type')}]"[:MESSAGE_LIMIT],
        node=None if node is None else str(node),
    )

"""The life of a prompt, as a pure state machine: feed it messages, get transitions.

                      POST /prompt
                           │ 200, no node errors            refused: never enters the book
                           ▼
        ┌───────────── QUEUED ──────────────┐
        │                  │ execution_start │ deleted, or the engine restarted:
        │                  ▼                 │ /api/jobs says "unknown"
        │   ┌────────── RUNNING ─────────────┤
        │   │              │ execution_success │ execution_error │ execution_interrupted
        │   │              ▼                 │
        │   │          JUDGED                │  the outcome is known, the history is not written yet
        │   │              │                 │
        │   │              │ executing {node: null, prompt_id}
        │   │              ▼                 ▼
        │   └────────► FINISHED            LOST   (the runner sends it again)
        │   reconcile:  ▲
        └── /api/jobs says completed, failed or cancelled

Facts behind it: `executing node:null` is the finish, sent alike after success, error and interrupt, so it says nothing
of the outcome; the outcome is the message before it. `execution_success` comes before the history entry exists. Files
named by `executed` are complete. After a reconnect `executing` may come without a prompt id, and nothing is replayed:
a prompt whose null comes without a known outcome, or after a gap, stays where it is and must be reconciled ("unsure").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal

from pressrun.comfy.errors import Failure, execution_failure
from pressrun.comfy.wire import JobView, Message, OutputRef, output_refs

Outcome = Literal["success", "error", "interrupted"]
Happening = Literal["started", "cached", "node", "executed", "progress", "judged", "finished", "lost", "unsure"]

_OUTCOMES: dict[str, Outcome] = {
    "execution_success": "success",
    "execution_error": "error",
    "execution_interrupted": "interrupted",
}


class PromptState(enum.Enum):
    """Where a prompt is; see the drawing above."""

    QUEUED = "queued"
    RUNNING = "running"
    JUDGED = "judged"
    FINISHED = "finished"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        return self in (PromptState.FINISHED, PromptState.LOST)


@dataclass(slots=True)
class Prompt:
    """One prompt in the book. Times are seconds of the clock that `feed` was given.

    `patchy`: messages may have been missed, so that outputs and outcome must be confirmed by the engine's books.
    """

    id: str
    state: PromptState = PromptState.QUEUED
    outcome: Outcome | None = None
    failure: Failure | None = None
    outputs: list[OutputRef] = field(default_factory=list)
    cached: tuple[str, ...] = ()
    node_seconds: dict[str, float] = field(default_factory=dict)
    queued_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    node: str | None = None
    patchy: bool = False
    patience: float = 0.0
    _node_since: float = 0.0
    _start_stamp: float | None = None

    def enter(self, node: str | None, now: float) -> None:
        """Note that another node runs from now on (None: none)."""
        if self.node is not None:
            self.node_seconds[self.node] = self.node_seconds.get(self.node, 0.0) + now - self._node_since
        self.node, self._node_since = node, now

    def begin(self, now: float, stamp: float | None) -> None:
        self.state, self.started_at, self._start_stamp = PromptState.RUNNING, now, stamp

    def judge(self, outcome: Outcome, failure: Failure | None, now: float, stamp: float | None) -> None:
        self.enter(None, now)
        self.state, self.outcome, self.failure = PromptState.JUDGED, outcome, failure
        # The server's own clock leaves out what the network and this process added.
        if stamp is not None and self._start_stamp is not None:
            self.seconds = max(0.0, (stamp - self._start_stamp) / 1000)
        elif self.started_at is not None:
            self.seconds = now - self.started_at


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that happened to a prompt. `detail` is a node id, an outcome or a count, by `what`."""

    what: Happening
    prompt: Prompt
    detail: str = ""


class PromptBook:
    """All prompts of one client that have not been forgotten. Messages about other prompts change nothing."""

    def __init__(self) -> None:
        self._prompts: dict[str, Prompt] = {}
        self.queue_remaining: int | None = None
        self.last_activity = 0.0

    def __contains__(self, prompt_id: str) -> bool:
        return prompt_id in self._prompts

    def __getitem__(self, prompt_id: str) -> Prompt:
        return self._prompts[prompt_id]

    def get(self, prompt_id: str) -> Prompt | None:
        return self._prompts.get(prompt_id)

    @property
    def open(self) -> list[Prompt]:
        """Prompts that have not ended, in the order they were posted."""
        return [prompt for prompt in self._prompts.values() if not prompt.state.ended]

    @property
    def running(self) -> Prompt | None:
        """The prompt that the engine works on, as far as messages told."""
        return next((p for p in self._prompts.values() if p.state in (PromptState.RUNNING, PromptState.JUDGED)), None)

    def add(self, prompt_id: str, now: float) -> Prompt:
        """Enter a prompt. Do it before the POST: its first messages may come before the answer."""
        if not self.open:
            self.last_activity = now
        prompt = Prompt(prompt_id, queued_at=now)
        self._prompts[prompt_id] = prompt
        return prompt

    def gap(self) -> None:
        """Note that messages may have been missed for every open prompt (the socket was away)."""
        for prompt in self.open:
            prompt.patchy = True

    def forget(self, prompt_id: str) -> None:
        self._prompts.pop(prompt_id, None)

    def feed(self, message: Message, now: float) -> list[Transition]:
        """Take one message in; returns what it changed, in order."""
        data = message.data
        if message.type == "status":
            info = (data.get("status") or {}).get("exec_info") or {}
            self.queue_remaining = info.get("queue_remaining", self.queue_remaining)
            return []
        named = data.get("prompt_id")
        prompt = self._prompts.get(str(named)) if named else None
        if named is None and message.type == "executing":
            prompt = self._adopt(now)
        if prompt is None or prompt.state.ended:
            return []
        self.last_activity = now
        stamp = data.get("timestamp")
        stamp = float(stamp) if isinstance(stamp, int | float) else None
        return self._step(prompt, message, now, stamp)

    def _adopt(self, now: float) -> Prompt | None:
        # After a reconnect the engine names the node but not the prompt; it works in order, so it is the oldest.
        prompt = self.running or next(iter(self.open), None)
        if prompt is not None and prompt.state is PromptState.QUEUED:
            prompt.begin(now, None)
        return prompt

    def _step(self, prompt: Prompt, message: Message, now: float, stamp: float | None) -> list[Transition]:
        data = message.data
        what: Happening | None = None
        detail = ""
        match message.type:
            case "executing":
                return self._executing(prompt, data.get("node"), now)
            case "execution_start":
                prompt.begin(now, stamp)
                what = "started"
            case "execution_cached":
                prompt.cached = tuple(str(node) for node in data.get("nodes") or ())
                what, detail = "cached", str(len(prompt.cached))
            case "executed":
                detail = str(data.get("node"))
                prompt.outputs += output_refs(detail, data.get("output"))
                what = "executed"
            case "progress":
                what, detail = "progress", f"{data.get('value')}/{data.get('max')}"
            case name if name in _OUTCOMES:
                detail = outcome = _OUTCOMES[name]
                prompt.judge(outcome, execution_failure(data) if outcome == "error" else None, now, stamp)
                what = "judged"
        return [Transition(what, prompt, detail)] if what else []

    def _executing(self, prompt: Prompt, node: object, now: float) -> list[Transition]:
        if node is not None:
            if prompt.state is PromptState.QUEUED:
                prompt.begin(now, None)
            prompt.enter(str(node), now)
            return [Transition("node", prompt, str(node))]
        if prompt.outcome is None or prompt.patchy:
            return [Transition("unsure", prompt)]
        return [self._end(prompt, PromptState.FINISHED, now)]

    def settle(self, prompt_id: str, view: JobView, now: float) -> list[Transition]:
        """Apply what /api/jobs or /history said of an open prompt (after a gap in the messages)."""
        prompt = self._prompts.get(prompt_id)
        if prompt is None or prompt.state.ended:
            return []
        if view.status == "unknown":
            return [self._end(prompt, PromptState.LOST, now)]
        if view.status == "pending":
            return []
        if view.status == "running":
            if prompt.state is PromptState.QUEUED:
                prompt.begin(now, None)
            return []
        prompt.enter(None, now)
        prompt.outcome, prompt.failure, prompt.outputs = view.status, view.failure, list(view.outputs)
        if view.seconds is not None:
            prompt.seconds = view.seconds
        return [self._end(prompt, PromptState.FINISHED, now)]

    def _end(self, prompt: Prompt, state: PromptState, now: float) -> Transition:
        prompt.state, prompt.ended_at = state, now
        self.last_activity = now
        return Transition("lost" if state is PromptState.LOST else "finished", prompt, prompt.outcome or "")

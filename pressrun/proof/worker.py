"""The one thread that runs prompts, one after the other."""

from __future__ import annotations

import threading

from pressrun.proof.cache import ResultCache
from pressrun.proof.execution import Engine, Execution
from pressrun.proof.faults import Faults
from pressrun.proof.files import Folders
from pressrun.proof.hub import Hub
from pressrun.proof.queue import PromptQueue


class Worker:
    """Takes prompts from the queue until it is closed, or until something kills the thread for good."""

    def __init__(self, queue: PromptQueue, hub: Hub, folders: Folders, faults: Faults, latency: float) -> None:
        self.queue, self.hub = queue, hub
        self._interrupt = threading.Event()
        self._free = threading.Event()
        self.engine = Engine(
            folders=folders,
            cache=ResultCache(),
            faults=faults,
            send=hub.send,
            interrupted=self._interrupt.is_set,
            at_node=self._at_node,
            latency=latency,
        )
        self._thread = threading.Thread(target=self._loop, name="prompt-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def interrupt(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt; with an id, only if that one runs. True if the flag was set."""
        return self.queue.while_running(prompt_id, self._interrupt.set)

    def free(self) -> None:
        """Forget all results before the next prompt."""
        self._free.set()

    def _at_node(self, node: str | None) -> None:
        self.hub.last_node = node

    def _loop(self) -> None:
        while (item := self.queue.take(self._interrupt.clear)) is not None:
            if self._free.is_set():
                self._free.clear()
                self.engine.cache.clear()
            client_id = item.extra_data.get("client_id")
            self.hub.client_id = client_id
            # Anything outside the per-node handling ends this thread and is reported nowhere, as in the real server.
            record = Execution(self.engine, item).run()
            self.hub.last_node = None
            self.queue.done(item, record)
            if client_id is not None:
                self.hub.send("executing", {"node": None, "prompt_id": item.prompt_id}, client_id)

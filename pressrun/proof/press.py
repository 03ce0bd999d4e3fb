"""The parts of one server, and how they start and stop."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from pressrun.proof.faults import Faults
from pressrun.proof.files import Folders
from pressrun.proof.hub import Hub
from pressrun.proof.nodeinfo import Catalogue, ModelNames
from pressrun.proof.queue import PromptQueue
from pressrun.proof.worker import Worker


@dataclass(frozen=True, slots=True)
class Options:
    """What a server is started with. `latency` is seconds each prompt takes at least; `faults` as for --fault."""

    input: Path
    output: Path
    temp: Path
    latency: float = 0.0
    faults: tuple[str, ...] = ()
    fault_ledger: Path | None = None
    models: ModelNames = field(default_factory=ModelNames)
    arguments: tuple[str, ...] = ()


class Press:
    """Queue, worker, sockets and folders of one server."""

    def __init__(self, options: Options) -> None:
        for folder in (options.input, options.output):
            folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.folders = Folders(options.input.resolve(), options.output.resolve(), options.temp.resolve())
        self.models = options.models
        self.catalogue = Catalogue(options.models)
        self.hub = Hub()
        self.queue = PromptQueue(self._queue_changed)
        faults = Faults(list(options.faults), options.fault_ledger)
        self.worker = Worker(self.queue, self.hub, self.folders, faults, options.latency)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self.hub.attach(loop)
        self.worker.start()

    def stop(self) -> None:
        self.queue.close()

    def exec_info(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    def _queue_changed(self) -> None:
        self.hub.send("status", {"status": self.exec_info()}, None)


def press_of(connection: HTTPConnection) -> Press:
    press: Press = connection.app.state.press
    return press


def json_response(value: Any, status: int = 200) -> Response:
    """JSON as the recorded server writes it, NaN and Infinity included, which strict JSON has not."""
    return Response(json.dumps(value), status_code=status, media_type="application/json; charset=utf-8")


def empty(status: int = 200) -> Response:
    return Response(status_code=status)

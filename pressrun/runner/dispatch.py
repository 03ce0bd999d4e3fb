"""Dispatch: an item becomes a prompt of one engine, with the engine's sink, after a warm-up where one is due."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pressrun.comfy import wire
from pressrun.comfy.client import ComfyClient
from pressrun.comfy.errors import Failure, PromptRefusedError
from pressrun.comfy.nodes import SINK_CLASS
from pressrun.core.errors import PressrunError, SetupError
from pressrun.runner.order import OrderKey, order_key
from pressrun.runner.parts import Flight, JobParts, bind
from pressrun.runner.sink import with_sink
from pressrun.runner.warmup import warm_up_graph
from pressrun.runner.work import Ticket

# The first with /api/jobs, which tells a prompt that waits from one that is lost.
VERSION_FLOOR = (0, 6, 0)
# ComfyUI's save nodes list their folder at every save: 1 µs per file in it.
_FOLDER_ITEMS = 200


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A warm-up under way. `before` is the prompt id of the item that it was made for."""

    before: str
    workflow: str
    models: tuple[str, ...]


class Dispatch:
    """Posts to one engine, in one session. `warm_ups` are under way, by their prompt ids."""

    def __init__(self, client: ComfyClient, parts: JobParts) -> None:
        self._client, self._parts = client, parts
        self.version = ""
        self.warm_ups: dict[str, WarmUp] = {}
        self._sink = False
        self._sent = 0
        self._warm: tuple[str, tuple[str, ...]] | None = None

    async def meet(self) -> None:
        """Learn what the engine is. SetupError where it is older than what the runner relies on."""
        stats = await self._client.system_stats()
        self.version = str(stats["system"].get("comfyui_version", "unknown"))
        check_version(self.version)
        self._sink = self._parts.config.sink == "auto" and await self._client.knows(SINK_CLASS)

    def make(self, ticket: Ticket) -> tuple[str, Flight]:
        """The ticket as a prompt: its id, its graph. PromptRefusedError where the graph cannot be bound."""
        ticket.submissions += 1
        item = ticket.item
        prompt_id = wire.prompt_id(self._parts.shard_sha256, item.item_id, ticket.submissions)
        # A prefix of its own for every submission: a cached graph would name an earlier file, which has been moved.
        prefix = f"{self._sent // _FOLDER_ITEMS:05d}/{item.item_id}-{ticket.submissions}"
        self._sent += 1
        try:
            graph = bind(self._parts.shard, item, prefix)
        except (PressrunError, LookupError, TypeError) as exc:
            raise PromptRefusedError(Failure("input", f"the graph cannot be bound: {exc!r}")) from exc
        fast = with_sink(graph, self._parts.shard.workflows[item.workflow].outputs) if self._sink else None
        return prompt_id, Flight(ticket, graph, fast or graph, "pressrun" if fast else "stock")

    async def post(self, prompt_id: str, flight: Flight) -> None:
        """Post it, after its warm-up. PromptRefusedError where the engine refuses the item's own prompt."""
        await self._warm_up(prompt_id, flight)
        await self._client.submit(prompt_id, flight.posted, self.lineage(flight.ticket))

    def lineage(self, ticket: Ticket) -> Mapping[str, Any]:
        """What is written into the file beside the graph; one text for all files of a batch, as SaveImage does."""
        campaign, item = self._parts.shard.campaign, ticket.item
        if item.batch is None:
            return {"pressrun": {"item_id": item.item_id, "render_key": item.render_key, "campaign": campaign}}
        made = [
            {"item_id": i.item_id, "render_key": i.render_key, "index": i.batch.index} for i in ticket.items if i.batch
        ]
        return {"pressrun": {"batch": {"size": item.batch.size, "items": made}, "campaign": campaign}}

    async def _warm_up(self, prompt_id: str, flight: Flight) -> None:
        item = flight.ticket.item
        workflow, models, *_ = key = order_key(item.workflow, flight.graph)
        if not self._is_due(key) or (graph := warm_up_graph(flight.posted)) is None:
            return
        self._warm = (workflow, models)
        warm_id = wire.prompt_id(self._parts.shard_sha256, f"{item.item_id}/warm-up", flight.ticket.submissions)
        try:
            # Nothing is heard while gigabytes are read: it may be silent for as long as an engine may take to start.
            await self._client.submit(warm_id, graph, patience=self._parts.config.ready_seconds)
        except PromptRefusedError:
            return  # the item itself will say why
        self.warm_ups[warm_id] = WarmUp(prompt_id, workflow, models)

    def _is_due(self, key: OrderKey) -> bool:
        # A proof is drawn without any model.
        return self._parts.shard.engine != "proof" and (key[0], key[1]) != self._warm


def check_version(version: str) -> None:
    """SetupError where an engine of this version lacks what the runner relies on."""
    numbers = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if numbers is None or tuple(int(part or 0) for part in numbers.groups()) < VERSION_FLOOR:
        raise SetupError(
            f"this ComfyUI is {version}; the runner needs {'.'.join(map(str, VERSION_FLOOR))} or later",
            remedy="build the image with a later COMFYUI_TAG",
        )

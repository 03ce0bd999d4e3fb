"""The open sockets: one queue and one sender each, so that a slow reader holds up nobody."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

FEATURES: dict[str, Any] = {
    "supports_preview_metadata": True,
    "supports_model_type_tags": True,
    "max_upload_size": 104857600,
    "extension": {"manager": {"supports_v4": True}},
    "node_replacements": True,
    "assets": False,
}


class Hub:
    """Sends messages to one client id or to all. `send` may be called from any thread once `attach` has run."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sockets: dict[str, asyncio.Queue[str]] = {}
        # Who posted the running prompt, and which node runs: what a socket that comes back is told.
        self.client_id: str | None = None
        self.last_node: str | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def send(self, event: str, data: dict[str, Any], client_id: str | None) -> None:
        """Queue a message for one client, or for every client when `client_id` is None."""
        message = json.dumps({"type": event, "data": data})
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, message, client_id)

    def _deliver(self, message: str, client_id: str | None) -> None:
        if client_id is None:
            for queue in self._sockets.values():
                queue.put_nowait(message)
        elif client_id in self._sockets:
            self._sockets[client_id].put_nowait(message)

    async def serve(self, websocket: WebSocket, queue_remaining: int) -> None:
        """One socket from its opening to its end."""
        await websocket.accept()
        client_id = websocket.query_params.get("clientId") or uuid.uuid4().hex
        outbox: asyncio.Queue[str] = asyncio.Queue()
        self._sockets[client_id] = outbox
        self._greet(client_id, outbox, queue_remaining)
        sender = asyncio.create_task(_send_all(websocket, outbox))
        try:
            await self._listen(websocket, outbox)
        except WebSocketDisconnect:
            pass
        finally:
            sender.cancel()
            # A newer socket of the same client keeps its place; the recorded server loses it here.
            if self._sockets.get(client_id) is outbox:
                del self._sockets[client_id]

    def _greet(self, client_id: str, outbox: asyncio.Queue[str], queue_remaining: int) -> None:
        status = {"status": {"exec_info": {"queue_remaining": queue_remaining}}, "sid": client_id}
        outbox.put_nowait(json.dumps({"type": "status", "data": status}))
        if client_id == self.client_id and self.last_node is not None:
            outbox.put_nowait(json.dumps({"type": "executing", "data": {"node": self.last_node}}))

    async def _listen(self, websocket: WebSocket, outbox: asyncio.Queue[str]) -> None:
        first = True
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if first and message.get("text"):
                first = False
                if _is_feature_flags(message["text"]):
                    outbox.put_nowait(json.dumps({"type": "feature_flags", "data": FEATURES}))


async def _send_all(websocket: WebSocket, outbox: asyncio.Queue[str]) -> None:
    while True:
        try:
            await websocket.send_text(await outbox.get())
        except (WebSocketDisconnect, RuntimeError):
            return


def _is_feature_flags(text: str) -> bool:
    try:
        message = json.loads(text)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") == "feature_flags"

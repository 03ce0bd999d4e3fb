"""The application: every route once bare and once below /api, and the socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from pressrun.proof.press import Options, Press, press_of
from pressrun.proof.routes import facts, images, prompts, records


async def socket(websocket: WebSocket) -> None:
    press = press_of(websocket)
    await press.hub.serve(websocket, press.queue.remaining())


def _routes() -> list[BaseRoute]:
    return [
        Route("/prompt", prompts.post_prompt, methods=["POST"]),
        Route("/prompt", prompts.get_prompt),
        Route("/queue", prompts.get_queue),
        Route("/queue", prompts.post_queue, methods=["POST"]),
        Route("/interrupt", prompts.post_interrupt, methods=["POST"]),
        Route("/free", prompts.post_free, methods=["POST"]),
        Route("/history", records.get_history),
        Route("/history", records.post_history, methods=["POST"]),
        Route("/history/{prompt_id}", records.get_history_entry),
        Route("/view", images.get_view),
        Route("/upload/image", images.post_upload, methods=["POST"]),
        Route("/upload/mask", images.post_mask, methods=["POST"]),
        Route("/system_stats", facts.get_system_stats),
        Route("/features", facts.get_features),
        Route("/object_info", facts.get_object_info),
        Route("/object_info/{class_type}", facts.get_object_info_class),
        Route("/models", facts.get_models),
        Route("/models/{folder}", facts.get_model_folder),
        Route("/embeddings", facts.get_embeddings),
        WebSocketRoute("/ws", socket),
    ]


def _job_routes() -> list[BaseRoute]:
    return [
        Route("/jobs", records.get_jobs),
        Route("/jobs/cancel", records.cancel_jobs, methods=["POST"]),
        Route("/jobs/{job_id}", records.get_job),
        Route("/jobs/{job_id}/cancel", records.cancel_job, methods=["POST"]),
    ]


def create_app(options: Options) -> Starlette:
    """A proof press as an ASGI application; its worker thread runs from start-up to shut-down."""
    press = Press(options)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        press.start(asyncio.get_running_loop())
        yield
        press.stop()

    app = Starlette(routes=[*_routes(), Mount("/api", routes=[*_routes(), *_job_routes()])], lifespan=lifespan)
    app.state.press = press
    return app

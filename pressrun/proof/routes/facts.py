"""/system_stats, /features, /object_info, /models, /embeddings: what the server is and knows."""

from __future__ import annotations

import os
import platform

from starlette.requests import Request
from starlette.responses import Response

from pressrun.core.model_file import COMFYUI_FOLDERS
from pressrun.proof import nodeinfo
from pressrun.proof.drawing import engine_class
from pressrun.proof.hub import FEATURES
from pressrun.proof.press import empty, json_response, press_of


async def get_system_stats(request: Request) -> Response:
    """As recorded, plus `pressrun_proof`: the engine class, by which a client knows that proofs come out here."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    memory = {"vram_total": total, "vram_free": free, "torch_vram_total": total, "torch_vram_free": free}
    system = {
        "os": "linux",
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": nodeinfo.comfyui_version(),
        "python_version": platform.python_version(),
        "pytorch_version": "none (proof press)",
        "embedded_python": False,
        "argv": list(press_of(request).options.arguments),
        "pressrun_proof": engine_class(),
    }
    return json_response({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **memory}]})


async def get_features(_request: Request) -> Response:
    return json_response(FEATURES)


async def get_object_info(request: Request) -> Response:
    return json_response(press_of(request).catalogue.all())


async def get_object_info_class(request: Request) -> Response:
    name = request.path_params["class_type"]
    return json_response({name: press_of(request).catalogue.entry(name)} if name in nodeinfo.classes() else {})


async def get_models(_request: Request) -> Response:
    return json_response(list(COMFYUI_FOLDERS))


async def get_model_folder(request: Request) -> Response:
    folder = request.path_params["folder"]
    return json_response(press_of(request).models.listed(folder)) if folder in COMFYUI_FOLDERS else empty(404)


async def get_embeddings(request: Request) -> Response:
    return json_response(press_of(request).models.listed("embeddings"))

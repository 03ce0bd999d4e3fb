"""What the server says of itself, and the files it takes and gives."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from PIL import Image

from pressrun.steps.ops import healthcheck, ops_graph, parse_version


def test_it_tells_its_version_and_device(engine: Any) -> None:
    stats = engine.http.get("/system_stats").json()
    version = parse_version(stats["system"]["comfyui_version"])
    assert version is not None
    assert version >= (0, 25, 0), "older servers take any prompt id: the runner still works, this suite does not"
    assert stats["devices"]


def test_it_knows_the_nodes_that_need_no_model(engine: Any, repository: Any) -> None:
    for name in ("EmptyImage", "ImageAddNoise", "ImageInvert", "SaveImage", "LoadImage", "CheckpointLoaderSimple"):
        found = engine.http.get(f"/object_info/{name}").json()
        assert found[name]["input"]["required"]
    assert engine.http.get("/object_info/NoSuchNode").json() == {}
    for graph in ("healthcheck", "warmup"):
        for node in ops_graph(repository / "include", graph).values():
            assert engine.http.get(f"/object_info/{node['class_type']}").json()


def test_the_queue_is_counted(engine: Any) -> None:
    assert engine.http.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}
    queue = engine.http.get("/queue").json()
    assert (queue["queue_running"], queue["queue_pending"]) == ([], [])


def test_every_route_is_also_below_api(engine: Any) -> None:
    for path in ("/prompt", "/queue", "/system_stats"):
        assert engine.http.get(f"/api{path}").status_code == 200


def test_an_upload_is_read_by_a_graph(engine: Any) -> None:
    name = f"{uuid.uuid4().hex}.png"
    buffer = io.BytesIO()
    Image.new("RGB", (40, 24), (10, 200, 30)).save(buffer, "PNG")
    answer = engine.http.post("/upload/image", files={"image": (name, buffer.getvalue(), "image/png")})
    assert answer.json()["name"] == name
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    _, messages = engine.run(graph)
    (image,) = next(m["data"]["output"]["images"] for m in messages if m["type"] == "executed")
    assert image["type"] == "temp"


@pytest.mark.parametrize(
    "query", [{"filename": "no-such.png"}, {"filename": "../x.png"}, {"filename": "x.png", "subfolder": "../.."}]
)
def test_files_outside_are_not_given(engine: Any, query: dict[str, str]) -> None:
    assert engine.http.get("/view", params=query).status_code in (400, 403, 404)


def test_the_health_check_finds_it_well(engine: Any, repository: Any) -> None:
    verdicts = healthcheck(repository / "include", engine.url)
    assert [verdict.check for verdict in verdicts] == ["answers", "device", "nodes", "graph", "picture"]
    assert all(verdict.good for verdict in verdicts), verdicts

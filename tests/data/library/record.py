"""Post every item of the library's sample campaigns to a running ComfyUI and record what its validation answers.

    python tests/data/library/record.py http://127.0.0.1:8188 INPUT_DIRECTORY

The server must know the models by name (empty files will do: nothing is to be rendered here), and INPUT_DIRECTORY must
be its input directory. What is accepted is taken from the queue again. See README.md for the answers' form.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from pressrun.core.binding import graph_of
from pressrun.core.codec import digest_of
from pressrun.core.plan import RenderPlan
from pressrun.settings import Settings
from pressrun.steps.expand import make_plan, make_request
from pressrun.steps.sources import Sources
from pressrun.steps.workspace import memory_workspace

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DROP = "2026-11-10"
# Workflow -> the sample campaign that shows it.
SAMPLES = {
    "ad_variants": "ad_variants",
    "animation": "motion_teaser",
    "audio": "sound_logo",
    "brand_card": "daily_deals",
    "design_system_snapshot": "design_snapshot",
    "few_step": "mood_board",
    "master_to_market": "master_to_market",
    "product_hero": "spring_sale",
    "product_mockup": "shelf_mockups",
    "sdxl_base_refiner": "editorial_heroes",
    "sdxl_inpaint": "label_refresh",
    "upscale": "archive_upscale",
}


def plan_of(campaign: str) -> RenderPlan:
    ws = memory_workspace(Settings.model_validate({"home": ROOT}))
    sources = Sources(ws, campaign)
    spec = sources.spec()
    request = make_request(
        ws.settings, spec, run_key=f"{campaign}-1-1", dag_id=f"press_{campaign}", run_id="manual", run_type="manual",
        conf={}, drop=DROP, triggered_by="maya",
    )  # fmt: skip
    plan, gather = make_plan(ws, sources, spec, request)
    assert not gather.failed, gather.findings
    return plan


def requests_of(workflow: str) -> dict[str, dict[str, Any]]:
    """Digest -> graph, for every item of the workflow's sample.

    Input files are named by their parameter ("photo.png"): the bytes of a typeset overlay may differ with a library's
    version, what is validated is the graph.
    """
    plan = plan_of(SAMPLES[workflow])
    found = {}
    for item in plan.items:
        names = {parameter: f"{parameter}.png" for parameter in item.inputs}
        bundle = plan.workflows[item.workflow]
        named = item.model_copy(update={"inputs": names})
        graph = graph_of(bundle, named, filename_prefix=f"library/{workflow}")
        found[digest_of(graph)] = graph
    return found


def main(server: str, inputs: Path) -> None:
    with httpx.Client(base_url=server, timeout=60, trust_env=False) as http:
        version = http.get("/system_stats").json()["system"]["comfyui_version"]
        for workflow, campaign in SAMPLES.items():
            answers = {}
            for digest, graph in requests_of(workflow).items():
                for node in graph.values():
                    if node["class_type"] in {"LoadImage", "LoadImageMask"}:
                        Image.new("RGBA", (64, 64), (200, 180, 160, 128)).save(inputs / node["inputs"]["image"])
                answer = http.post("/prompt", json={"prompt": graph})
                body = answer.json()
                http.post("/queue", json={"delete": [body.get("prompt_id")]})
                answers[digest] = {
                    "status": answer.status_code,
                    "response": {key: value for key, value in body.items() if key not in {"prompt_id", "number"}},
                }
                print(workflow, digest[:12], answer.status_code, body.get("error") or body["node_errors"])
            record = {
                "workflow": workflow,
                "campaign": campaign,
                "comfyui_version": version,
                "answers": answers,
            }
            (HERE / f"{workflow}.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

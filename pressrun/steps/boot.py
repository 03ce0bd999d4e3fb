"""The preflight's last word: the pinned ComfyUI itself, on a CPU, says of each workflow whether it would run it.

It has the container's nodes, an empty file under the name of each model, and a small picture for each input file: what
is asked is its validation, and nothing is drawn.
"""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from PIL import Image

from pressrun.comfy.server import EngineServer, EngineSpec
from pressrun.comfy.validate import validate_graph
from pressrun.core.binding import graph_of
from pressrun.core.errors import EngineError
from pressrun.core.findings import Finding, Place
from pressrun.core.item import Item
from pressrun.core.model_file import MODEL_FOLDERS
from pressrun.core.models import models_needed
from pressrun.core.node_lock import CustomNode
from pressrun.core.plan import RenderPlan
from pressrun.steps.studio import Pinned, check_home, check_nodes, server_command

_PLAIN = re.compile(r"[^./\\][^\\]*")


def boot_check(
    plan: RenderPlan,
    *,
    home: Path,
    python: str,
    pinned: Pinned,
    nodes: Mapping[str, CustomNode],
    work: Path,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Finding, ...]:
    """What a real ComfyUI refuses of this plan's workflows, one graph each.

    `home` is its folder, `work` one of our own that it may fill. SetupError where it is not the pinned one, EngineError
    where it does not start.
    """
    check_home(home, pinned)
    check_nodes(home, nodes)
    firsts = {item.workflow: item for item in reversed(plan.items) if item.workflow in plan.workflows}
    command = server_command(home, python, work, sorted(nodes))
    _stand_ins(work, plan, firsts.values(), {model.name: model.folder for model in plan.models})
    command += ["--cpu", "--disable-auto-launch", "--database-url", "sqlite:///:memory:"]
    command += ["--front-end-root", str(work / "empty")]
    log = work / "engine.log"
    server = EngineServer(EngineSpec(argv=tuple(command), cwd=home, log=log, env={"HF_HUB_OFFLINE": "1"}))
    return asyncio.run(_ask(server, plan, firsts, pinned, say))


async def _ask(
    server: EngineServer, plan: RenderPlan, firsts: Mapping[str, Item], pinned: Pinned, say: Callable[[str], None]
) -> tuple[Finding, ...]:
    started, found = time.monotonic(), list[Finding]()
    try:
        await server.start()
        say(f"ComfyUI {pinned.tag} answers after {time.monotonic() - started:.0f} s")
        for workflow, item in sorted(firsts.items()):
            graph = graph_of(plan.workflows[workflow], item, filename_prefix=item.item_id)
            failure = await validate_graph(server.base_url, graph)
            if failure is None:
                say(f"ComfyUI {pinned.tag} would run {workflow}")
                continue
            found.append(
                Finding(
                    code="preflight-boot", message=f"ComfyUI {pinned.tag} refuses {workflow}: {failure.message}",
                    place=Place(file=f"workflows/{workflow}.api.json", node=failure.node),
                    remedy=f"open it in `pressrun studio`, mend it and export it again ({item.label})",
                )
            )  # fmt: skip
    except EngineError as exc:
        raise EngineError(f"{exc.message}; its log ends: {server.tail()}", where=exc.where) from exc
    finally:
        await server.stop(idle=True)
    return tuple(found)


def _stand_ins(work: Path, plan: RenderPlan, items: Iterable[Item], folders: Mapping[str, str]) -> None:
    """An empty file for each model, in its folder where the lock knows it, and a picture for each input file."""
    for name in models_needed(plan.workflows, items):
        for folder in [folders[name]] if name in folders else MODEL_FOLDERS:
            if _PLAIN.fullmatch(name) and ".." not in name:
                path = work / "models" / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), (200, 180, 160, 128)).save(buffer, "PNG")
    for item in items:
        for name in item.inputs.values():
            (work / "input" / name).write_bytes(buffer.getvalue())

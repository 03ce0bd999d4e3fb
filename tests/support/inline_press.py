"""The proof press and the runner's harvest, without a server and a job between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pressrun.comfy.wire import output_refs
from pressrun.core.binding import graph_of
from pressrun.core.item import Item
from pressrun.core.plan import RenderPlan
from pressrun.core.result import OutputFile
from pressrun.proof.cache import ResultCache
from pressrun.proof.execution import Engine, Execution
from pressrun.proof.faults import Faults
from pressrun.proof.files import Folders
from pressrun.proof.nodeinfo import ModelNames
from pressrun.proof.queue import Item as Queued
from pressrun.proof.validation import validate
from pressrun.runner.harvest import harvest
from pressrun.runner.pictures import refs_of
from pressrun.steps.workspace import Workspace


class InlinePress:
    """Draws a plan's items into `home`/job, as a job's container would leave them."""

    def __init__(self, plan: RenderPlan, ws: Workspace, home: Path) -> None:
        self.plan, self.home = plan, home
        self.folders = Folders(home / "input", home / "output", home / "temp")
        for folder in (
            self.folders.input,
            self.folders.output,
            self.folders.temp,
            home / "job/images",
            home / "job/thumbs",
            home / "scratch",
        ):
            folder.mkdir(parents=True)
        for asset in plan.inputs:
            (self.folders.input / asset.name).write_bytes(ws.fetch(asset.uri))
        self.engine = Engine(self.folders, ResultCache(), Faults([]), lambda *_: None, lambda: False, lambda _: None)

    def proof(self, item: Item) -> tuple[OutputFile, ...]:
        bundle = self.plan.workflows[item.workflow]
        graph = graph_of(bundle, item, filename_prefix=item.item_id)
        verdict = validate(graph, self.folders, ModelNames())
        assert (verdict.error, verdict.node_errors, set(verdict.outputs)) == (None, {}, set(bundle.outputs))
        done = Execution(self.engine, Queued(0, "id", graph, {}, verdict.outputs))
        done.run()
        assert done.success, done.messages[-1]
        refs = [ref for node, shown in done.ui.items() for ref in output_refs(node, shown)]
        (own,) = refs_of([item], refs, bundle.outputs)
        return harvest(
            item, own, nodes=bundle.outputs, engine_output=self.folders.output, output=self.home / "job",
            scratch=self.home / "scratch",
        )  # fmt: skip

    def pixels(self, item: Item) -> np.ndarray[Any, Any]:
        with Image.open(self.home / "job" / self.proof(item)[0].file) as image:
            return np.asarray(image.convert("RGB"))

"""One proof of a workflow with its defaults, drawn in this process: the graph runs from its inputs to its outputs."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from pressrun.core.binding import compile_graph
from pressrun.core.contract import Contract
from pressrun.core.errors import EngineError
from pressrun.core.mutation import allowed_values
from pressrun.core.plan import WorkflowBundle

PICTURES = 2
"""How many pictures a proof has where the contract allows batches: the fewest that show whether they stay apart."""


@dataclass(frozen=True)
class WorkflowProof:
    """The files that the outputs wrote, by name, and how long it took in seconds."""

    files: dict[str, bytes]
    seconds: float


def proof_workflow(bundle: WorkflowBundle, contract: Contract) -> WorkflowProof:
    """Draw it once. EngineError says which node failed, or which output did not write a file for each picture."""
    # Fonts and drawing functions are loaded only where somebody draws.
    from pressrun.proof.cache import ResultCache  # noqa: PLC0415
    from pressrun.proof.execution import Engine, Execution  # noqa: PLC0415
    from pressrun.proof.faults import Faults  # noqa: PLC0415
    from pressrun.proof.files import Folders  # noqa: PLC0415
    from pressrun.proof.nodeinfo import ModelNames  # noqa: PLC0415
    from pressrun.proof.queue import Item  # noqa: PLC0415
    from pressrun.proof.validation import validate  # noqa: PLC0415

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="pressrun-proof-") as place:
        folders = Folders(*(_made(Path(place) / name) for name in ("input", "output", "temp")))
        inputs = {}
        for name in contract.assets:
            inputs[name] = f"{name}.png"
            (folders.input / inputs[name]).write_bytes(_picture())
        graph: dict[str, Any] = compile_graph(
            bundle, params=sample_params(contract), seed=contract.seed_range[0], inputs=inputs, filename_prefix="proof",
            batch_size=PICTURES if contract.batch_max > 1 else None,
        )  # fmt: skip
        verdict = validate(graph, folders, ModelNames())
        if verdict.error is not None or verdict.node_errors:
            raise EngineError(f"the proof press refuses it: {verdict.error or verdict.node_errors}", where=bundle.name)
        engine = Engine(folders, ResultCache(), Faults([]), lambda *_: None, lambda: False, lambda _: None)
        run = Execution(engine, Item(0, "proof", graph, {}, verdict.outputs))
        record = run.run()
        if not run.success:
            raise EngineError(f"the proof failed: {record['status']}", where=bundle.name)
        silent = [node for node in bundle.outputs if not run.ui.get(node)]
        if silent:
            raise EngineError(f"output nodes {', '.join(silent)} wrote nothing", where=bundle.name)
        joined = [node for node in bundle.outputs if contract.batch_max > 1 and _count(run.ui[node]) != PICTURES]
        if joined:
            raise EngineError(
                f"output nodes {', '.join(joined)} do not write {PICTURES} files for a batch of {PICTURES}",
                where=bundle.name, remedy="a node on the way joins or picks pictures: without x-batch that is allowed",
            )  # fmt: skip
        found = sorted(path for path in folders.output.rglob("*") if path.is_file())
        files = {path.name: path.read_bytes() for path in found}
    return WorkflowProof(files, time.perf_counter() - start)


def _count(shown: Mapping[str, Any]) -> int:
    return sum(len(files) for files in shown.values() if isinstance(files, list))


def sample_params(contract: Contract) -> dict[str, Any]:
    """The contract's defaults, and an allowed value for everything that has none."""
    params = contract.complete({})
    for name in contract.schema.get("required", ()):
        if name in contract.bindings and name not in params and name not in contract.assets:
            params[name] = next(allowed_values(contract.spec_of(name)))
    return params


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def _picture() -> bytes:
    """A stand-in for a product photo: half transparent, so that masks have something to cut out."""
    picture = Image.new("RGBA", (400, 500), (0, 0, 0, 0))
    picture.paste((190, 120, 90, 255), (80, 60, 320, 460))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()

"""Films, sounds and items of several files: from the proof press through every step to what is delivered."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from inline_press import InlinePress
from PIL import Image

from pressrun.core import keys
from pressrun.core.codec import from_bytes
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.errors import ConflictError
from pressrun.core.lineage import AssetLineage, describe_lineage
from pressrun.core.plan import RenderPlan
from pressrun.core.publication import CampaignIndex
from pressrun.core.refs import CollectionRef, PlanRef, PublishRef, ReviewRef
from pressrun.core.result import ItemResult, write_segment
from pressrun.core.review import ReviewRound
from pressrun.settings import Settings
from pressrun.steps.collect import collect_run
from pressrun.steps.expand import expand_run
from pressrun.steps.jobs import JobOrder, next_order
from pressrun.steps.lineage import show_lineage
from pressrun.steps.publish import publish_run
from pressrun.steps.quote import quote_run
from pressrun.steps.review import decide, finish_round
from pressrun.steps.validate import validate_plan
from pressrun.steps.workspace import Workspace, memory_workspace
from pressrun.storage.store import ObjectInfo

ROOT = Path(__file__).parents[3]


@dataclass
class Run:
    """A campaign that was proofed and collected."""

    ws: Workspace
    plan_ref: PlanRef
    collected: CollectionRef

    @property
    def plan(self) -> RenderPlan:
        return self.ws.read(RenderPlan, keys.plan(self.plan_ref["run_key"], self.plan_ref["plan_digest"]))

    @property
    def items(self) -> tuple[CollectedItem, ...]:
        key = keys.collection(self.plan_ref["run_key"], self.collected["digest"])
        return self.ws.read(Collection, key).items

    def publish(self) -> PublishRef:
        """Approve everything, finish the round, publish."""
        run_key, campaign = self.plan_ref["run_key"], self.plan_ref["campaign"]
        opened = self.ws.read(ReviewRound, keys.round_open(campaign, run_key, self.collected["round"]))
        for item in self.items:
            assert item.sha256 is not None
            decide(
                self.ws, opened, item_id=item.item_id, sha256=item.sha256, state="approved", by="rosa", by_name="Rosa",
                expected_sequence=0,
            )  # fmt: skip
        closed = finish_round(self.ws, opened, by="rosa")
        uri = self.ws.work.uri(keys.round_closed(campaign, run_key, opened.number))
        return publish_run(self.ws, self.plan_ref, ReviewRef(closed_uri=uri, by="rosa", counts=closed.counts))

    def delivered(self) -> dict[str, ObjectInfo]:
        """Published files by key, with their metadata."""
        names = [info.key for info in self.ws.published.list("_proofs/") if not info.key.endswith((".json", ".csv"))]
        return {name: info for name in names if (info := self.ws.published.head(name))}


def run(tmp_path: Path, campaign: str, *, project: Path = ROOT) -> Run:
    """Expand, validate and quote; let the proof press do what a job would; collect."""
    ws = memory_workspace(Settings.model_validate({"home": project, "publish_proofs": True}))
    plan_ref = expand_run(
        ws, dag_id=f"press_{campaign}", run_id="manual_1", run_type="manual", conf={}, drop="2026-11-20",
        triggered_by="maya",
    )  # fmt: skip
    assert validate_plan(ws, plan_ref)["errors"] == 0
    quote_ref = quote_run(ws, plan_ref)
    order = next_order(ws, plan_ref, quote_ref, "main", 0, lambda _: None)
    assert isinstance(order, JobOrder)
    plan = ws.read(RenderPlan, keys.plan(plan_ref["run_key"], plan_ref["plan_digest"]))
    press, results = InlinePress(plan, ws, tmp_path), []
    prefix = keys.staging(order.name)
    for item in plan.items:
        outputs = press.proof(item)
        for output in outputs:
            ws.work.put(prefix + output.file, (press.home / "job" / output.file).read_bytes())
            assert output.thumb is not None
            ws.work.put(prefix + output.thumb, (press.home / "job" / output.thumb).read_bytes())
        results.append(
            ItemResult(
                item_id=item.item_id,
                render_key=item.render_key,
                outcome="rendered",
                outputs=outputs,
                tries=1,
                seed=item.seed,
                params_sha256="p",
                prompt_id="p",
                started_at="2026-11-20T10:00:00Z",
                seconds=1.0,
                engine_version="proof",
                host="algo-1",
            )
        )
    ws.work.put(f"{prefix}results/algo-1-000000.jsonl", write_segment(results))
    return Run(ws, plan_ref, collect_run(ws, plan_ref, quote_ref))


def tags(data: bytes) -> dict[str, str]:
    """Everything that a player could tell of a file besides what it plays."""
    with av.open(io.BytesIO(data)) as file:
        return {**file.metadata, **{key: value for stream in file.streams for key, value in stream.metadata.items()}}


def test_a_film_goes_from_proof_to_delivery(tmp_path: Path) -> None:
    made = run(tmp_path, "motion_teaser")
    assert made.collected["counts"]["rendered"] == 2
    for item in made.items:
        assert (item.medium, item.media_type, item.width, item.height) == ("film", "image/webp", 832, 480)
        assert item.playback is not None
        assert (item.playback.frames, item.playback.loudness) == (33, None)
        assert item.playback.seconds == pytest.approx(33 / 16, abs=0.1)
        assert item.playback.motion is not None
        assert item.playback.motion > 0.1
        with Image.open(io.BytesIO(made.ws.fetch(str(item.thumb_uri)))) as still:
            assert getattr(still, "n_frames", 1) == 1
    assert made.publish()["published"] == 2
    delivered = made.delivered()
    assert len(delivered) == 2
    for key, info in delivered.items():
        assert key.endswith(".webp")
        assert info.content_type == "image/webp"
        data = made.ws.published.get(key)
        assert b"class_type" not in data
        with Image.open(io.BytesIO(data)) as film:
            assert (film.n_frames, film.size) == (33, (832, 480))  # type: ignore[attr-defined]
        record = show_lineage(made.ws, data)
        assert (record.file.media_type, record.file.playback) == ("image/webp", record.render.playback)
        assert "This is a proof film of campaign motion_teaser" in describe_lineage(record)
        assert "(832×480, 2." in describe_lineage(record)


def test_delivered_frames_are_the_approved_ones(tmp_path: Path) -> None:
    made = run(tmp_path, "motion_teaser")
    made.publish()
    sources = {item.item_id: made.ws.fetch(str(item.image_uri)) for item in made.items}
    for key, info in made.delivered().items():
        with (
            Image.open(io.BytesIO(made.ws.published.get(key))) as film,
            Image.open(io.BytesIO(sources[info.metadata["item"]])) as source,
        ):
            for number in (0, 16, 32):
                film.seek(number)
                source.seek(number)
                assert film.convert("RGB").tobytes() == source.convert("RGB").tobytes()


def test_a_sound_goes_from_proof_to_delivery(tmp_path: Path) -> None:
    made = run(tmp_path, "sound_logo")
    for item in made.items:
        assert (item.medium, item.media_type, item.width) == ("sound", "audio/flac", None)
        assert item.playback is not None
        assert item.playback.seconds == pytest.approx(6.0, abs=0.2)
        assert item.playback.loudness is not None
        assert item.playback.loudness > -40
    assert b"class_type" in made.ws.fetch(str(made.items[0].image_uri)), "what the engine wrote names the graph"
    assert made.publish()["published"] == 2
    for key, info in made.delivered().items():
        assert (key.rpartition(".")[2], info.content_type) == ("flac", "audio/flac")
        data = made.ws.published.get(key)
        assert b"class_type" not in data
        told = tags(data)
        assert list(told) == ["comment"]
        assert told["comment"].startswith(f"pressrun:sound_logo/{info.metadata['item']} ")
        assert told["comment"].endswith("PROOF")
        record = show_lineage(made.ws, data)
        assert record.file.width is None
        assert "(6.0 s)" in describe_lineage(record)
    root = keys.published_root("sound_logo", proof=True)
    rows = list(csv.DictReader(io.StringIO(made.ws.published.get(keys.campaign_delivery(root)).decode(), newline="")))
    assert {(row["type"], row["width"], row["seconds"][:3]) for row in rows} == {("audio/flac", "", "6.0")}
    index = from_bytes(CampaignIndex, made.ws.published.get(keys.campaign_index(root)), where="index")
    assert [file.seconds for file in index.files] == [pytest.approx(6.0, abs=0.2)] * 2


def test_publishing_again_delivers_nothing_twice(tmp_path: Path) -> None:
    made = run(tmp_path, "sound_logo")
    first = made.publish()
    before = made.delivered()
    for info in list(made.ws.work.list(f"runs/{made.plan_ref['run_key']}/publish/")):
        made.ws.work.delete(info.key)
    uri = made.ws.work.uri(keys.round_closed("sound_logo", made.plan_ref["run_key"], 1))
    again = publish_run(made.ws, made.plan_ref, ReviewRef(closed_uri=uri, by="rosa", counts={}))
    assert (again["approved"], first["approved"]) == (2, 2)
    assert {key: info.etag for key, info in made.delivered().items()} == {k: i.etag for k, i in before.items()}


@pytest.fixture
def two_outputs(tmp_path: Path) -> Path:
    """The project with an upscaling workflow that saves the picture before and after, as two outputs of one item."""
    project = tmp_path / "project"
    # Without the registry: a released version's files must not change, and these do.
    shutil.copytree(ROOT / "include", project / "include", ignore=shutil.ignore_patterns("registry.yaml"))
    graph_file = project / "include/workflows/upscale.api.json"
    graph: dict[str, Any] = json.loads(graph_file.read_text())
    graph["8"] = {
        **graph["7"],
        "inputs": {**graph["7"]["inputs"], "images": ["1", 0]},
        "_meta": {"title": "Save original"},
    }
    graph_file.write_text(json.dumps(graph))
    contract_file = project / "include/params/upscale.schema.json"
    contract = json.loads(contract_file.read_text())
    contract_file.write_text(json.dumps({**contract, "x-outputs": ["Save picture", "Save original"]}))
    return project


def test_a_decision_binds_every_file_of_an_item_and_all_are_delivered(two_outputs: Path, tmp_path: Path) -> None:
    made = run(tmp_path / "press", "archive_upscale", project=two_outputs)
    item = made.items[0]
    assert len(item.files) == 2
    assert item.sha256 not in {file.sha256 for file in item.files}, "what is decided about is more than one file"
    other = item.model_copy(update={"further": (item.further[0].model_copy(update={"sha256": "0" * 64}),)})
    assert other.sha256 == item.sha256
    published = made.publish()
    assert (published["approved"], published["published"]) == (2, 2), "an item counts once, however many files it has"
    names = sorted(key.rpartition("/")[2].rpartition("-")[0] for key in made.delivered())
    assert len(names) == 4
    assert [name.endswith("_PROOF_2") for name in names] == [False, True] * 2
    for key in made.delivered():
        record: AssetLineage = show_lineage(made.ws, made.ws.published.get(key))
        assert record.file.part == int("_PROOF_2" in key)
        assert record.decisions[0].by == "rosa"


def test_a_file_that_was_changed_after_its_approval_is_not_delivered(two_outputs: Path, tmp_path: Path) -> None:
    made = run(tmp_path / "press", "archive_upscale", project=two_outputs)
    store, key = made.ws.store_of(made.items[1].further[0].image_uri)
    store.put(key, store.get(key) + b"more")
    with pytest.raises(ConflictError, match="but the bytes there are"):
        made.publish()


def test_a_silent_sound_and_a_film_of_one_picture_never_reach_review(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("pressrun.proof.drawing.audio_nodes.play", lambda scene, seconds: _silence(seconds))
    with pytest.raises(Exception, match="is silent"):
        run(tmp_path / "sound", "sound_logo")
    monkeypatch.setattr("pressrun.proof.drawing.latent_nodes.drift", lambda still, frames: (still,) * frames)
    with pytest.raises(Exception, match=r"lasts 0\.0 s, asked for 2\.1 s"):
        run(tmp_path / "film", "motion_teaser")


def _silence(seconds: float) -> Any:
    import numpy as np

    return np.zeros(int(seconds * 22_050), dtype=np.int16)

"""Workflows on disk: versions, releases, pools, and the commands that people use on them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from pressrun.cli import app
from pressrun.core.campaign import JobSpec
from pressrun.core.errors import ConflictError, EngineError, InputError
from pressrun.core.findings import FindingsError
from pressrun.steps.library import Library, for_press
from pressrun.steps.workflow_proof import proof_workflow
from pressrun.steps.workflows import add_workflow, promote_workflow, refresh_nodes

Run = Callable[..., str]


@pytest.fixture
def include(tmp_path: Path, repository: Path) -> Path:
    """A project with one workflow in two versions, the policies, and no campaign."""
    made = tmp_path / "include"
    shutil.copytree(repository / "include" / "policy", made / "policy")
    data = repository / "tests" / "data" / "workflows"
    (made / "workflows").mkdir()
    (made / "params").mkdir()
    graph = json.loads((data / "hero.api.json").read_bytes())
    (made / "workflows" / "hero.api.json").write_text(json.dumps(graph))
    shutil.copy(data / "hero.schema.json", made / "params")
    graph["3"]["inputs"]["steps"] = 32
    graph["11"]["inputs"]["upscale_method"] = "bicubic"
    (made / "workflows" / "hero@2.api.json").write_text(json.dumps(graph))
    schema = json.loads((data / "hero.schema.json").read_bytes())
    schema["properties"]["steps"]["maximum"] = 60
    del schema["properties"]["claim_size"]
    (made / "params" / "hero@2.schema.json").write_text(json.dumps(schema))
    return made


@pytest.fixture
def run(include: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("workflow", "list"): the command's output; `code` is the exit code it must have."""
    monkeypatch.setenv("PRESSRUN_HOME", str(include.parent))

    def start(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == code, done.output
        return done.output

    return start


def test_without_a_registry_everything_is_released_and_the_newest_counts(include: Path) -> None:
    library = Library(include)
    assert library.find("hero").stem == "hero@2"
    assert library.find("hero@1").stem == "hero"
    assert library.load("hero").release.state == "released"


def test_promotion_checks_draws_and_pins(include: Path) -> None:
    release = promote_workflow(Library(include), "hero@1", by="maya")
    assert (release.state, release.promoted_by) == ("released", "maya")
    assert "1 file in" in release.checks["proof"]
    library = Library(include)
    assert library.find("hero").stem == "hero", "the newest released one, not the newest draft"
    assert library.load("hero@2").release.state == "draft"
    with pytest.raises(ConflictError, match="released already"):
        promote_workflow(library, "hero@1", by="maya")


def test_a_draft_is_for_proofs_only(include: Path) -> None:
    promote_workflow(Library(include), "hero@1", by="maya")
    draft = Library(include).load("hero@2")
    assert [finding.code for finding in for_press(draft, "proof")] == []
    assert "release-draft" in {finding.code for finding in for_press(draft, "final")}


def test_a_released_version_that_was_edited_is_told(include: Path) -> None:
    promote_workflow(Library(include), "hero@1", by="maya")
    path = include / "workflows" / "hero.api.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=4))
    assert Library(include).load("hero@1").errors == (), "another layout is the same graph"
    path.write_text(path.read_text().replace("karras", "normal"))
    (finding,) = Library(include).load("hero@1").errors
    assert finding.code == "release-changed"
    assert "hero@2" in finding.remedy


def test_what_is_wrong_is_not_promoted(include: Path) -> None:
    path = include / "workflows" / "hero@2.api.json"
    path.write_text(path.read_text().replace("dpmpp_2m", "nope"))
    with pytest.raises(FindingsError, match="no choice 'nope'"):
        promote_workflow(Library(include), "hero@2", by="maya")
    assert not (include / "workflows" / "registry.yaml").exists()


@pytest.mark.parametrize("name", ["hreo", "hero@3", "hero@0", "hero@x", "../hero", "hero@", ""])
def test_a_reference_to_nothing_is_refused(include: Path, name: str) -> None:
    with pytest.raises(InputError):
        Library(include).find(name)


def test_pools_are_named_in_one_place(include: Path) -> None:
    pools = {
        "default": "small",
        "pools": {"small": {"instance_type": "ml.g5.xlarge"}, "big": {"instance_type": "ml.g6e.xlarge", "image": "repo/big:1"}},
        "workflows": {"hero@2": "big"},
    }  # fmt: skip
    (include / "policy" / "pools.yaml").write_text(yaml.safe_dump(pools))
    library = Library(include)
    _, bundle, _ = library.loaded("hero@2")
    assert bundle.image == "repo/big:1"
    assert library.loaded("hero@1")[1].image == ""
    found = library.pool("hero@2")
    assert found is not None
    assert found.instance_type == "ml.g6e.xlarge"
    assert JobSpec().instance_type == "ml.g5.xlarge"


@pytest.mark.parametrize("change", [{"default": "x"}, {"pools": {}}, {"workflows": {"hero": "x"}}, {"more": 1}])
def test_pools_that_are_not_there_are_refused(include: Path, change: dict[str, Any]) -> None:
    path = include / "policy" / "pools.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    with pytest.raises(InputError, match=r"pools\.yaml"):
        Library(include).load("hero")


def test_a_proof_runs_the_whole_graph(include: Path) -> None:
    _, bundle, contract = Library(include).loaded("hero@1")
    proof = proof_workflow(bundle, contract)
    (picture,) = proof.files.values()
    assert picture.startswith(b"\x89PNG")


def test_adding_a_graph_writes_a_contract_that_is_green(include: Path, tmp_path: Path, repository: Path) -> None:
    exported = tmp_path / "My Poster.json"
    shutil.copy(repository / "tests" / "data" / "workflows" / "hero.api.json", exported)
    added = add_workflow(Library(include), exported)
    assert added.version.stem == "my_poster"
    assert any("steps of 'Background sampler': 14 to 56" in line for line in added.decide)
    found = Library(include).load("my_poster")
    assert found.errors == ()
    assert found.contract is not None
    assert {"scene_prompt", "headline", "product_photo", "seed"} <= set(found.contract.schema["properties"])
    again = add_workflow(Library(include), exported)
    assert again.version.stem == "my_poster@2"
    with pytest.raises(ConflictError):
        add_workflow(Library(include), exported, name="my_poster@2")
    with pytest.raises(InputError, match="cannot be read"):
        add_workflow(Library(include), tmp_path / "nothing.json")


def test_the_difference_is_told_in_words(run: Run) -> None:
    text = run("workflow", "diff", "hero@1", "hero@2")
    assert "'Background sampler': steps changed from 28 to 32." in text
    assert "'Fit product': upscale method changed from “lanczos” to “bicubic”." in text
    assert "Parameter steps: highest value allowed changed from 50 to 60." in text
    assert "Parameter claim_size can no longer be set." in text
    assert run("workflow", "diff", "hero@1", "hero@1") == "nothing changed\n"


def test_the_drawing_marks_what_parameters_drive(run: Run, tmp_path: Path) -> None:
    run("workflow", "draw", "hero@1", "-o", str(tmp_path / "hero.svg"))
    picture = (tmp_path / "hero.svg").read_text()
    assert "steps ← steps" in picture
    assert "text ← headline" in picture
    assert "scheduler: karras" in picture
    assert "<script" not in picture


def test_a_drawing_escapes_what_is_in_the_graph(run: Run, include: Path, tmp_path: Path) -> None:
    path = include / "workflows" / "hero.api.json"
    path.write_text(path.read_text().replace("Decode background", "<script>alert(1)</script>"))
    run("workflow", "draw", "hero@1", "-o", str(tmp_path / "hero.svg"))
    assert "<script" not in (tmp_path / "hero.svg").read_text()


def test_check_tells_by_text_and_by_json(run: Run, include: Path) -> None:
    assert "workflow hero: good" in run("check")
    path = include / "workflows" / "hero.api.json"
    path.write_text(path.read_text().replace("karras", "karas"))
    assert "did you mean 'karras'" in " ".join(run("check", code=1).split())
    report = json.loads(run("check", "--json", code=1))
    assert report["errors"] == 1
    (finding,) = [one for one in report["checked"]["workflow hero"] if one["severity"] == "error"]
    assert finding["place"]["node"] == "Background sampler"


def test_the_list_tells_states_and_pools(run: Run) -> None:
    run("workflow", "promote", "hero@2", "--by", "maya")
    rows = json.loads(run("workflow", "list", "--json"))
    assert [(row["version"], row["state"], row["promoted_by"]) for row in rows] == [
        (1, "draft", ""),
        (2, "released", "maya"),
    ]
    assert {row["instance_type"] for row in rows} == {"ml.g5.xlarge"}


def test_a_refresh_records_the_servers_nodes_without_its_files(include: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {
        "input": {
            "required": {
                "ckpt_name": [["secret.safetensors"], {}],
                "vae_name": ["COMBO", {"options": ["pixel_space", "secret.safetensors"]}],
            }
        },
        "output": ["MODEL"],
        "output_node": False,
    }
    answers = {
        "/object_info": {"CheckpointLoaderSimple": entry},
        "/system_stats": {"system": {"comfyui_version": "9.9"}},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answers[request.url.path])

    client = httpx.Client
    monkeypatch.setattr(
        httpx, "Client", lambda **more: client(transport=httpx.MockTransport(answer), base_url=more["base_url"])
    )
    catalogue, changed = refresh_nodes(Library(include), "http://127.0.0.1:1")
    assert (catalogue.version, len(catalogue.classes)) == ("9.9", 1)
    assert "KSampler is gone" in changed
    assert catalogue.classes["CheckpointLoaderSimple"].inputs["vae_name"].options == ("pixel_space",)
    assert "secret" not in (include / "object_info.json").read_text()
    assert Library(include).catalogue.version == "9.9", "the project's own record wins"


def test_a_refresh_without_a_server_writes_nothing(include: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = httpx.Client

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(
        httpx, "Client", lambda **more: client(transport=httpx.MockTransport(refuse), base_url=more["base_url"])
    )
    with pytest.raises(EngineError, match="no answer of a ComfyUI"):
        refresh_nodes(Library(include), "http://127.0.0.1:1")
    assert not (include / "object_info.json").exists()

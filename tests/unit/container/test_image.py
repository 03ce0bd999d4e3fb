"""The image's rules, read from its Dockerfile: pinned, small, without a manager, without root where graphs are read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pressrun.core.node_lock import read_node_lock
from pressrun.runner.config import RunnerConfig, read_config

INSTRUCTION = re.compile(r"^(?P<word>[A-Z]+)\s+(?P<rest>.*)$", re.DOTALL)


def instructions(repository: Path) -> list[tuple[str, str]]:
    """(word, rest) of each instruction, continued lines joined, comments left out."""
    text = (repository / "container/Dockerfile").read_text()
    plain = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    found = []
    for line in re.sub(r"\\\n", " ", plain).splitlines():
        if line.strip():
            match = INSTRUCTION.match(line)
            assert match, line
            found.append((match["word"], " ".join(match["rest"].split())))
    return found


def rests(repository: Path, word: str) -> list[str]:
    return [rest for found, rest in instructions(repository) if found == word]


def final_stage(repository: Path) -> list[tuple[str, str]]:
    lines = instructions(repository)
    last = max(index for index, (word, _) in enumerate(lines) if word == "FROM")
    return lines[last:]


def arguments(repository: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rest in rests(repository, "ARG"):
        name, _, value = rest.partition("=")
        found.setdefault(name, set()).add(value)
    return found


def environment(repository: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, rest in final_stage(repository):
        if word == "ENV":
            found |= dict(part.split("=", 1) for part in rest.split())
    return found


def test_every_version_is_pinned_and_said_once(repository: Path) -> None:
    chosen = arguments(repository)
    assert all(len(values) == 1 for values in chosen.values()), "an argument of two stages has two defaults"
    assert re.fullmatch(r"nvidia/cuda:\d+\.\d+\.\d+-base-ubuntu\d\d\.\d\d", *chosen["BASE_IMAGE"])
    assert re.fullmatch(r"[0-9a-f]{40}", *chosen["COMFYUI_COMMIT"])
    assert re.fullmatch(r"v\d+\.\d+\.\d+", *chosen["COMFYUI_TAG"])
    for name in ("TORCH_VERSION", "TORCHVISION_VERSION", "TORCHAUDIO_VERSION"):
        assert re.fullmatch(r"\d+\.\d+\.\d+", *chosen[name])
    text = (repository / "container/Dockerfile").read_text()
    assert ":latest" not in text
    stages = {rest.split()[0] for rest in rests(repository, "FROM")}
    assert stages <= {"${BASE_IMAGE}", "wheel"}


def test_torch_and_the_base_image_are_of_one_cuda_release(repository: Path) -> None:
    chosen = arguments(repository)
    base = re.search(r":(\d+)\.(\d+)\.", *chosen["BASE_IMAGE"])
    assert base
    assert next(iter(chosen["TORCH_INDEX"])).endswith(f"/cu{base[1]}{base[2]}")


def test_a_moved_tag_ends_the_build(repository: Path) -> None:
    clone = next(rest for rest in rests(repository, "RUN") if "git clone" in rest)
    assert re.search(
        r"git clone .*--branch \"\$\{COMFYUI_TAG\}\".*rev-parse HEAD.*!= \"\$\{COMFYUI_COMMIT\}\".*exit 1", clone
    )


def test_everything_from_an_index_is_pinned(repository: Path) -> None:
    for rest in rests(repository, "RUN"):
        for call in re.findall(r"pip install ([^&]+)", rest):
            named = [word for word in call.split() if not word.startswith(("-", "/", '"$')) and "/" not in word]
            assert "--require-hashes" in call or "--no-index" in call or all("==" in word for word in named), call
    for name in ("runner.lock", "comfyui.lock"):
        text = (repository / "container" / name).read_text()
        pins = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==[^ ]+(?: ;[^\\]*)? \\$", text, re.MULTILINE)
        assert len(pins) > 30
        assert text.count("--hash=sha256:") >= len(pins)


def test_the_runner_comes_without_airflow_and_aws_and_with_what_the_wheel_asks_for(repository: Path) -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    text = (repository / "container/runner.lock").read_text()
    locked = {
        canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", text, re.MULTILINE)
    }
    assert not [name for name in locked if re.match(r"apache-airflow|boto|aiobotocore|fastapi|torch|nvidia", name)]
    asked = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {canonicalize_name(Requirement(line).name) for line in asked} <= locked, "run scripts/lock"


def test_comfyuis_lock_leaves_torch_to_its_own_index(repository: Path) -> None:
    text = (repository / "container/comfyui.lock").read_text()
    assert not re.findall(r"^(?:torch|torchvision|torchaudio|triton|nvidia-[a-z0-9-]+)==", text, re.MULTILINE)
    assert not re.findall(r"^comfyui[-_]", text, re.MULTILINE)


def test_nothing_is_piped_into_a_shell_and_nothing_is_added_by_address(repository: Path) -> None:
    for rest in rests(repository, "RUN"):
        assert not re.search(r"\b(?:curl|wget)\b", rest)
        assert "sudo" not in rest
    assert not rests(repository, "ADD")


def test_no_manager_is_brought_and_none_is_switched_on(repository: Path) -> None:
    text = "".join(path.read_text() for path in (repository / "container").iterdir() if path.suffix != ".md")
    assert "manager" not in text.lower()


def test_the_final_stage_has_no_compiler_git_or_wheel(repository: Path) -> None:
    installed = next(rest for word, rest in final_stage(repository) if word == "RUN")
    assert "--no-install-recommends" in installed
    assert "rm -rf /var/lib/apt/lists" in installed
    assert not re.search(r"\b(?:git|gcc|build-essential|curl)\b", installed)
    copies = [rest for word, rest in final_stage(repository) if word == "COPY"]
    assert all(rest.startswith("--from=") for rest in copies)


def test_the_runner_becomes_a_user_that_the_image_makes(repository: Path) -> None:
    user = environment(repository)["PRESSRUN_RUN_AS"]
    made = next(rest for word, rest in final_stage(repository) if word == "RUN" and "useradd" in rest)
    assert re.search(rf"useradd --uid [1-9]\d{{3,}} .* {user}(?: |$)", made)
    assert "USER root" not in (repository / "container/Dockerfile").read_text()


def test_the_environment_is_one_that_the_runner_reads(repository: Path) -> None:
    variables = environment(repository)
    config = read_config({**variables, "PRESSRUN_SHARD_SHA256": "a" * 64})
    assert (config.engine, config.require_gpu, config.comfyui_home) == ("comfyui", True, Path("/opt/comfyui"))
    ours = {name.removeprefix("PRESSRUN_").lower() for name in variables if name.startswith("PRESSRUN_")}
    assert ours <= RunnerConfig.model_fields.keys()
    assert "LD_LIBRARY_PATH" not in variables
    assert dict(final_stage(repository))["ENTRYPOINT"] == '["python", "-m", "pressrun.runner"]'


def test_locks_of_the_repository_are_read(repository: Path) -> None:
    assert read_node_lock((repository / "container/custom_nodes.lock").read_bytes(), file="custom_nodes.lock") == {}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(folder), *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def node(tmp_path: Path) -> tuple[Path, list[str]]:
    """A repository of a custom node, and its two commits."""
    folder = tmp_path / "nice"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    commits = []
    for text in ("one", "two"):
        (folder / "__init__.py").write_text(f"NODE_CLASS_MAPPINGS = {{}}  # {text}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", text)
        commits.append(git(folder, "rev-parse", "HEAD"))
    return folder, commits


def test_custom_nodes_come_at_their_commit_and_without_history(
    repository: Path, tmp_path: Path, node: tuple[Path, list[str]]
) -> None:
    source, (first, _) = node
    lock = tmp_path / "custom_nodes.lock"
    lock.write_text(f"# a comment\n\nnice {source} {first}\n")
    script = repository / "container/fetch_custom_nodes"
    done = subprocess.run(
        [str(script), str(lock), str(tmp_path / "nodes"), sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "# one" in (tmp_path / "nodes/nice/__init__.py").read_text()
    assert not (tmp_path / "nodes/nice/.git").exists()


def test_a_commit_that_is_not_there_ends_the_build(
    repository: Path, tmp_path: Path, node: tuple[Path, list[str]]
) -> None:
    lock = tmp_path / "custom_nodes.lock"
    lock.write_text(f"nice {node[0]} {'0' * 40}\n")
    done = subprocess.run(
        [str(repository / "container/fetch_custom_nodes"), str(lock), str(tmp_path / "nodes"), sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0


def test_an_empty_lock_installs_nothing(repository: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(repository / "container/fetch_custom_nodes"), str(repository / "container/custom_nodes.lock"),
         str(tmp_path / "nodes"), sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "nodes").exists()


@pytest.mark.slow
def test_hadolint_has_nothing_to_say(repository: Path) -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [hadolint, str(repository / "container/Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout

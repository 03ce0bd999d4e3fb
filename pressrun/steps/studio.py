"""The studio: the container's ComfyUI on a workstation, with the container's nodes and models and nothing else.

What an artist exports there names only nodes and models that a job has, and draws with the same code.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pressrun.core.errors import SetupError
from pressrun.core.model_file import MODEL_FOLDERS, ModelFile
from pressrun.core.node_lock import CustomNode
from pressrun.steps.models import locked_models, sha256_of

_ARGUMENT = re.compile(r"^ARG (?P<name>COMFYUI_TAG|COMFYUI_COMMIT)=(?P<value>\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pinned:
    """The ComfyUI of the image."""

    tag: str
    commit: str


def pinned_comfyui(dockerfile: Path) -> Pinned:
    """The tag and commit that container/Dockerfile builds. SetupError where it names none."""
    text = dockerfile.read_text(encoding="utf-8") if dockerfile.is_file() else ""
    found = {match["name"]: match["value"] for match in _ARGUMENT.finditer(text)}
    if len(found) != 2:
        raise SetupError("no ComfyUI is pinned", where=str(dockerfile))
    return Pinned(found["COMFYUI_TAG"], found["COMFYUI_COMMIT"])


def check_home(home: Path, pinned: Pinned) -> None:
    """SetupError where the folder is not the pinned ComfyUI, with the commands that make it so."""
    remedy = (
        f"git clone https://github.com/Comfy-Org/ComfyUI {home} && git -C {home} checkout {pinned.commit}, "
        "then install its requirements"
    )
    if not (home / "main.py").is_file():
        raise SetupError("there is no ComfyUI", where=str(home), remedy=remedy)
    commit = _commit_of(home)
    if commit is not None and commit != pinned.commit:
        raise SetupError(
            f"this ComfyUI is commit {commit[:12]}, the image has {pinned.commit[:12]} ({pinned.tag})", where=str(home),
            remedy=f"git -C {home} fetch && git -C {home} checkout {pinned.commit}",
        )  # fmt: skip
    version = _version_of(home)
    if commit is None and version != pinned.tag.removeprefix("v"):
        raise SetupError(
            f"this ComfyUI is {version or 'of no known version'}, the image has {pinned.tag}", where=str(home),
            remedy=remedy,
        )  # fmt: skip


def check_nodes(home: Path, nodes: Mapping[str, CustomNode]) -> None:
    """SetupError where a locked custom node is absent or at another commit; further ones are simply not loaded."""
    for node in nodes.values():
        folder = home / "custom_nodes" / node.name
        get = f"git clone {node.repository} {folder} && git -C {folder} checkout {node.commit}"
        if not folder.is_dir():
            raise SetupError(f"custom node {node.name} is not there", where=str(folder), remedy=get)
        commit = _commit_of(folder)
        if commit != node.commit:
            raise SetupError(
                f"custom node {node.name} is at {(commit or 'no commit')[:12]}, locked is {node.commit[:12]}",
                where=str(folder), remedy=f"git -C {folder} fetch && git -C {folder} checkout {node.commit}",
            )  # fmt: skip


def link_models(include: Path, folders: Iterable[Path], tree: Path) -> tuple[list[ModelFile], list[ModelFile]]:
    """Link the locked models of this machine into `tree` as graphs name them. Returns (found, absent)."""
    for folder in MODEL_FOLDERS:
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for link in list(tree.rglob("*")):
        if link.is_symlink():
            link.unlink()
    by_size: dict[int, list[Path]] = {}
    for place in folders:
        for path in sorted(place.rglob("*.safetensors")) if place.is_dir() else ():
            if path.is_file():
                by_size.setdefault(path.stat().st_size, []).append(path)
    found, absent = [], []
    for _, model in sorted(locked_models(include).items()):
        same = [path for path in by_size.get(model.size, ()) if sha256_of(path) == model.sha256]
        if not same:
            absent.append(model)
            continue
        link = tree / model.folder / model.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(same[0].resolve())
        found.append(model)
    return found, absent


def studio_command(home: Path, python: str, work: Path, nodes: Iterable[str], *, port: int, cpu: bool) -> list[str]:
    """The command line: the container's flags, but with the frontend. Makes the folders that it names."""
    return [*server_command(home, python, work, nodes), *(["--cpu"] if cpu else []), "--port", str(port)]


def server_command(home: Path, python: str, work: Path, nodes: Iterable[str]) -> list[str]:
    """ComfyUI on loopback with these custom nodes, the models below `work` and nothing else; its port is not in it."""
    for name in ("models", "empty", "input", "output", "temp", "user"):
        (work / name).mkdir(parents=True, exist_ok=True)
    paths = work / "models.yaml"
    entry = {"base_path": str(work / "models"), **{name: name for name in MODEL_FOLDERS}}
    paths.write_text(yaml.safe_dump({"pressrun": entry}), encoding="utf-8")
    command = [python, str(home / "main.py"), "--listen", "127.0.0.1", "--disable-api-nodes"]
    command += ["--disable-all-custom-nodes"]
    if chosen := sorted(nodes):
        command += ["--whitelist-custom-nodes", *chosen]
    # ComfyUI's own models folder is replaced by an empty one: what is not locked cannot be chosen.
    command += ["--models-directory", str(work / "empty"), "--extra-model-paths-config", str(paths)]
    for name in ("input", "output", "temp", "user"):
        command += [f"--{name}-directory", str(work / name)]
    return command


def _commit_of(folder: Path) -> str | None:
    if not (folder / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _version_of(home: Path) -> str:
    file = home / "comfyui_version.py"
    match = re.search(r'__version__ = "([\d.]+)"', file.read_text(encoding="utf-8")) if file.is_file() else None
    return match[1] if match else ""

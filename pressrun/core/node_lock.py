"""Custom nodes by commit: container/custom_nodes.lock, one `name repository commit` a line, `#` for comments.

Plain text on purpose: the image's build reads it with nothing but a shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pressrun.core.errors import InputError

LOCK_FILE = "custom_nodes.lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_REPOSITORY = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._-]+){2,6}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HEAD = (
    "# Custom nodes of the image: name, repository, commit. A custom node is arbitrary Python with the rights of the\n"
    "# engine: read it before you add it. Written by `pressrun nodes add`; the build checks every commit.\n"
)


@dataclass(frozen=True, slots=True)
class CustomNode:
    """One custom node. `name` is its folder below custom_nodes/, and what the engine's whitelist calls it."""

    name: str
    repository: str
    commit: str


def parse_node(text: str) -> CustomNode:
    """`REPOSITORY@COMMIT` as a node; the name is the repository's. InputError says what is wrong with it."""
    repository, separator, commit = text.strip().rpartition("@")
    if not separator or not _COMMIT.fullmatch(commit):
        raise InputError(
            "a custom node is pinned by its full commit", where=text,
            remedy="write https://github.com/OWNER/NAME@ and 40 hex digits; a branch or a tag can move",
        )  # fmt: skip
    repository = repository.removesuffix("/").removesuffix(".git")
    return _checked(CustomNode(repository.rpartition("/")[2], repository, commit), where=text)


def read_node_lock(data: bytes, *, file: str) -> dict[str, CustomNode]:
    """The lock's nodes by name. InputError names the wrong line."""
    found: dict[str, CustomNode] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{file}, line {number}"
        if len(words) != 3:
            raise InputError("a line is `name repository commit`", where=where)
        node = _checked(CustomNode(*words), where=where)
        if node.name in found:
            raise InputError(f"{node.name} is there twice", where=where)
        found[node.name] = node
    return found


def write_node_lock(nodes: Mapping[str, CustomNode]) -> bytes:
    """The lock as text, sorted by name."""
    lines = [f"{node.name} {node.repository} {node.commit}\n" for _, node in sorted(nodes.items())]
    return (_HEAD + "".join(lines)).encode()


def _checked(node: CustomNode, *, where: str) -> CustomNode:
    if not _NAME.fullmatch(node.name):
        raise InputError("a custom node's name is a plain folder name", where=where)
    if not _REPOSITORY.fullmatch(node.repository):
        raise InputError("a repository is an https address", where=where, remedy="https://github.com/OWNER/NAME")
    if not _COMMIT.fullmatch(node.commit):
        raise InputError("a commit is 40 hex digits", where=where, remedy="a branch or a tag can move")
    return node

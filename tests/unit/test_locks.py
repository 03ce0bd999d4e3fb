"""The locks must say what pyproject.toml asks for, and what runs here must be what is locked."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? \\$")
SHIPPED = ("airflow", "aws")


def pins(file: Path) -> list[Requirement]:
    """Every pin of a lock; a line of another shape is a failure."""
    found = []
    for line in file.read_text().splitlines():
        if not line or line.lstrip().startswith(("#", "--hash=sha256:")):
            continue
        match = PIN.match(line)
        assert match, f"{file.name}: {line!r} is not a pin with hashes"
        marker = f"; {match['marker']}" if match["marker"] else ""
        found.append(Requirement(f"{match['name']}=={match['version']}{marker}"))
    return found


def applying(file: Path) -> dict[str, str]:
    """name -> version, of the pins whose marker is true here."""
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins(file)
        if pin.marker is None or pin.marker.evaluate()
    }


def asked(repository: Path, *extras: str) -> list[Requirement]:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.txt", SHIPPED), ("requirements-dev.txt", (*SHIPPED, "dev"))]
)
def test_the_lock_satisfies_the_ranges(lock: str, extras: tuple[str, ...], repository: Path) -> None:
    locked = applying(repository / lock)
    for requirement in asked(repository, *extras):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not in {lock}: run scripts/lock"
        assert requirement.specifier.contains(locked[name], prereleases=True), (
            f"{name} left its range: run scripts/lock"
        )


def test_the_development_lock_holds_the_shipped_one_unchanged(repository: Path) -> None:
    """The same versions; a development tool may want one of them on more platforms, which changes its marker only."""
    shipped, developed = (
        {f"{canonicalize_name(pin.name)}{pin.specifier}" for pin in pins(repository / file)}
        for file in ("requirements.txt", "requirements-dev.txt")
    )
    assert shipped <= developed
    here = applying(repository / "requirements-dev.txt").items()
    assert applying(repository / "requirements.txt").items() <= here


def test_the_s3_endpoint_is_pinned_as_it_is_asked_for(repository: Path) -> None:
    lines = (repository / "requirements-s3.in").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    locked = applying(repository / "requirements-s3.txt")
    assert [locked[requirement.name] for requirement in wanted] == ["1.5.33"]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "requirements-s3.txt"])
def test_a_lock_names_no_index_and_no_place_on_a_disk(lock: str, repository: Path) -> None:
    text = (repository / lock).read_text()
    for word in ("index-url", "find-links", "://", "/work", "/home", "/root", "/opt", "file:"):
        assert word not in text


def test_what_runs_here_is_what_is_locked(repository: Path) -> None:
    locked = applying(repository / "requirements-dev.txt")
    installed = {canonicalize_name(found.name): found.version for found in importlib.metadata.distributions()}
    differing = {
        name: (version, installed.get(name)) for name, version in locked.items() if installed.get(name) != version
    }
    assert not differing, "run scripts/setup dev"

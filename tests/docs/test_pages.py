"""The documentation is tested: links, commands, code blocks, generated pages, and what must never stand in it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pressrun.core import errors
from pressrun.core.campaign import CampaignSpec, parse_campaign
from pressrun.core.request import RunConf
from pressrun.settings import PREFIX, Settings, variable

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^( *)(<!-- tested -->\n *)?```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FORBIDDEN = (
    r"https?://[^\s)]*/simple/",  # a package index
    r"(?<![\w.])/(?:work|root|home|Users|mnt)/",  # somebody's machine
    r"\b(?:TODO|FIXME|lorem ipsum)\b",
)


def blocks(page: Path) -> Iterator[tuple[str, str, bool]]:
    """(language, text, to be executed) of each fenced block."""
    for match in BLOCK.finditer(page.read_text()):
        indent = match[1]
        text = "".join(line.removeprefix(indent) for line in match[4].splitlines(keepends=True))
        yield match[3], text, match[2] is not None


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def each_block(*languages: str) -> list[tuple[Path, str]]:
    return [(page, text) for page in PAGES for language, text, _ in blocks(page) if language in languages]


def name_of(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else ""


def test_generated_pages_follow_from_the_code(load: Callable[[str], ModuleType]) -> None:
    made = load("scripts/generate_docs.py").PAGES
    note = load("scripts/generate_docs.py").NOTE.strip()
    claimed = {path.name for path in (ROOT / "docs" / "reference").glob("*.md") if note in path.read_text()}
    assert claimed == {Path(path).name for path in made if path.startswith("docs/reference/")}
    behind = [path for path, make in made.items() if (ROOT / path).read_text() != make()]
    assert not behind, "run scripts/docs and commit what it writes"


def test_check_says_which_command_mends_an_old_page(
    load: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = load("scripts/generate_docs.py")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PAGES", {"docs/reference/errors.md": module.errors_page})
    assert module.main(["--check"]) == 1
    assert "docs/reference/errors.md; run scripts/docs" in capsys.readouterr().err
    assert module.main([]) == 0
    assert module.main(["--check"]) == 0


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    for name in Settings.model_fields:
        assert f"| `{variable(name)}` |" in text


def test_every_key_of_a_campaign_has_its_sentence(load: Callable[[str], ModuleType]) -> None:
    specs = load("scripts/generate_docs.py").specs()
    assert CampaignSpec in specs
    without = [
        f"{kind.__name__}.{name}"
        for kind in specs
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert not without


def test_the_error_tree_tells_every_class() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.PressrunError):
            assert name in (errors.__doc__ or "")
            assert f"`{name}`" in (ROOT / "docs/reference/errors.md").read_text()


def test_findings_are_found_however_they_are_made(load: Callable[[str], ModuleType]) -> None:
    import ast

    code = """
def one(self, name):
    self.say("a-kind", f"no {name} here", place, "add it")
    message = f"{name} is twice"
    yield Finding(code="b-kind", message=message, remedy="remove one" if name else "", severity="warning")
    gather.say("c-kind", exc.message, place, exc.remedy)
    spec.get("x-bind", [])
    log.info("not-a-finding")
"""
    made = [
        (m.code, m.message, m.remedy, m.severity) for m in load("scripts/generate_docs.py").findings_in(ast.parse(code))
    ]
    assert made == [
        ("a-kind", "no … here", "add it", "error"),
        ("c-kind", "(names what is wrong)", "", "error"),
        ("b-kind", "… is twice", "remove one", "warning"),
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors(found), f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_stands_in_a_page_that_must_not(page: Path) -> None:
    for pattern in FORBIDDEN:
        found = re.search(pattern, page.read_text())
        assert not found, f"{name_of(page)}: {found[0] if found else ''}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_scripts_and_settings_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for name in re.findall(r"(?<![\w/])scripts/(\w+)(?![\w.]*/)", text):
        file = ROOT / "scripts" / name
        assert file.exists(), f"{name_of(page)}: scripts/{name}"
        assert os.access(file, os.X_OK)
    documented = (ROOT / "docs/reference/settings.md").read_text()
    for name in re.findall(rf"\b{PREFIX}[A-Z0-9_]+[A-Z0-9]\b", text):
        assert f"`{name}`" in documented, f"{name_of(page)}: {name}"


@pytest.mark.parametrize(("page", "text"), each_block("bash"), ids=name_of)
def test_shell_blocks_parse(page: Path, text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "text"), each_block("bash"), ids=name_of)
def test_pressrun_commands_that_are_shown_exist(page: Path, text: str) -> None:
    documented = (ROOT / "docs/reference/commands.md").read_text()
    for line in re.findall(r"(?:^|\s|\(|/)pressrun ((?:[a-z]+ ?)+)", text, re.MULTILINE):
        words = line.split()
        known = any(f"## `pressrun {' '.join(words[:count])}`" in documented for count in (1, 2))
        assert known, f"{name_of(page)}: pressrun {line}"


@pytest.mark.parametrize(("page", "text"), each_block("python"), ids=name_of)
def test_python_blocks_compile_and_import_what_exists(page: Path, text: str) -> None:
    imported = [
        (node.module, name.name)
        for node in ast.walk(ast.parse(text, name_of(page)))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pressrun")
        for name in node.names
    ]
    assert [f"{module}.{name}" for module, name in imported if not hasattr(import_module(module), name)] == []


@pytest.mark.parametrize(("page", "text"), each_block("yaml"), ids=name_of)
def test_campaigns_that_are_shown_are_campaigns(page: Path, text: str) -> None:
    assert text.startswith("campaign: ")
    assert parse_campaign(text.encode(), file=name_of(page)).review.reviewers


def test_the_keys_of_a_conf_are_told() -> None:
    text = (ROOT / "docs/how-to/backfill-a-market.md").read_text()
    told = text.rpartition("The keys that a conf may hold:")[2]
    assert set(re.findall(r"`(\w+)`", told.partition(". A")[0])) == set(RunConf.model_fields) - {"knobs"}
    assert "`knob_steps` for `steps`" in told


@pytest.mark.parametrize(
    ("page", "line"),
    [
        (page, line)
        for page in PAGES
        for _, text, tested in blocks(page)
        if tested
        for line in text.splitlines()
        if line.strip()
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_commands_that_are_marked_run(page: Path, line: str) -> None:
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_the_first_screen_has_one_sentence_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    first = "\n".join(text.splitlines()[:30])
    assert first.startswith("# Pressrun\n\n")
    assert len(re.findall(r"[.!?](?:\s|$)", first.split("\n\n")[1])) == 1
    assert {"scripts/demo", "scripts/demo --yes"} <= {line.partition("#")[0].strip() for line in first.splitlines()}
    for said in ("Proved here", "Never run on AWS yet", "What changes for AWS"):
        assert said in first


def test_decisions_are_numbered_complete_and_listed() -> None:
    files = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    index = (ROOT / "docs/README.md").read_text()
    for file in files:
        text = file.read_text()
        assert re.match(rf"# {int(file.name[:4])}\. .+\n\nStatus: (?:accepted|superseded by \[)", text), file.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], file.name
        assert f"adr/{file.name}" in index
        assert len(text.split()) < 450, f"{file.name} is longer than a page"


def test_every_page_can_be_reached_from_the_index() -> None:
    """From docs/README.md directly, or from the README.md of a folder that it links to."""
    index = ROOT / "docs/README.md"
    reached: set[Path] = set()
    waiting = [index]
    while waiting:
        page = waiting.pop()
        linked = {(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(page.read_text())}
        waiting += [found for found in linked - reached if found.name == "README.md" and index.parent in found.parents]
        reached |= linked
    missing = [name_of(page) for page in PAGES if (ROOT / "docs") in page.parents and page not in reached | {index}]
    assert missing == []

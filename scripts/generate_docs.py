"""Writes the pages and drawings of docs that follow from code and library; `--check` says which no longer do."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pressrun.core import campaign, errors, keys, overlay
from pressrun.core.errors import PressrunError
from pressrun.local.options import LocalOptions, port_setting
from pressrun.runner.config import RunnerConfig, variable
from pressrun.settings import Settings
from pressrun.settings import variable as setting_variable
from pressrun.steps.drawing import draw_version
from pressrun.steps.library import Library

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by scripts/docs from the code: change the code, then run it. -->\n"
# Helpers that make a finding of a message that somebody else wrote.
_MAKERS = {"say", "_say", "_one", "finding", "fatal", "table_finding"}
_CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")


def settings_page() -> str:
    """Every setting: variable, type, default, sentence."""
    rows = [
        (f"`{setting_variable(name)}`", kind_of(field.annotation), default_of(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page(
        "Settings",
        "Every setting of Pressrun, read from the environment of the scheduler, the DAG processor, the triggerer, "
        "the API server and the workers alike. A wrong value is refused by name when a process starts. "
        "Besides these, "
        "AWS's own variables are honoured: `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL_SAGEMAKER` make the same "
        "DAG run on a laptop.",
        table(("Variable", "Type", "Default", "What it is"), rows),
        "## The press on your own machine",
        "Read by `scripts/demo` and `pressrun local` only.",
        table(
            ("Variable", "Default", "What it is"),
            [
                (f"`{port_setting(name)}`", f"`{port}`", f"Port of {name}.")
                for name, port in LocalOptions().ports.items()
            ],
        ),
        "## On the command line",
        "`pressrun localize` starts runs as this Airflow user; where they are not set, as `maya` of the local press.",
        table(
            ("Variable", "What it is"),
            [
                ("`PRESSRUN_AIRFLOW_USER`", "User name."),
                ("`PRESSRUN_AIRFLOW_PASSWORD`", "Password."),
            ],
        ),
        "## In the container",
        "The runner reads these from the job's environment. Pressrun sets the shard's digest and the engine itself; "
        "the others are for those who bring their own image.",
        table(
            ("Variable", "Type", "Default", "What it is"),
            [
                (f"`{variable(name)}`", kind_of(field.annotation), default_of(field), field.description or "")
                for name, field in RunnerConfig.model_fields.items()
            ],
        ),
    )


def campaign_page() -> str:
    """Every key of campaign.yaml."""
    parts = [
        "Every key of `include/campaigns/NAME/campaign.yaml`. An unknown key is a finding: no typo goes unnoticed."
    ]
    for kind in specs():
        rows = [
            (f"`{field.alias or name}`", kind_of(field.annotation), default_of(field), field.description or "")
            for name, field in kind.model_fields.items()
        ]
        parts += [
            f"## {kind.__name__}\n\n{inspect.getdoc(kind)}",
            table(("Key", "Type", "Default", "What it is"), rows),
        ]
    return page("campaign.yaml", *parts)


def specs() -> list[type[BaseModel]]:
    """The models of campaign.yaml, the campaign itself first."""
    found: list[type[BaseModel]] = [campaign.CampaignSpec]
    for field in campaign.CampaignSpec.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found.append(field.annotation)
    return [*found, overlay.DerivedInput, overlay.OverlaySpec, overlay.BlockSpec, overlay.PanelSpec, overlay.GroundSpec]


def errors_page() -> str:
    """The error tree, as its module tells it, and what each class means."""
    found: list[type[PressrunError]] = [PressrunError]
    for kind in found:
        found += [below for below in kind.__subclasses__() if below.__module__.startswith("pressrun.core")]
    rows = [(f"`{kind.__name__}`", f"`{kind.__mro__[1].__name__}`", summary(kind)) for kind in found]
    return page(
        "Errors",
        "Whatever Pressrun raises on purpose is one of these. Each carries `message` (what failed), `where` (file, "
        "row, column, node or URI) and `remedy` (what a person can do), and is one line: `where: message — remedy`.",
        f"```text\n{(errors.__doc__ or '').partition(chr(10))[2].strip()}\n```",
        table(("Class", "Is a", "Meaning"), rows),
    )


def keys_page() -> str:
    """The object keys, a public contract."""
    lines = inspect.cleandoc(keys.__doc__ or "").splitlines()
    return page("Object keys", lines[0], "```text\n" + "\n".join(lines[1:]).strip() + "\n```")


def findings_page() -> str:
    """Every finding the code can make."""
    by_code: dict[str, list[Made]] = {}
    for file in sorted((ROOT / "pressrun").rglob("*.py")):
        for made in findings_in(ast.parse(file.read_text())):
            by_code.setdefault(made.code, []).append(made)
    rows = []
    for code, several in sorted(by_code.items()):
        severity = "warning" if all(made.severity == "warning" for made in several) else "error"
        messages = "<br>".join(dict.fromkeys(made.message for made in several))
        remedies = "<br>".join(dict.fromkeys(made.remedy for made in several if made.remedy))
        rows.append((f"`{code}`", severity, messages, remedies))
    return page(
        "Findings",
        "What `pressrun check`, `validate_plan` and the findings page can say of a campaign. All findings of a plan "
        "are collected in one pass, each with its place: file, row as a spreadsheet counts it, column, graph node "
        "or JSON pointer. The codes are stable; `…` stands for what is filled in.",
        table(("Code", "Severity", "Message", "What to do"), rows),
    )


@dataclass(frozen=True)
class Made:
    """A place in the code that makes a finding."""

    code: str
    message: str
    remedy: str
    severity: str


def findings_in(tree: ast.AST) -> Iterator[Made]:
    """Calls that pass a code and, after it, a sentence: `Finding(code=…, message=…)` and the helpers around it."""
    texts = Texts(tree)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        plain = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
        index = next((at for at, argument in enumerate(plain) if _CODE.fullmatch(texts.of(argument))), None)
        if index is None and not _CODE.fullmatch(texts.of(named.get("code"))):
            continue
        code = texts.of(plain[index] if index is not None else named["code"])
        after = [texts.of(argument) for argument in plain[index + 1 :]] if index is not None else []
        sentences = [text for text in after if " " in text]
        maker = ast.unparse(call.func).rpartition(".")[2]
        if "message" in named or (not sentences and ("code" in named or maker in _MAKERS)):
            message = texts.of(named.get("message")) or "(names what is wrong)"
        else:
            message = sentences.pop(0) if sentences else ""
        remedy = texts.of(named.get("remedy")) or (sentences.pop(0) if sentences else "")
        if message:
            yield Made(code, message, remedy, texts.of(named.get("severity")) or "error")


class Texts:
    """The texts of a module's string expressions, with `…` for what is filled in."""

    def __init__(self, tree: ast.AST) -> None:
        self._assigned = sorted(
            (
                (node.lineno, target.id, node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            ),
            key=lambda found: found[0],
        )

    def of(self, node: ast.expr | None) -> str:
        """Its text; a name stands for what was last assigned to it above; "" for anything but a string."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        if isinstance(node, ast.JoinedStr):
            return "".join(self.of(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
        if isinstance(node, ast.IfExp):
            return self.of(node.body) or self.of(node.orelse)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.of(node.left) + self.of(node.right)
        if isinstance(node, ast.Name):
            above = [value for line, name, value in self._assigned if name == node.id and line < node.lineno]
            return self.of(above[-1]) if above and not isinstance(above[-1], ast.Name) else ""
        return ""


def commands_page() -> str:
    """The command line, as it helps itself."""
    typer_main = importlib.import_module("typer.main")
    command = typer_main.get_command(importlib.import_module("pressrun.cli").app)
    blocks = [f"## `{name}`\n\n{text}" for name, text in helps(command, "pressrun")]
    return page("Commands", "The `pressrun` command; `scripts/…` use it too.", *blocks)


def helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """(name, description) of a command and of those below it."""
    below = getattr(command, "commands", {})
    if not below or name != "pressrun":
        said = inspect.cleandoc(command.help or "").replace("\b\n", "").strip()
        rows = []
        for parameter in command.params:
            spelled = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name.upper()
            rows.append((f"`{spelled}`", (getattr(parameter, "help", None) or "").strip()))
        yield (
            name,
            "\n\n".join(part for part in (said, table(("Argument", "What it is"), rows) if rows else "") if part),
        )
    for word, child in below.items():
        yield from helps(child, f"{name} {word}")


def bare(annotation: Any) -> Any:
    """A type without what pydantic was told besides, at any depth."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(arguments[0])
    if origin in (tuple, list, dict):
        return origin[tuple(one if one is Ellipsis else bare(one) for one in arguments)]
    return annotation


def kind_of(annotation: Any) -> str:
    """A type in words."""
    annotation = bare(annotation)
    text = (
        annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
    )
    text = re.sub(r"\b(?:typing|pathlib|pressrun[\w.]*|pathlib\._local)\.", "", text).replace(", ...", "")
    return f"`{text.replace('tuple[', 'list[').replace('|', 'or')}`"


def default_of(field: Any) -> str:
    """A default in words."""
    if field.default_factory is not None:
        return "the current folder" if field.default_factory == Path.cwd else "empty"
    if field.default is PydanticUndefined:
        return "required"
    value = field.default
    if isinstance(value, BaseModel):
        return "see below"
    if value is None or value in ((), {}, ""):
        return "none"
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def summary(thing: Any) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside a cell are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("\n", " ").replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def drawing(name: str) -> Callable[[], str]:
    """A workflow of the library as an SVG."""

    def make() -> str:
        library = Library(ROOT / "include")
        return draw_version(library, library.find(name))

    return make


def workflows() -> list[str]:
    return sorted(path.name.removesuffix(".api.json") for path in (ROOT / "include/workflows").glob("*.api.json"))


def page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", NOTE.strip(), *parts)).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/campaign.md": campaign_page,
    "docs/reference/commands.md": commands_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/findings.md": findings_page,
    "docs/reference/keys.md": keys_page,
    "docs/reference/settings.md": settings_page,
    **{f"docs/images/workflows/{name}.svg": drawing(name) for name in workflows()},
}


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    behind = []
    for path, make in PAGES.items():
        file, text = ROOT / path, make()
        if file.exists() and file.read_text() == text:
            continue
        behind.append(path)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {path}")
    if behind and "--check" in arguments:
        print(f"out of date: {', '.join(behind)}; run scripts/docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""YAML files that serve all campaigns: policies, pools, the registry. All that is wrong is told in one pass."""

from __future__ import annotations

from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pressrun.core.findings import Finding, FindingsError, Place

Model = TypeVar("Model", bound=BaseModel)


def read_authored(model: type[Model], data: bytes, *, file: str, what: str) -> Model:
    """The file as `model`; an empty file is the model's defaults. `what` is how people call it ("a node policy").

    FindingsError (an InputError) has a finding for each wrong entry.
    """
    try:
        raw: Any = yaml.safe_load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        wrong = Finding(
            code="file-yaml", message=f"not UTF-8 (byte {exc.start})", place=Place(file=file),
            remedy="save the file as UTF-8",
        )  # fmt: skip
        raise _error(file, f"not {what}", [wrong]) from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = Place(file=file, row=mark.line + 1 if mark else None)
        wrong = Finding(
            code="file-yaml", message=f"not YAML: {getattr(exc, 'problem', None) or exc}", place=place,
            remedy="fix the syntax",
        )  # fmt: skip
        raise _error(file, f"not {what}", [wrong]) from exc
    try:
        return model.model_validate({} if raw is None else raw)
    except ValidationError as exc:
        found = [
            Finding(
                code="file-entry",
                message=error["msg"].removeprefix("Value error, "),
                place=Place(file=file, pointer="/" + "/".join(map(str, error["loc"]))),
                remedy="unknown key: remove it or fix its spelling" if error["type"] == "extra_forbidden" else "",
            )
            for error in exc.errors()
        ]
        raise _error(file, f"not {what}", found) from exc


def _error(file: str, message: str, wrong: list[Finding]) -> FindingsError:
    told = (f"{found.place.pointer}: {found.message}" if found.place.pointer else found.message for found in wrong)
    return FindingsError(f"{message}: {'; '.join(told)}", where=file, findings=wrong)

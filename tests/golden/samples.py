"""One sample of every document, made from its types alone. `python tests/golden/samples.py` writes those that are missing.

A golden file of a released version is never rewritten: it stands for what lies in people's buckets. A document that
changes gets the next schema number and a file of its own, and the old file stays as long as readers accept the old
number. `--rewrite` is for documents that no release has written yet.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

import pressrun.core
from pressrun.core.campaign import CampaignSpec, QualitySpec
from pressrun.core.codec import VersionedDocument, schema_of
from pressrun.core.item import Batch

HERE = Path(__file__).resolve().parent

# Models whose validators ask for more than types can tell.
CHOSEN: dict[type[BaseModel], dict[str, Any]] = {
    Batch: {"size": 2},
    QualitySpec: {"min_loudness": -50.0},
    CampaignSpec: {
        "campaign": "spring_sale",
        "locales": ["de-DE", "ja-JP"],
        "cell": ["product", "locale"],
        "seed_axes": ["product"],
        "axes": {"variant": [{"id": "sunrise"}]},
        "batch": "variant",
        "combine": "product * locale * variant",
        "include": [{"locale": ["de-DE"]}],
        "exclude": [{"variant": ["sunset"], "locale": ["ja-JP"]}],
        "overrides": [{"when": {"locale": ["ja-JP"]}, "params": {"steps": 30}}],
    },
}


def documents() -> list[type[VersionedDocument]]:
    """Every document class of the core, by schema name."""
    for module in pkgutil.iter_modules(pressrun.core.__path__):
        importlib.import_module(f"pressrun.core.{module.name}")
    found: list[type[VersionedDocument]] = []
    waiting = list(VersionedDocument.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("pressrun.core.") and "SCHEMA" in kind.__dict__:
            found.append(kind)
    return sorted(found, key=schema_of)


def sample(kind: type[BaseModel], **fields: Any) -> Any:
    """A document with every field set, optional ones too; `fields` replace what the types suggest."""
    values = {
        name: CHOSEN.get(kind, {}).get(name, _value(field.annotation, name))
        for name, field in kind.model_fields.items()
    }
    return kind.model_validate(values | fields)


def _value(annotation: Any, name: str) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(arguments[0], name)
    if origin in (Union, types.UnionType):
        return _value(next(kind for kind in arguments if kind is not type(None)), name)
    if origin is Literal:
        return arguments[0]
    if origin is tuple and Ellipsis not in arguments:
        return [_value(argument, name) for argument in arguments]
    if origin in (tuple, list, frozenset):
        return [_value(arguments[0], name)]
    if origin is dict:
        return {"key": _value(arguments[1], name)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation)
    plain = {bool: True, int: 1, float: 0.5, str: f"{name} 名"}
    return plain.get(annotation, "anything")


def path_of(kind: type[VersionedDocument]) -> Path:
    return HERE / f"{schema_of(kind).replace('/', '-')}.json"


def main() -> int:
    for kind in documents():
        if "--rewrite" in sys.argv[1:] or not path_of(kind).exists():
            path_of(kind).write_bytes(sample(kind).to_bytes() + b"\n")
            print(path_of(kind).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

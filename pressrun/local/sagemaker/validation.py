"""Request validation against the service models that ship with botocore, so no constraint is copied by hand."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session

from pressrun.local.sagemaker.errors import ApiError, invalid

CONTAINER_ROOT = "/opt/ml"
_TYPES: dict[str, tuple[type[Any], ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


@functools.cache
def service_model(service: str) -> Any:
    """botocore's model of a service, for example "sagemaker" or "logs"."""
    return botocore.session.get_session().get_service_model(service)


def validate(service: str, operation: str, request: dict[str, Any]) -> None:
    """Refuse a request as the service would: ApiError with its code and its wording, all violations at once."""
    shape = service_model(service).operation_model(operation).input_shape
    found = list(_violations(shape, request, ""))
    if found:
        text = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: " + "; ".join(found)
        raise ApiError("InvalidParameterException", text) if service == "logs" else invalid(text)


@functools.cache
def _pattern(text: str) -> re.Pattern[str] | None:
    # The models write Java expressions; Python's re has no \p classes.
    text = text.replace(r"\p{L}", "A-Za-z\u00c0-\uffff").replace(r"\p{Z}", r"\s").replace(r"\p{N}", "0-9")
    try:
        return re.compile(text)
    except re.error:
        return None  # an expression Python cannot read is not a reason to refuse


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    fits: bool = isinstance(value, _TYPES.get(kind, (object,)))
    if not fits or (isinstance(value, bool) and kind != "boolean"):
        raise ApiError("SerializationException", f"{type(value).__name__} can not be converted to {kind} at '{path}'")
    yield from _bounds(shape, value, path)
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], _join(path, name))
    elif kind == "list":
        for number, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}.key")
            yield from _violations(shape.value, item, f"{path}.{key}.member")


def _bounds(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind, meta = shape.type_name, shape.metadata
    shown = "..." if kind == "structure" else value
    said = f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must "
    if kind in ("list", "map", "string"):
        if len(value) < meta.get("min", 0):
            yield f"{said}have length greater than or equal to {meta['min']}"
        if "max" in meta and len(value) > meta["max"]:
            yield f"{said}have length less than or equal to {meta['max']}"
    if kind in ("integer", "long", "float", "double"):
        if "min" in meta and value < meta["min"]:
            yield f"{said}have value greater than or equal to {meta['min']}"
        if "max" in meta and value > meta["max"]:
            yield f"{said}have value less than or equal to {meta['max']}"
    if kind == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{said}satisfy enum value set: [{', '.join(shape.enum)}]"
        expression = _pattern(meta["pattern"]) if "pattern" in meta else None
        if expression and not expression.fullmatch(value):
            yield f"{said}satisfy regular expression pattern: {meta['pattern']}"


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def validate_processing_job(request: dict[str, Any]) -> None:
    """The rules that CreateProcessingJob's documentation states and its shapes do not; and what is not emulated."""
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if ("InstanceType" in cluster) == ("InstancePreferences" in cluster):
        raise invalid("Specify exactly one of InstanceType and InstancePreferences")
    if cluster.get("SelectedInstanceType") or cluster.get("SelectedInstanceCount"):
        raise invalid("SelectedInstanceType and SelectedInstanceCount are read-only")
    names: set[str] = set()
    paths: set[str] = set()
    for item in request.get("ProcessingInputs", []):
        _check_channel("Input", item, names, paths)
    for item in (request.get("ProcessingOutputConfig") or {}).get("Outputs", []):
        _check_channel("Output", item, names, paths)


def _check_channel(kind: str, item: dict[str, Any], names: set[str], paths: set[str]) -> None:
    name = item[f"{kind}Name"]
    if name in names:
        raise invalid(f"Duplicate {kind}Name {name}")
    names.add(name)
    if item.get("AppManaged"):
        return
    spec = item.get(f"S3{kind}")
    if not spec:
        raise invalid(f"{kind} {name}: only S3{kind} is emulated")
    if not spec["S3Uri"].startswith("s3://"):
        raise invalid(f"{kind} {name}: S3Uri '{spec['S3Uri']}' must start with s3://")
    local = (spec.get("LocalPath") or "").rstrip("/")
    if not local.startswith(f"{CONTAINER_ROOT}/processing/") or ".." in local.split("/"):
        raise invalid(f"LocalPath '{local}' must be an absolute path under {CONTAINER_ROOT}/processing/")
    if local in paths:
        raise invalid(f"LocalPath '{local}' is used twice")
    paths.add(local)
    if spec.get("S3InputMode") == "Pipe" or spec.get("S3CompressionType") == "Gzip":
        raise invalid(f"{kind} {name}: Pipe mode is not emulated")

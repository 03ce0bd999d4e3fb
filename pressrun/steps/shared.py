"""The files in include/ that serve every campaign, read one by one, so that one bad file does not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pressrun.core.brand import parse_brand
from pressrun.core.errors import InputError
from pressrun.core.findings import Finding, FindingsError, Place
from pressrun.core.ledger import parse_budgets
from pressrun.core.models import LOCK_FILE, read_models_lock
from pressrun.core.node_info import read_object_info
from pressrun.core.node_policy import parse_node_policy
from pressrun.core.people import parse_review_policy
from pressrun.core.pools import parse_pools
from pressrun.core.prices import parse_prices
from pressrun.core.prompt_policy import parse_prompt_policy
from pressrun.core.releases import parse_registry
from pressrun.core.retention import read_policy
from pressrun.steps.library import OBJECT_INFO, REGISTRY

_READERS: dict[str, Callable[[bytes, str], object]] = {
    OBJECT_INFO: lambda data, file: read_object_info(data, file=file),
    LOCK_FILE: lambda data, file: read_models_lock(data, file=file),
    REGISTRY: lambda data, file: parse_registry(data, file=file),
    "policy/nodes.yaml": lambda data, file: parse_node_policy(data, file=file),
    "policy/pools.yaml": lambda data, file: parse_pools(data, file=file),
    "policy/prompts.yaml": lambda data, file: parse_prompt_policy(data, file=file),
    "policy/prices.yaml": lambda data, file: parse_prices(data, file=file),
    "policy/budgets.yaml": lambda data, _: parse_budgets(data),
    "policy/review.yaml": lambda data, _: parse_review_policy(data),
    "policy/retention.yaml": lambda data, file: read_policy(data, file=file),
    "brand/palette.yaml": lambda data, file: parse_brand(data, file=file),
}


def check_shared(include: Path) -> dict[str, tuple[Finding, ...]]:
    """The findings of each shared file that is there, by its path in include/."""
    return {name: _check(include / name, name, read) for name, read in _READERS.items() if (include / name).is_file()}


def _check(path: Path, name: str, read: Callable[[bytes, str], object]) -> tuple[Finding, ...]:
    try:
        read(path.read_bytes(), name)
    except FindingsError as exc:
        return exc.findings
    except InputError as exc:
        place = Place(file=exc.where or name)
        return (Finding(code="file-entry", message=exc.message, place=place, remedy=exc.remedy or ""),)
    return ()

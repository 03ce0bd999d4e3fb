"""NextToken: where the next page of a listing begins, opaque to the caller."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def page(items: Sequence[Item], token: str | None, size: int) -> tuple[list[Item], str | None]:
    """(this page, the next token or None). ValueError for a token that this function did not make."""
    start = _decode(token) if token else 0
    following = start + size
    return list(items[start:following]), _encode(following) if following < len(items) else None


def _encode(position: int) -> str:
    return base64.urlsafe_b64encode(f"from:{position}".encode()).decode()


def _decode(token: str) -> int:
    try:
        head, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError) as exc:
        raise ValueError(token) from exc
    if head != "from" or not number.isdigit():
        raise ValueError(token)
    return int(number)

"""Identifiers: derived, never random, so that the same work has the same name on every try and every machine."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pressrun.core.codec import digest_of
from pressrun.core.errors import InputError

_IDENT = re.compile(r"[a-z0-9](?:[a-z0-9]|[-_](?=[a-z0-9])){0,47}")
JOB_NAME_LIMIT = 63


def ident(text: str, *, what: str, where: str | None = None) -> str:
    """Check a name that will become part of an object key: a-z, 0-9, single - or _ inside, at most 48 characters."""
    if not _IDENT.fullmatch(text):
        raise InputError(
            f"{what} {text!r} is not a plain name",
            where=where,
            remedy="use at most 48 of a-z, 0-9, with single - or _ inside",
        )
    return text


def dag_id_of(campaign: str) -> str:
    """The DAG of a campaign. One campaign file, one DAG."""
    return f"press_{campaign}"


def campaign_of(dag_id: str) -> str | None:
    """The campaign of a DAG id, or None where the DAG is not ours."""
    return dag_id.removeprefix("press_") if dag_id.startswith("press_") else None


def run_prefix(*, deployment: str, dag_id: str, run_id: str) -> str:
    """What all editions of one DAG run share. A run id alone is unique only within its DAG."""
    campaign = campaign_of(dag_id) or dag_id
    return f"{campaign}-{digest_of([deployment, dag_id, run_id])[:12]}-"


def run_key(*, deployment: str, dag_id: str, run_id: str, conf: Mapping[str, object]) -> str:
    """The key of one run edition.

    A backfill that reprocesses a date keeps the run id and swaps the conf; the conf's digest keeps the first
    edition's documents from being overwritten by the second.
    """
    return run_prefix(deployment=deployment, dag_id=dag_id, run_id=run_id) + digest_of(dict(conf))[:6]


def item_id(*, campaign: str, axes: Mapping[str, str]) -> str:
    """16 hex digits, the same for the same cell and candidate in every run, drop and round."""
    return digest_of(["item", campaign, dict(axes)])[:16]


def cell_id(*, campaign: str, axes: Mapping[str, str]) -> str:
    """12 hex digits for the cell's own axes (product, locale, size …)."""
    return digest_of(["cell", campaign, dict(axes)])[:12]


def job_name(*, run_key: str, phase: str, index: int, attempt: int, shard_digest: str) -> str:
    """The idempotency key of a paid job: at most 63 of [A-Za-z0-9-], readable first, then a hash of everything."""
    tail = digest_of([run_key, phase, index, attempt, shard_digest])[:12]
    readable = re.sub(r"[^a-z0-9]+", "-", run_key.rsplit("-", 2)[0].lower()).strip("-")[:24].strip("-")
    name = f"pr-{readable}-{phase}-{index:04d}-a{attempt}-{tail}"
    if len(name) > JOB_NAME_LIMIT:
        raise AssertionError(f"job name too long: {name}")
    return name

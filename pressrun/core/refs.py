"""What travels through XCom: ids, URIs, digests and counts, never documents."""

from __future__ import annotations

from typing import TypedDict


class PlanRef(TypedDict):
    """Points at the plan of a run edition; every later task starts from it."""

    run_key: str
    campaign: str
    press: str
    plan_digest: str
    plan_uri: str
    planned: int


class FindingsRef(TypedDict):
    uri: str
    errors: int
    warnings: int


class QuoteRef(TypedDict):
    """`shards` counts the main shards, `canary` is 0 or 1; `usd` is expected, `ceiling_usd` the provable most."""

    digest: str
    uri: str
    to_render: int
    reused: int
    canary: int
    shards: int
    usd: float
    ceiling_usd: float
    unpriced: int
    needs_approval: bool


class ShardRef(TypedDict):
    """What a finished render task says of its shard."""

    phase: str
    index: int
    jobs: list[str]
    rendered: int
    failed: int


class CollectionRef(TypedDict):
    """`round` is the open review round, 0 where nothing can be reviewed. `settled` means no person is needed."""

    digest: str
    uri: str
    round: int
    settled: bool
    counts: dict[str, int]
    jobs: int


class ReviewRef(TypedDict):
    closed_uri: str
    by: str
    counts: dict[str, int]


class PublishRef(TypedDict):
    receipt_uri: str
    index_uri: str
    delivery_uri: str
    approved: int
    published: int
    already_published: int


class CloseRef(TypedDict):
    summary_uri: str
    lineage_uri: str
    summary: dict[str, object]

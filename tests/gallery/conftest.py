"""A workspace with two campaigns under review, and the gallery in front of it with tokens instead of Airflow."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

from pressrun.core import ids, keys
from pressrun.core.campaign import CampaignSpec
from pressrun.core.codec import sha256_hex
from pressrun.core.collection import CollectedItem, Collection
from pressrun.core.findings import Finding, FindingsReport, Place
from pressrun.core.plan import RunRequest
from pressrun.core.review import ReviewRound
from pressrun.gallery.app import create_app
from pressrun.gallery.auth import Action, User
from pressrun.steps.review import open_round
from pressrun.steps.workspace import Workspace, memory_workspace

REVIEWERS = {"*": ("rosa", "maya"), "ja-JP": ("kenji",)}
RUN_ID = "manual__2026-03-01T09:00:00+00:00"
PEOPLE = {
    "rosa-token": User("rosa", "Rosa"),
    "kenji-token": User("kenji", "Kenji"),
    "maya-token": User("maya", "Maya"),
    "vic-token": User("vic", "Vic"),
    "otto-token": User("otto", "Otto"),
}
# Otto reviews the other campaign and may not even look at this one; Vic looks and never decides.
MAY: dict[tuple[str, str], set[Action]] = {
    **{(who, "press_spring_sale"): {"look", "decide"} for who in ("rosa", "kenji", "maya")},
    ("vic", "press_spring_sale"): {"look"},
    ("vic", "press_autumn"): {"look"},
    ("otto", "press_autumn"): {"look", "decide"},
    ("maya", "press_autumn"): {"look", "decide"},
}


async def current_user(request: Request) -> User:
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or request.cookies.get("_token", "")
    if not token:
        raise HTTPException(401, "who are you?")
    if token not in PEOPLE:
        raise HTTPException(403, "that token is not good")
    return PEOPLE[token]


def require_access(user: User, dag_id: str, action: Action) -> bool:
    return action in MAY.get((user.id, dag_id), set())


def picture(text: str) -> bytes:
    """A small PNG whose colour depends on the text, so that every item has other bytes."""
    colour = bytes.fromhex(sha256_hex(text.encode())[:6])
    buffer = BytesIO()
    Image.new("RGB", (16, 12), tuple(colour)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Campaign:
    """A campaign's run in the sample workspace."""

    name: str
    axes: dict[str, list[str]]
    reviewers: dict[str, tuple[str, ...]]
    title: str = "Spring sale"
    want: int = 1
    cell: tuple[str, ...] = ("product", "locale", "size")

    def spec(self) -> CampaignSpec:
        extra = {axis: [{"id": v} for v in vs] for axis, vs in self.axes.items() if axis not in ("product", "locale")}
        return CampaignSpec.model_validate(
            {
                "campaign": self.name,
                "title": self.title,
                "owner": "ana",
                "workflow": "sdxl",
                "locales": self.axes["locale"],
                "axes": extra,
                "cell": [axis for axis in self.cell if axis in self.axes],
                "review": {"reviewers": self.reviewers, "want": self.want},
            }
        )

    def request(self, run_id: str = RUN_ID) -> RunRequest:
        dag_id = ids.dag_id_of(self.name)
        return RunRequest.model_validate(
            {
                "run_key": ids.run_key(deployment="local", dag_id=dag_id, run_id=run_id, conf={}),
                "deployment": "local",
                "dag_id": dag_id,
                "run_id": run_id,
                "campaign": self.name,
                "drop": "2026-03-01",
                "press": "proof",
                "asked_press": "proof",
                "engine": "proof",
                "locales": self.axes["locale"],
                "triggered_by": "maya",
                "run_type": "manual",
                "pressrun_version": "0.1.0",
            }
        )

    def items(self, ws: Workspace, draw: Callable[[str], bytes] = picture) -> list[CollectedItem]:
        return [
            self.item(ws, dict(zip(self.axes, values, strict=True)), draw)
            for values in itertools.product(*self.axes.values())
        ]

    def item(
        self, ws: Workspace, axes: dict[str, str], draw: Callable[[str], bytes] = picture, **changes: Any
    ) -> CollectedItem:
        item_id = ids.item_id(campaign=self.name, axes=axes)
        data = draw(" ".join(axes.values()))
        key = f"staging/job-1/images/{item_id}.png"
        ws.work.put(key, data, content_type="image/png")
        width, height = Image.open(BytesIO(data)).size
        return CollectedItem(
            **{
                "item_id": item_id,
                "cell_id": ids.cell_id(campaign=self.name, axes={k: v for k, v in axes.items() if k in self.cell}),
                "axes": axes,
                "state": "rendered",
                "render_key": f"key-{item_id}",
                "sha256": sha256_hex(data),
                "image_uri": ws.work.uri(key),
                "width": width,
                "height": height,
                "media_type": "image/png",
                **changes,
            }
        )

    def open(self, ws: Workspace, items: list[CollectedItem], *, run_id: str = RUN_ID, number: int = 1) -> ReviewRound:
        request = self.request(run_id)
        collection = Collection(
            run_key=request.run_key,
            campaign=self.name,
            plan_digest="0" * 64,
            press="proof",
            planned=len(items),
            items=tuple(items),
            jobs=("pr-1",),
        )
        key = keys.collection(request.run_key, collection.digest())
        ws.write_once(keys.run(request.run_key), request)
        ws.write_once(key, collection)
        return open_round(ws, request=request, spec=self.spec(), collection_key=key, number=number)


SPRING = Campaign(
    "spring_sale", {"product": ["mug", "lamp"], "locale": ["de-DE", "ja-JP", "ar-EG"], "variant": ["a", "b"]}, REVIEWERS
)
AUTUMN = Campaign("autumn", {"product": ["coat"], "locale": ["de-DE"]}, {"*": ("otto",)}, title="Autumn")


@dataclass
class Client:
    """A synchronous client of an ASGI app, without a server."""

    app: FastAPI
    headers: dict[str, str]

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gallery.test") as client:
                return await client.request(method, path, **{**options, "headers": sent})

        sent = {**self.headers, **options.pop("headers", {})}
        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


@dataclass
class Sample:
    """The gallery under test."""

    ws: Workspace
    app: FastAPI
    spring: ReviewRound
    autumn: ReviewRound
    items: dict[tuple[str, ...], CollectedItem]

    def client(self, token: str | None = None, **headers: str) -> Client:
        return Client(self.app, {**({"Authorization": f"Bearer {token}"} if token else {}), **headers})

    def api(self, review_round: ReviewRound | None = None) -> str:
        chosen = review_round or self.spring
        return f"/api/rounds/{chosen.campaign}/{chosen.run_key}/{chosen.number}"

    def decision(self, *axes: str, state: str = "approved", **changes: Any) -> dict[str, Any]:
        item = self.items[axes]
        reason = "quality" if state == "rejected" else ""
        return {
            "item_id": item.item_id,
            "sha256": item.sha256,
            "state": state,
            "reason": reason,
            "expected_sequence": 0,
            **changes,
        }

    def decide(self, token: str, *decisions: dict[str, Any]) -> Any:
        return self.client(token).post(f"{self.api()}/decisions", json={"decisions": list(decisions)})


@pytest.fixture
def sample() -> Iterator[Sample]:
    ws = memory_workspace()
    items = SPRING.items(ws)
    refused = SPRING.item(
        ws,
        {"product": "mug", "locale": "de-DE", "variant": "c"},
        state="qc_rejected",
        reason="blank picture: contrast 0.0",
    )
    failed = refused.model_copy(
        update={
            "item_id": "f" * 16,
            "state": "failed",
            "sha256": None,
            "image_uri": None,
            "axes": {"product": "mug", "locale": "de-DE", "variant": "d"},
            "reason": "timeout after 300 s",
        }
    )
    spring = SPRING.open(ws, [*items, refused, failed])
    report = FindingsReport(
        findings=(
            Finding(
                code="missing-translation",
                message="no text for 'headline'",
                place=Place(file="translations.csv", row=14, column="text"),
                remedy="add the row",
                severity="warning",
            ),
        )
    )
    ws.write_once(keys.findings(spring.run_key, report.digest()), report)
    autumn = AUTUMN.open(ws, AUTUMN.items(ws))
    app = create_app(workspace=lambda: ws, current_user=current_user, require_access=require_access)
    yield Sample(ws, app, spring, autumn, {tuple(item.axes.values()): item for item in (*items, refused, failed)})
    app.state.desk.close()


@pytest.fixture
def campaign() -> Campaign:
    """The campaign that `sample.spring` belongs to, to open further rounds of it."""
    return SPRING

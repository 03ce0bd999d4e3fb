"""Who gets what: every route of the app against every kind of visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.routing import Route

from pressrun.core.review import ReviewRound

NOBODY = (None, "forged-token")
# Open to everybody who is signed in, because they show nothing of a campaign that the visitor may not see.
SIGNED_IN = {"/", "/api/rounds", "/static/{name}", "/{path:path}"}
CAMPAIGN_ROUTES = {
    "/api/rounds/{campaign}/{run_key}/{number}",
    "/api/rounds/{campaign}/{run_key}/{number}/contact-sheet",
    "/api/rounds/{campaign}/{run_key}/{number}/decisions",
    "/api/rounds/{campaign}/{run_key}/{number}/finish",
    "/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}",
    "/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/image",
    "/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/files/{part}",
    "/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/files/{part}/thumb",
    "/api/rounds/{campaign}/{run_key}/{number}/items/{item_id}/thumb",
    "/dags/{dag_id}/runs/{run_id}/",
    "/dags/{dag_id}/runs/{run_id}/findings",
    "/dags/{dag_id}/runs/{run_id}/canary.jpg",
    "/dags/{dag_id}/runs/{run_id}/plan",
    "/dags/{dag_id}/runs/{run_id}/workflow",
}


def routes(sample) -> Iterator[tuple[str, str]]:
    for route in sample.app.routes:
        assert isinstance(route, Route), f"{route!r} is a mount: files must be served by a route behind the gate"
        for method in sorted(route.methods or ()):
            yield method, route.path


def fill(path: str, review_round: ReviewRound, item_id: str) -> str:
    values = {
        "campaign": review_round.campaign,
        "run_key": review_round.run_key,
        "number": str(review_round.number),
        "item_id": item_id,
        "part": "0",
        "dag_id": review_round.dag_id,
        "run_id": review_round.run_id.replace("+", "%2B"),
        "name": "app.css",
        "path": "nowhere/at/all",
    }
    return re.sub(r"{(\w+)(?::\w+)?}", lambda match: values[match[1]], path)


def send(sample, token: str | None, method: str, path: str):
    item_id = sample.items["mug", "de-DE", "a"].item_id
    return sample.client(token).request(method, fill(path, sample.spring, item_id), json={})


def test_the_table_of_routes_is_complete(sample) -> None:
    assert {path for _, path in routes(sample)} == SIGNED_IN | CAMPAIGN_ROUTES, (
        "a route was added or removed: say above who may see it"
    )


@pytest.mark.parametrize("token", NOBODY)
def test_strangers_get_nothing_anywhere(sample, token: str | None) -> None:
    tried = 0
    for method, path in routes(sample):
        answer = send(sample, token, method, path)
        assert answer.status_code == (401 if token is None else 403), (method, path)
        assert "Spring" not in answer.text
        tried += 1
    assert tried >= len(SIGNED_IN | CAMPAIGN_ROUTES)


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/redoc", "/favicon.ico", "/static/../app.py", "//", "/api", "/static/"]
)
def test_strangers_get_401_where_there_is_nothing_too(sample, path: str) -> None:
    assert sample.client().get(path).status_code == 401
    assert sample.client("maya-token").get(path).status_code in (200, 404)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "FOO", "PROPFIND"])
def test_odd_methods_are_behind_the_gate(sample, method: str) -> None:
    assert sample.client().request(method, "/").status_code == 401


def test_a_route_that_forgets_everything_is_still_shut(sample) -> None:
    sample.app.router.routes.insert(0, Route("/leak", lambda _: pytest.fail("reached"), methods=["GET"]))
    assert sample.client().get("/leak").status_code == 401


def test_without_the_gate_the_app_itself_refuses(sample) -> None:
    sample.app.user_middleware.clear()
    for method, path in routes(sample):
        assert send(sample, "maya-token", method, path).status_code == 401, (method, path)


def test_another_campaigns_reviewer_cannot_tell_it_exists(sample) -> None:
    for method, path in routes(sample):
        if path not in CAMPAIGN_ROUTES:
            continue
        body = {"decisions": [sample.decision("mug", "de-DE", "a")]} if path.endswith("decisions") else {}
        here = fill(path, sample.spring, sample.items["mug", "de-DE", "a"].item_id)
        answers = [
            sample.client("otto-token").request(method, one, json=body)
            for one in (here, here.replace("spring_sale", "no_such_campaign"))
        ]
        assert [answer.status_code for answer in answers] == [404, 404], (method, path)
        assert answers[0].content == answers[1].content


def test_the_queue_shows_only_campaigns_one_may_see(sample) -> None:
    seen = {who: sample.client(f"{who}-token").get("/api/rounds").json()["open"] for who in ("otto", "rosa", "maya")}
    names = {who: sorted(one["campaign"] for one in rounds) for who, rounds in seen.items()}
    assert names == {"otto": ["autumn"], "rosa": ["spring_sale"], "maya": ["autumn", "spring_sale"]}
    assert "Spring" not in sample.client("otto-token").get("/").text


def test_a_viewer_looks_and_never_decides(sample) -> None:
    viewer = sample.client("vic-token")
    shown = viewer.get(sample.api()).json()
    assert (shown["may_decide"], shown["may_finish"]) == (False, False)
    assert not any(cell["may_decide"] for cell in shown["cells"])
    assert viewer.get(f"{sample.api()}/{shown['cells'][0]['candidates'][0]['image']}").status_code == 200
    body = {"decisions": [sample.decision("mug", "de-DE", "a")]}
    assert viewer.post(f"{sample.api()}/decisions", json=body).status_code == 403
    assert viewer.post(f"{sample.api()}/finish", json={}).status_code == 403
    assert list(sample.ws.work.list("decisions/")) == []


def test_a_reviewer_decides_in_his_markets_only(sample) -> None:
    shown = sample.client("kenji-token").get(sample.api()).json()
    assert {cell["locale"] for cell in shown["cells"] if cell["may_decide"]} == {"ja-JP"}
    refused = sample.decide("kenji-token", sample.decision("mug", "de-DE", "a"))
    assert refused.status_code == 403
    assert "not a reviewer of de-DE" in refused.json()["results"][0]["error"]
    assert sample.decide("kenji-token", sample.decision("mug", "ja-JP", "a")).status_code == 200


def test_permission_without_being_listed_finishes_nothing(sample) -> None:
    answer = sample.client("maya-token").post(f"{sample.api(sample.autumn)}/finish", json={})
    assert answer.status_code == 403


@pytest.mark.parametrize("campaign", ["..", "spring_sale/..", "Spring_Sale", "%2e%2e", "spring%00sale", "x" * 99])
def test_names_that_are_no_names_are_404(sample, campaign: str) -> None:
    assert sample.client("maya-token").get(f"/api/rounds/{campaign}/x/1").status_code == 404


@pytest.mark.parametrize("run_key", ["..", "a%2Fb", "RUN", "run%0a"])
def test_run_keys_cannot_leave_their_folder(sample, run_key: str) -> None:
    assert sample.client("maya-token").get(f"/api/rounds/spring_sale/{run_key}/1").status_code == 404


def test_authentication_that_breaks_refuses(sample, caplog) -> None:
    from pressrun.gallery.app import create_app

    async def broken(request):
        raise RuntimeError("auth manager is down")

    app = create_app(workspace=lambda: sample.ws, current_user=broken, require_access=lambda *_: True)
    from dataclasses import replace

    assert replace(sample, app=app).client("maya-token").get("/").status_code == 401
    app.state.desk.close()


def test_there_is_no_gallery_without_authentication() -> None:
    from pressrun.gallery.app import create_app

    with pytest.raises(TypeError, match="current_user"):
        create_app(workspace=lambda: None)  # type: ignore[call-arg]

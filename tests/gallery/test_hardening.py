"""Hostile input: forged requests, markup in names and notes, pictures that are not what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pressrun.core import keys
from pressrun.core.findings import Finding, FindingsReport, Place

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</textarea><svg onload=alert(1)>",
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
]
GALLERY = Path(__file__).parents[2] / "pressrun" / "gallery"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://gallery.test.evil.example"}, 403),
        ({}, 403),
        ({"Origin": "http://gallery.test", "Content-Type": "text/plain"}, 415),
        ({"Origin": "http://gallery.test", "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "http://gallery.test", "Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Origin": "http://gallery.test", "Content-Type": ""}, 415),
    ],
)
def test_a_forged_write_with_the_session_cookie_is_refused(sample, headers: dict[str, str], status: int) -> None:
    sent = {"Cookie": "_token=rosa-token", "Content-Type": "application/json", **headers}
    body = f'{{"decisions": [{{"item_id": "{sample.items["mug", "de-DE", "a"].item_id}", "state": "approved"}}]}}'
    answer = sample.client().post(f"{sample.api()}/decisions", content=body, headers=sent)
    assert answer.status_code == status
    assert list(sample.ws.work.list("decisions/")) == []


def test_our_own_page_may_write_with_the_cookie(sample) -> None:
    headers = {"Cookie": "_token=rosa-token", "Origin": "http://gallery.test"}
    body = {"decisions": [sample.decision("mug", "de-DE", "a")]}
    assert sample.client().post(f"{sample.api()}/decisions", json=body, headers=headers).status_code == 200


def test_every_answer_carries_the_security_headers(sample) -> None:
    paths = ["/", "/nowhere", "/static/app.css", "/api/rounds", sample.api()]
    for path in paths:
        for token in ("maya-token", None):
            headers = sample.client(token).get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'self'; ")
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert "cache-control" in headers


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_findings_and_run_ids_is_text(sample, payload: str) -> None:
    report = FindingsReport(
        findings=(
            Finding(code=payload, message=payload, place=Place(file=payload, column=payload, row=3), remedy=payload),
        )
    )
    sample.ws.work.put(keys.findings(sample.spring.run_key, "f" * 64), report.to_bytes())
    base = f"/dags/press_spring_sale/runs/{sample.spring.run_id.replace('+', '%2B')}"
    for page in ("/findings", "/", "/plan"):
        text = sample.client("maya-token").get(base + page).text
        assert payload not in text or not re.search("[<>\"']", payload)
        assert not re.search(r"<(script(?! type=\"module\" src=)|svg|img)", text)


def test_a_run_id_with_markup_is_text(sample) -> None:
    text = sample.client("maya-token").get("/dags/press_spring_sale/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E/").text
    assert "<script>alert" not in text


def test_notes_travel_as_json_and_scripts_never_parse_markup(sample) -> None:
    for number, payload in enumerate(PAYLOADS):
        made = sample.decide(
            "rosa-token", sample.decision("mug", "de-DE", "a", state="rejected", note=payload, expected_sequence=number)
        )
        assert made.status_code == 200
        assert made.headers["content-type"] == "application/json"
        assert made.json()["results"][0]["decision"]["note"] == payload
    for script in (GALLERY / "static").glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script.read_text()
        )
        assert found == [], script.name


def test_templates_never_switch_escaping_off() -> None:
    for template in (GALLERY / "templates").glob("*.html"):
        text = template.read_text()
        assert "|safe" not in text.replace(" ", ""), template.name
        assert "autoescape" not in text, template.name
        assert not re.search(r"\son\w+=|style=|target=|href=\"/|src=\"/", text), template.name


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", None])
def test_only_pictures_are_served_as_pictures(sample, media_type: str | None) -> None:
    assert served(sample, media_type=media_type) == 404


def test_a_picture_of_another_bucket_is_not_served(sample) -> None:
    sample.ws.lineage.put("secret.png", b"secret")
    assert served(sample, image_uri=sample.ws.lineage.uri("secret.png")) == 404


def test_changed_bytes_are_not_shown(sample) -> None:
    item = sample.items["mug", "de-DE", "a"]
    sample.ws.work.put(item.image_uri.removeprefix("s3://pressrun-work/"), b"other bytes")
    answer = sample.client("maya-token").get(f"{sample.api()}/items/{item.item_id}/image")
    assert answer.status_code == 409
    assert b"other bytes" not in answer.content


def served(sample, **changes: str | None) -> int:
    """The status of a picture whose record says something else."""
    from pressrun.core.collection import Collection

    read = sample.ws.read(Collection, sample.spring.collection_key)
    first = read.items[0].model_copy(update=changes)
    changed = read.model_copy(update={"items": (first, *read.items[1:])})
    sample.ws.work.put(sample.spring.collection_key, changed.to_bytes())
    answer = sample.client("maya-token").get(f"{sample.api()}/items/{first.item_id}/image")
    assert b"secret" not in answer.content
    return answer.status_code


def test_pictures_have_a_fixed_type_and_are_known_by_their_digest(sample) -> None:
    item = sample.items["lamp", "ar-EG", "b"]
    client = sample.client("vic-token")
    for kind in ("image", "thumb"):
        answer = client.get(f"{sample.api()}/items/{item.item_id}/{kind}")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"] == f'inline; filename="{item.item_id}.png"'
        assert item.sha256 in answer.headers["etag"]
        assert "private" in answer.headers["cache-control"]
        again = client.get(
            f"{sample.api()}/items/{item.item_id}/{kind}", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


def test_answers_hold_no_places_of_storage(sample) -> None:
    client = sample.client("maya-token")
    text = client.get(sample.api()).text + client.get("/api/rounds").text + client.get("/").text
    assert "s3://" not in text
    assert "X-Amz" not in text
    assert "staging/" not in text


@pytest.mark.parametrize(
    "body",
    [{}, {"decisions": []}, {"decisions": [{"item_id": "x"}]}, {"decisions": [{"state": "deleted"}]}, {"extra": 1}, []],
)
def test_malformed_requests_are_422_and_are_not_echoed(sample, body: object) -> None:
    answer = sample.client("rosa-token").post(f"{sample.api()}/decisions", json=body)
    assert answer.status_code == 422
    assert "malformed" in answer.json()["error"]

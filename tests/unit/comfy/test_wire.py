"""Answers of HTTP routes, as recorded."""

from __future__ import annotations

import re

import comfy_recordings as recordings
import pytest

from pressrun.comfy import wire
from pressrun.comfy.errors import is_out_of_memory, refusal

POSTS = [
    entry
    for entry in recordings.lines("validation_errors")
    if entry["kind"] == "http" and entry["path"] == "/prompt" and entry["method"] == "POST"
]


def test_prompt_id_is_a_canonical_lower_case_uuid_and_stable() -> None:
    first = wire.prompt_id("a" * 64, "0123456789abcdef", 1)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", first)
    assert first == wire.prompt_id("a" * 64, "0123456789abcdef", 1)
    assert first != wire.prompt_id("a" * 64, "0123456789abcdef", 2)


@pytest.mark.parametrize("entry", [e for e in POSTS if e["status"] != 200])
def test_every_refusal_is_a_validation_failure_that_says_something(entry: dict) -> None:
    failure = refusal(entry["status"], entry["response"])
    assert failure is not None
    assert failure.kind == "validation"
    assert not failure.retryable
    assert len(failure.message) > 15


def test_accepted_with_node_errors_is_a_failure() -> None:
    entry = next(e for e in POSTS if e["status"] == 200 and e["response"]["node_errors"])
    failure = refusal(200, entry["response"])
    assert failure is not None
    assert failure.node == "9"
    assert "filename_prefix" in failure.message


def test_a_clean_acceptance_is_none() -> None:
    clean = [e for e in POSTS if e["status"] == 200 and not e["response"]["node_errors"]]
    assert len(clean) > 5
    assert all(refusal(200, e["response"]) is None for e in clean)


def test_the_cause_is_taken_from_the_node_not_from_the_empty_details() -> None:
    entry = next(e for e in POSTS if "value_bigger_than_max" in str(e["response"]))
    failure = refusal(400, entry["response"])
    assert failure is not None
    assert "99999" in failure.message
    assert failure.node == "1"


def test_an_old_engine_without_the_jobs_route_is_told_from_an_unknown_job() -> None:
    assert wire.job_view(404, {"error": "Job not found"}) == wire.JobView("unknown")
    assert wire.job_view(404, wire.loads(b"404: Not Found")) is None


def test_history_and_jobs_agree() -> None:
    for name in recordings.NAMES:
        answers: dict[str, dict[str, wire.JobView]] = {}
        for entry in recordings.lines(name):
            if entry["kind"] != "http" or entry["method"] != "GET":
                continue
            prompt = entry["path"].rpartition("/")[2]
            if entry["path"].startswith("/history/") and entry["response"]:
                answers.setdefault(prompt, {})["history"] = wire.history_view(entry["response"], prompt)
            elif entry["path"].startswith("/api/jobs/") and isinstance(entry["response"], dict):
                view = wire.job_view(entry["status"], entry["response"])
                if view is not None and view.ended:
                    answers.setdefault(prompt, {})["jobs"] = view
        for views in answers.values():
            if len(views) == 2:
                history, jobs = views["history"], views["jobs"]
                assert (history.status, history.outputs) == (jobs.status, jobs.outputs)
                assert (history.failure is None) == (jobs.failure is None)


def test_outputs_of_every_channel_are_taken_and_texts_are_not() -> None:
    output = {
        "images": [{"filename": "a.webp", "subfolder": "s", "type": "output"}],
        "animated": [True],
        "audio": [{"filename": "b.flac", "subfolder": "", "type": "output"}],
        "text": ["no file"],
    }
    assert [(ref.channel, ref.filename) for ref in wire.output_refs("4", output)] == [
        ("images", "a.webp"),
        ("audio", "b.flac"),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("torch.OutOfMemoryError", "", True),
        ("torch.cuda.OutOfMemoryError", "", True),
        ("MemoryError", "", True),
        ("torch.AcceleratorError", "CUDA error: out of memory", True),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried", True),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", False),
        ("ValueError", "", False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(kind: str, text: str, expected: bool) -> None:
    assert is_out_of_memory(kind, text) is expected

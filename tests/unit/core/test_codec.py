from __future__ import annotations

import json
import pickle
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from pressrun.core.codec import VersionedDocument, canonical_json, digest_of, from_bytes, sha256_hex
from pressrun.core.errors import InputError, JobError, PressrunError


class Note(VersionedDocument):
    SCHEMA: ClassVar[str] = "note/1"

    text: str
    marks: dict[str, int] = Field(default_factory=dict)


class Later(VersionedDocument):
    SCHEMA: ClassVar[str] = "note/2"

    text: str


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_canonical_json_says_the_same_value(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(-1000, 1000), min_size=2, max_size=6))
def test_key_order_never_changes_the_bytes(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert digest_of(backwards) == digest_of(value)


def test_canonical_json_is_compact_utf8_sorted() -> None:
    assert canonical_json({"ü": 1, "a": [1, 2.5]}) == '{"a":[1,2.5],"ü":1}'.encode()


def test_not_a_number_becomes_null() -> None:
    assert canonical_json([float("nan"), float("inf")]) == b"[null,null]"


@given(st.text(), st.dictionaries(st.text(), st.integers(0, 9)))
def test_a_document_comes_back_as_it_was(text: str, marks: dict[str, int]) -> None:
    note = Note(text=text, marks=marks)
    again = from_bytes(Note, note.to_bytes())
    assert again == note
    assert again.digest() == note.digest() == sha256_hex(note.to_bytes())


def test_a_document_names_its_schema() -> None:
    assert json.loads(Note(text="x").to_bytes())["schema"] == "note/1"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"schema":"note/1","te', "not JSON"),
        (b"[]", "expected a document of schema 'note/1', found 'list'"),
        (b"{}", "found None"),
        (Later(text="x").to_bytes(), "found 'note/2'"),
        (b'{"schema":"note/1"}', "malformed note/1 document"),
        (b'{"schema":"note/1","text":"x","more":1}', "malformed note/1 document"),
    ],
)
def test_what_is_not_the_document_is_refused_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        from_bytes(Note, data, where="s3://work/notes/1.json")
    assert said in caught.value.message
    assert caught.value.where == "s3://work/notes/1.json"


def test_errors_keep_place_and_remedy_across_processes() -> None:
    error = JobError("out of memory", where="job pr-1", remedy="use a larger instance")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is JobError
    assert isinstance(again, PressrunError)
    assert str(again) == str(error) == "job pr-1: out of memory — use a larger instance"

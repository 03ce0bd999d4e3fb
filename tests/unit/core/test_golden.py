"""Documents in buckets outlive the code that wrote them: what was once written must still be read, and say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from pressrun.core.codec import from_bytes, schema_of

REMEDY = "a changed document needs the next schema number; see tests/golden/samples.py"


@pytest.fixture(scope="module")
def samples(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("tests/golden/samples.py")


def test_every_document_has_a_golden_file(samples: ModuleType) -> None:
    kinds = samples.documents()
    assert len(kinds) >= 15
    names = [schema_of(kind) for kind in kinds]
    assert len(set(names)) == len(names)
    missing = [schema_of(kind) for kind in kinds if not samples.path_of(kind).exists()]
    assert not missing, "run `python tests/golden/samples.py`, which writes the missing ones"


def test_golden_files_are_read_and_written_as_they_are(samples: ModuleType) -> None:
    for kind in samples.documents():
        data = samples.path_of(kind).read_bytes()
        document = from_bytes(kind, data, where=samples.path_of(kind).name)
        assert document.to_bytes() + b"\n" == data, f"{schema_of(kind)}: {REMEDY}"


def test_golden_files_leave_no_field_out(samples: ModuleType) -> None:
    for kind in samples.documents():
        raw = json.loads(samples.path_of(kind).read_bytes())
        assert set(raw) == {"schema", *kind.model_fields}, f"{schema_of(kind)}: {REMEDY}"

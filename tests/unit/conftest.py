"""Unit tests know no deployment, also where a press that other tests started is still up."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_ENDPOINT_URL", "PRESSRUN_")):
            monkeypatch.delenv(name)

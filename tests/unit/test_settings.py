from __future__ import annotations

import pytest

from pressrun.core.errors import SetupError
from pressrun.settings import Settings, read_settings, settings


def test_every_setting_has_a_sentence_and_a_default() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert not field.is_required(), name


def test_variables_are_read_by_their_type() -> None:
    found = read_settings(
        {
            "PRESSRUN_DEPLOYMENT": "live",
            "PRESSRUN_SUBNETS": "subnet-1, subnet-2,",
            "PRESSRUN_PUBLISH_PROOFS": "false",
            "PRESSRUN_POLL_SECONDS": "0.5",
            "PRESSRUN_PRICES": '{"ml.g5.xlarge": 1.5}',
            "DEPLOYMENT": "ignored",
        }
    )
    assert found.deployment == "live"
    assert found.subnets == ("subnet-1", "subnet-2")
    assert found.publish_proofs is False
    assert found.poll_seconds == 0.5
    assert found.prices == {"ml.g5.xlarge": 1.5}


def test_an_empty_variable_is_an_unset_one() -> None:
    assert read_settings({"PRESSRUN_DEPLOYMENT": ""}).deployment == "local"


def test_a_wrong_value_names_its_variable() -> None:
    with pytest.raises(SetupError, match="PRESSRUN_POLL_SECONDS"):
        read_settings({"PRESSRUN_POLL_SECONDS": "often"})


def test_settings_are_read_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESSRUN_DEPLOYMENT", "first")
    assert settings().deployment == "first"
    monkeypatch.setenv("PRESSRUN_DEPLOYMENT", "second")
    assert settings().deployment == "first"

"""Settings: one home for defaults, the environment, the command line, and clear words for what cannot be used."""

from __future__ import annotations

import pytest

from engines.errors import ConfigError
from engines.settings import Settings, load_settings


def test_every_setting_has_a_default():
    assert Settings() == load_settings()


def test_the_command_line_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("VISAVIS_PORT", "8001")
    monkeypatch.setenv("VISAVIS_MAX_TEXT_CHARS", "9")
    assert load_settings().port == 8001
    assert load_settings(port=None).port == 8001
    assert load_settings(port=9001).port == 9001
    assert load_settings().max_text_chars == 9


def test_a_hosts_own_names_for_address_and_port_count(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7861")
    assert (load_settings().host, load_settings().port) == ("0.0.0.0", 7861)
    assert load_settings(host="127.0.0.1").host == "127.0.0.1"


@pytest.mark.parametrize("value", [0, "many", 65_536])
def test_an_option_that_cannot_be_used_is_named(value):
    with pytest.raises(ConfigError) as caught:
        load_settings(port=value)
    assert caught.value.message.startswith("--port: ")
    assert repr(value) in caught.value.message


VARIABLES = ["VISAVIS_PORT", "GRADIO_SERVER_PORT", "VISAVIS_MAX_UPLOAD_MB", "VISAVIS_HISTORY_MESSAGES", "VISAVIS_DEVICE"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_cannot_be_used_is_named(monkeypatch, variable):
    monkeypatch.setenv(variable, "-3")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.message.startswith(f"{variable}: ")
    assert "'-3'" in caught.value.message

"""Settings: one home for defaults, the environment, the command line, and clear words for what cannot be used."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import HOUSE
from requirements import requirement

from engines.concurrency.deadlines import Limits
from engines.config.settings import Settings, load_settings
from engines.errors import ConfigError
from engines.registry.registry import Registry
from engines.types import STAGES


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


def test_names_stand_with_commas_between(monkeypatch):
    assert load_settings().hosts == ()
    monkeypatch.setenv("SPACE_HOST", "me-visavis.hf.space")
    assert load_settings().hosts == ("me-visavis.hf.space",)
    monkeypatch.setenv("VISAVIS_HOSTS", "a.example, b.example,")
    assert load_settings().hosts == ("a.example", "b.example")


@pytest.mark.parametrize("value", [0, "many", 65_536])
def test_an_option_that_cannot_be_used_is_named(value):
    with pytest.raises(ConfigError, match=rf"^--port: .*{value!r}"):
        load_settings(port=value)


VARIABLES = ["VISAVIS_PORT", "GRADIO_SERVER_PORT", "VISAVIS_MAX_UPLOAD_MB", "VISAVIS_HISTORY_MESSAGES", "VISAVIS_DEVICE"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_cannot_be_used_is_named(monkeypatch, variable):
    monkeypatch.setenv(variable, "-3")
    with pytest.raises(ConfigError, match=rf"^{variable}: .*'-3'"):
        load_settings()


PROFILE = """
port: 8000
persona: sam
llm: openai_compatible:llama3
llm_options:
  base_url: http://127.0.0.1:1234/v1
  api_key: s3cret
  retries: 1
journal: turns.jsonl
"""


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PROFILE)
    return path


@requirement("app.options")
def test_a_profile_sets_what_the_environment_and_the_command_line_leave(profile, monkeypatch):
    settings = load_settings(profile)
    assert (settings.port, settings.persona, settings.llm) == (8000, "sam", "openai_compatible:llama3")
    assert settings.llm_options["base_url"] == "http://127.0.0.1:1234/v1"
    assert settings.journal == profile.parent / "turns.jsonl"
    assert "s3cret" not in repr(settings)
    monkeypatch.setenv("VISAVIS_PORT", "8001")
    monkeypatch.setenv("VISAVIS_PROFILE", str(profile))
    assert load_settings().port == 8001
    assert load_settings(port=8002, persona="maya").port == 8002
    assert load_settings(persona="maya").persona == "maya"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: 1\nprot: 2", "mine.yaml, line 2: there is no setting called 'prot'. Did you mean 'port'?"),
        ("xyz: 2", "There is host, port"),
        ("\n\nport: many", "mine.yaml, line 3: port: "),
        ("device: [1, 2]", "line 1: device: "),
        ("llm_options: secret", "line 1: llm_options: "),
        ("- a", "mine.yaml, line 1"),
        ("", "empty"),
    ],
)
def test_a_mistake_in_a_profile_is_named_by_file_and_line(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert said in caught.value.message
    assert "secret" not in caught.value.message


def test_a_profile_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nobody\.yaml"):
        load_settings(tmp_path / "nobody.yaml")


def test_the_readmes_profile_can_be_used(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (HOUSE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "mine.yaml").write_text(text)
    settings = load_settings(tmp_path / "mine.yaml")
    assert settings.stt == "faster_whisper:small"
    Registry(settings).check()


@requirement("app.documented")
def test_every_setting_is_explained_where_it_stands_and_in_the_docs():
    printed = subprocess.run([sys.executable, "docs/settings.py"], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=60).stdout
    assert (HOUSE / "docs" / "settings.md").read_text(encoding="utf-8") == printed
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_time_outs_of_steps_are_those_of_the_settings():
    assert Settings().limits == Limits()
    assert Settings(stt_timeout_s=1, llm_timeout_s=2, tts_timeout_s=3, load_timeout_s=4).limits == Limits(1, 2, 3, 4)


def test_every_setting_is_read_somewhere():
    code = "\n".join(path.read_text(encoding="utf-8") for path in [HOUSE / "app.py", *(HOUSE / "engines").rglob("*.py")])
    by_stage = {f"{stage}{ending}" for stage in STAGES for ending in ("", "_options")}
    assert 'getattr(self._settings, f"{stage}_options")' in code
    assert "getattr(self._settings, stage)" in code
    assert {name for name in Settings.model_fields if not re.search(rf"(settings|self)\.{name}\b", code)} <= by_stage

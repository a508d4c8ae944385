"""The command line: every command explains itself, and the doctor names what is wrong and what mends it."""

from __future__ import annotations

import argparse
import json
import pkgutil
import socket
import subprocess
import sys

import pytest
from conftest import HOUSE
from requirements import requirement

from avatar_assets import npm_modules
from avatar_assets.avatar_files import avatar_names
from avatar_assets.findings import findings
from engines import cli
from engines.cli import doctor
from engines.config.settings import Settings
from engines.errors import TextToSpeechError
from engines.registry.discovery import EngineDiscovery
from engines.registry.registry import Registry
from engines.types import STAGES, EngineInfo, Finding
from engines.weights import hub, store

COMMANDS = [found.name for found in pkgutil.iter_modules(cli.__path__) if not found.name.startswith("_")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert len(capsys.readouterr().out.split()) > 10


def test_a_command_that_is_none_says_which_there_are(capsys):
    with pytest.raises(SystemExit):
        cli.main(["dance"])
    told = capsys.readouterr().err
    assert all(command in told for command in COMMANDS)


def test_a_mistake_in_the_profile_is_one_sentence(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("prot: 1")
    assert cli.main(["doctor", "--profile", str(tmp_path / "mine.yaml")]) == 1
    assert capsys.readouterr().err.startswith("visavis: mine.yaml, line 1:")


def found(settings: Settings | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.examine(settings or Settings(), [findings])}


@requirement("app.doctor")
def test_the_doctor_as_users_call_it_looks_at_everything():
    command = [sys.executable, "-m", "engines", "doctor", "--json"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=120, check=False)
    findings = json.loads(done.stdout)
    named = {finding["what"] for finding in findings}
    assert {"Python", "memory", "disk", "people", "3-D figure", "film", "port", "microphone"} <= named
    registry = Registry(Settings())
    assert {f"{stage} {info.name}" for stage in STAGES for info in registry.infos(stage)} <= named
    embedded = [finding for finding in findings if finding["detail"].endswith(" starts.")]
    assert {finding["state"] for finding in embedded} == {"ok"}
    assert len(embedded) >= len(STAGES)
    assert done.returncode == int(any(finding["state"] == "wrong" for finding in findings))


@pytest.fixture
def quick(monkeypatch):
    """No engine is loaded or asked for its files, and nothing drawn: that one test above does."""
    monkeypatch.setattr(Registry, "files", lambda self, stage, name: None)
    monkeypatch.setattr("avatar_assets.findings._film", lambda: Finding("film", "ok", "draws"))
    monkeypatch.setattr(doctor, "_PROBE", "")


@requirement("app.doctor")
def test_what_is_missing_comes_with_its_command(quick, monkeypatch):
    info = EngineInfo("made_up", "tts", "Made up", "A voice.", requires=("no_such_module",), install="pip install no-such")
    adapter = argparse.Namespace(INFO=info, Options=EngineDiscovery(Settings()).named("tts", "espeak_ng").Options)
    monkeypatch.setattr("engines.registry.discovery.discover", lambda stage: {"made_up": adapter})
    assert found()["tts made_up"].mend == "pip install no-such"


def test_a_model_that_is_not_here_and_one_that_is(quick, monkeypatch, tmp_path):
    model = hub.Model("owner/model", "The voice", TextToSpeechError, ("*",))
    monkeypatch.setattr(Registry, "files", lambda self, stage, name: model)
    monkeypatch.setattr("engines.registry.managed_engine.importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(store, "find", lambda model, weights: None)
    assert found()["tts kokoro"].mend == "python -m engines fetch kokoro"
    monkeypatch.setattr(store, "find", lambda model, weights: tmp_path)
    assert found()["tts kokoro"].state == "ok"


def test_a_taken_port_is_a_hint_and_a_foreign_address_is_wrong(quick):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert found(Settings(port=taken.getsockname()[1]))["port"].state == "hint"
    foreign = found(Settings(host="192.0.2.1"))
    assert foreign["port"].state == "wrong"
    assert "HTTPS" in foreign["microphone"].detail


def test_mistakes_in_settings_and_people_are_told(quick, tmp_path):
    assert "nobody" in found(Settings(tts="nobody"))["settings"].detail
    text = (HOUSE / "personas.yaml").read_text(encoding="utf-8")
    (tmp_path / "people.yaml").write_text(text.replace("avatar: mia", "avatar: bob"), encoding="utf-8")
    people = found(Settings(personas_file=tmp_path / "people.yaml"))["people"]
    assert people.state == "wrong"
    assert "'bob'" in people.detail
    assert "mia" in people.detail
    (tmp_path / "people.yaml").write_text("a: b")
    assert "people.yaml, line 1" in found(Settings(personas_file=tmp_path / "people.yaml"))["people"].detail


@requirement("app.doctor-vrm")
def test_an_avatar_may_be_a_vrm_file(quick, monkeypatch, tmp_path):
    for name in ("mia.vrm", "leo.vrm", "ava.glb", "nova.glb"):
        (tmp_path / name).touch()
    monkeypatch.setattr("avatar_assets.findings.avatar_names", lambda: avatar_names(tmp_path))
    assert found()["people"].state == "ok"


def test_without_modules_and_npm_the_figure_is_explained(quick, monkeypatch):
    monkeypatch.setattr(npm_modules, "installed", lambda: False)
    assert "npm ci" in found()["3-D figure"].mend
    monkeypatch.setattr("avatar_assets.findings.shutil.which", lambda name: None)
    assert "nodejs.org" in found()["3-D figure"].mend


@pytest.mark.parametrize("program", ["raise SystemExit('broken library')", "import os; os.abort()"])
def test_an_engine_that_does_not_start_is_wrong_and_takes_nobody_along(quick, monkeypatch, program):
    monkeypatch.setattr(doctor, "_PROBE", program)
    finding = found()["tts espeak_ng"]
    assert finding.state == "wrong"
    assert "pip install" in finding.mend


def test_little_room_is_a_hint(quick, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: argparse.Namespace(free=2**30))
    monkeypatch.setattr(doctor.hardware, "memory_gb", lambda: 2.0)
    assert {found()[what].state for what in ("disk", "memory")} == {"hint"}

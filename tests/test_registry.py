"""The registry finds every adapter by its file, and says honestly how each one is."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest
from conftest import HOUSE

from engines import registry as room
from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import ChatModel, SpeechToText, TextToSpeech
from engines.registry import EngineState, Registry, _Slot
from engines.settings import Settings
from engines.types import STAGES, EngineInfo

PROTOCOLS = {"stt": SpeechToText, "llm": ChatModel, "tts": TextToSpeech}
ADAPTERS = [(stage, path.stem) for stage in STAGES for path in sorted((HOUSE / "engines" / stage).glob("[!_]*.py"))]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Settings())


def test_every_file_is_found_and_nothing_else(registry):
    assert sorted((stage, info.name) for stage in STAGES for info in registry.infos(stage)) == sorted(ADAPTERS)


@pytest.mark.parametrize(("stage", "name"), ADAPTERS)
def test_every_adapter_keeps_the_contract(registry, stage, name):
    (info,) = [info for info in registry.infos(stage) if info.name == name]
    assert info.stage == stage
    assert info.title
    assert info.summary.endswith(".")
    assert not info.requires or info.install.startswith("pip install")
    options = registry._slots[stage][name].adapter.Options
    assert dataclasses.is_dataclass(options)
    assert options() == options()
    state = registry.state(stage, name)
    assert state.name in {"idle", "ready", "needs", "unfit"}
    assert state.detail or state.name in {"idle", "ready"}


def test_every_stage_has_an_embedded_engine_that_loads(registry):
    for stage in STAGES:
        assert any(info.embedded and registry.state(stage, info.name).name in {"idle", "ready"} for info in registry.infos(stage))
    engines = registry.engines()
    for stage, protocol in PROTOCOLS.items():
        loaded = getattr(engines, stage)
        assert isinstance(loaded.engine, protocol)
        assert registry.state(stage, loaded.info.name).name == "ready"


def test_engines_are_loaded_once_for_everybody(registry):
    assert registry.engines().tts.engine is registry.engines().tts.engine


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(ConfigError, match="espeak_ng"):
        Registry(Settings(tts="../kokoro")).chosen("tts")


class Adapter:
    """An adapter made up for a test."""

    def __init__(self, load, **info):
        self.INFO = EngineInfo(**{"name": "made_up", "stage": "tts", "title": "Made up", "summary": "Made up.", **info})
        self.load = load

    @dataclasses.dataclass(frozen=True)
    class Options:
        pass


def with_adapter(monkeypatch, adapter) -> Registry:
    monkeypatch.setattr(room, "_find", lambda stage: {adapter.INFO.name: _Slot(adapter)})
    return Registry(Settings())


def test_a_missing_package_is_answered_with_its_command(monkeypatch):
    registry = with_adapter(monkeypatch, Adapter(None, requires=("no_such_module",), install="pip install no-such"))
    assert registry.state("tts", "made_up") == EngineState("needs", "pip install no-such")
    with pytest.raises(ConfigError):
        registry.chosen("tts")
    registry._settings = Settings(tts="made_up")
    with pytest.raises(MissingDependency, match="pip install no-such"):
        registry._load("tts")


def test_an_engine_for_another_machine_says_so(monkeypatch):
    registry = with_adapter(monkeypatch, Adapter(None, platforms=("plan9-arm64",)))
    assert registry.state("tts", "made_up").name == "unfit"
    registry._settings = Settings(tts="made_up")
    with pytest.raises(ConfigError, match="plan9"):
        registry._load("tts")


@pytest.mark.parametrize("error", [RuntimeError("no memory"), EngineError("The file is broken", code="x")])
def test_a_failed_load_is_reported_and_tried_again(monkeypatch, error):
    outcomes = [error, None]

    def load(options, device):
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome
        return "engine"

    registry = with_adapter(monkeypatch, Adapter(load))
    with pytest.raises(EngineError, match=str(error)):
        registry._load("tts")
    assert registry.state("tts", "made_up") == EngineState("failed", str(error))
    assert registry.chosen("tts").name == "made_up"
    assert registry._load("tts").engine == "engine"
    assert registry.state("tts", "made_up").name == "ready"


def test_a_failed_engine_makes_room_for_the_next_best(monkeypatch):
    def load(options, device):
        raise RuntimeError("no memory")

    best, next_best = Adapter(load, name="best", preference=2), Adapter(lambda options, device: "engine", name="next_best")
    monkeypatch.setattr(room, "_find", lambda stage: {adapter.INFO.name: _Slot(adapter) for adapter in (best, next_best)})
    registry = Registry(Settings())
    assert registry.chosen("tts").name == "best"
    with pytest.raises(EngineError, match="no memory"):
        registry._load("tts")
    assert registry.chosen("tts").name == "next_best"
    assert registry._load("tts").engine == "engine"


def test_many_first_users_load_once(monkeypatch):
    loads, gate = [], threading.Barrier(8)
    registry = with_adapter(monkeypatch, Adapter(lambda options, device: loads.append(1) or "engine"))

    def use():
        gate.wait()
        registry._load("tts")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert loads == [1]


def test_adapters_are_one_file_each_and_never_meet():
    for stage, name in ADAPTERS:
        source = Path(HOUSE / "engines" / stage / f"{name}.py").read_text(encoding="utf-8")
        for other_stage, other in ADAPTERS:
            assert f"engines.{other_stage}.{other}" not in source

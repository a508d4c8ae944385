"""The registry finds every adapter by its file, and says honestly how each one is."""

from __future__ import annotations

import dataclasses
import threading
import traceback
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


def with_adapters(monkeypatch, *adapters, **settings) -> Registry:
    monkeypatch.setattr(room, "_find", lambda stage: {adapter.INFO.name: _Slot(adapter) for adapter in adapters})
    return Registry(Settings(**settings))


def load(registry: Registry):
    return registry._load("tts", registry._next("tts"))


def failing(options, device):
    raise RuntimeError("no memory")


def test_a_missing_package_is_answered_with_its_command(monkeypatch):
    missing = Adapter(None, requires=("no_such_module",), install="pip install no-such")
    registry = with_adapters(monkeypatch, missing, tts="made_up")
    assert registry.state("tts", "made_up") == EngineState("needs", "pip install no-such")
    with pytest.raises(MissingDependency, match="pip install no-such"):
        registry.chosen("tts")


def test_an_engine_for_another_machine_says_so(monkeypatch):
    registry = with_adapters(monkeypatch, Adapter(None, platforms=("plan9-arm64",)), tts="made_up")
    assert registry.state("tts", "made_up").name == "unfit"
    with pytest.raises(ConfigError, match="plan9"):
        registry.chosen("tts")


@pytest.mark.parametrize("error", [RuntimeError("no memory"), EngineError("The file is broken", code="x")])
def test_a_failed_load_is_reported_and_tried_again(monkeypatch, error):
    outcomes = [error, None]

    def fail_once(options, device):
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome
        return "engine"

    registry = with_adapters(monkeypatch, Adapter(fail_once, embedded=True))
    with pytest.raises(EngineError, match=str(error)):
        load(registry)
    assert registry.state("tts", "made_up") == EngineState("failed", str(error))
    assert registry.chosen("tts").name == "made_up"
    assert load(registry).engine == "engine"
    assert registry.state("tts", "made_up").name == "ready"


EMBEDDED = {"name": "embedded", "embedded": True}


def test_conversations_begin_on_the_embedded_engine_and_change_over_when_a_better_one_is_loaded(monkeypatch):
    go_on, asked = threading.Event(), threading.Event()

    def slow(options, device):
        asked.set()
        assert go_on.wait(10)
        return "better"

    embedded = Adapter(lambda options, device: "embedded", **EMBEDDED)
    registry = with_adapters(monkeypatch, Adapter(slow, name="better", preference=10), embedded)
    preparing = threading.Thread(target=registry.prepare)
    preparing.start()
    assert asked.wait(10)
    assert registry.engines().stt.engine == "embedded"
    assert [(info.name, state.name) for info, state in registry.awaited("stt")] == [("better", "loading")]
    go_on.set()
    preparing.join(10)
    assert registry.engines().stt.engine == "better"
    assert registry.awaited("stt") == ()


@pytest.mark.parametrize("settings", [{}, {"tts": "best"}], ids=["by preference", "by name"])
def test_an_engine_that_cannot_be_loaded_is_set_aside_with_its_reason(monkeypatch, settings):
    best, embedded = Adapter(failing, name="best", preference=2), Adapter(lambda options, device: "engine", **EMBEDDED)
    registry = with_adapters(monkeypatch, best, embedded, **settings)
    registry.prepare()
    assert registry.engines().tts.engine == "engine"
    ((info, state),) = registry.awaited("tts")
    assert (info.name, state) == ("best", EngineState("failed", "no memory"))


def test_an_engine_named_without_its_package_leaves_the_embedded_one_at_work(monkeypatch):
    missing = Adapter(None, name="best", requires=("no_such_module",), install="pip install no-such")
    registry = with_adapters(monkeypatch, missing, Adapter(lambda options, device: "engine", **EMBEDDED), tts="best")
    registry.prepare()
    assert registry.engines().tts.engine == "engine"
    assert registry.awaited("tts")[0][1] == EngineState("needs", "pip install no-such")


def test_a_remote_engine_works_only_when_it_is_named(monkeypatch):
    remote = Adapter(lambda options, device: "remote", name="remote", preference=-1)
    embedded = Adapter(lambda options, device: "engine", **EMBEDDED)
    for settings, expected in (({}, "engine"), ({"tts": "remote"}, "remote")):
        registry = with_adapters(monkeypatch, remote, embedded, **settings)
        registry.prepare()
        assert registry.engines().tts.engine == expected


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    model: str = "small"
    beams: int = 1
    key: str = dataclasses.field(default="", repr=False)


def with_options(monkeypatch, **settings) -> Registry:
    adapter = Adapter(lambda options, device: options)
    adapter.Options = ModelOptions
    return with_adapters(monkeypatch, adapter, **settings)


def test_model_and_options_come_from_the_settings(monkeypatch):
    registry = with_options(monkeypatch, tts="made_up:C:/models/large", tts_options={"beams": "5"})
    registry.check()
    assert load(registry).engine == ModelOptions("C:/models/large", 5)
    assert load(with_options(monkeypatch, tts="made_up")).engine == ModelOptions()


@pytest.mark.parametrize(("options", "said"), [({"beam": 5}, "beam"), ({"beams": "many"}, "beams")])
def test_an_option_that_does_not_fit_is_named(monkeypatch, options, said):
    with pytest.raises(ConfigError, match=said):
        with_options(monkeypatch, tts="made_up", tts_options=options).check()


def test_a_key_is_never_shown(monkeypatch):
    registry = with_options(monkeypatch, tts="made_up", tts_options={"key": 1234567})
    with pytest.raises(ConfigError) as caught:
        registry.check()
    assert "key" in caught.value.message
    assert "1234567" not in "".join(traceback.format_exception(caught.value)) + repr(registry._settings)


def test_many_first_users_load_once(monkeypatch):
    loads, gate = [], threading.Barrier(8)
    registry = with_adapters(monkeypatch, Adapter(lambda options, device: loads.append(1) or "engine", embedded=True))

    def use():
        gate.wait()
        load(registry)

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

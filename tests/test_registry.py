"""The registry finds every adapter by its file, and says honestly how each one is."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import sys
import threading
import traceback
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import HOUSE, in_threads
from made_up_engines import Adapter, ModelOptions, failure, ready, wait_for, with_adapters, working
from requirements import requirement

from engines.config.settings import Settings
from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import ChatModel, SpeechToText, TextToSpeech
from engines.registry.managed_engine import EngineState, ManagedEngine
from engines.registry.registry import Registry
from engines.runtimes import espeak_api
from engines.types import STAGES, Voice
from engines.weights.hub import Model

PROTOCOLS = {"stt": SpeechToText, "llm": ChatModel, "tts": TextToSpeech}
ADAPTERS = [(stage, path.stem) for stage in STAGES for path in sorted((HOUSE / "engines" / stage).glob("[!_]*.py"))]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Settings())


@requirement("engine.file")
def test_every_file_is_found_and_nothing_else(registry):
    assert sorted((stage, info.name) for stage in STAGES for info in registry.infos(stage)) == sorted(ADAPTERS)


@pytest.mark.parametrize(("stage", "name"), ADAPTERS)
@requirement("engine.file")
def test_every_adapter_keeps_the_contract(registry, stage, name):
    (info,) = [info for info in registry.infos(stage) if info.name == name]
    assert info.stage == stage
    assert info.title
    assert info.summary.endswith(".")
    assert not info.requires or info.install.startswith("pip install")
    options = importlib.import_module(f"engines.{stage}.{name}").Options
    assert dataclasses.is_dataclass(options)
    assert options() == options()
    state = next(offer.state for offer in registry.options(stage) if offer.info is info)
    assert state.name in {"idle", "needs", "unfit"}
    assert state.detail or state.name == "idle"


PACKAGES = [(stage, info.name, package) for stage in STAGES for info in Registry(Settings()).infos(stage) for package in info.requires]


@pytest.mark.parametrize(("stage", "name", "package"), [*PACKAGES, ("stt", "mlx_whisper", "mlx.core"), ("llm", "mlx_lm", "mlx.core")])
@requirement("engine.install")
def test_every_adapter_answers_a_missing_package_with_its_command(monkeypatch, stage, name, package):
    adapter = importlib.import_module(f"engines.{stage}.{name}")
    monkeypatch.setattr(espeak_api, "_opened", [])
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match="pip install"):
        adapter.load(adapter.Options(), "cpu", *[Path()] * hasattr(adapter, "files"))


@requirement("engine.embedded")
def test_every_stage_has_an_embedded_engine_that_loads(registry):
    for stage in STAGES:
        assert any(offer.info.embedded and offer.state.name == "idle" for offer in registry.options(stage))
    engines = registry.engines()
    for stage, protocol in PROTOCOLS.items():
        pick = getattr(engines, stage)
        assert isinstance(pick.open(), protocol)
        assert registry.chosen(stage).info is pick.info
        assert registry.chosen(stage).state.name == "ready"


def test_engines_are_loaded_once_for_everybody(registry):
    assert registry.engines().tts.open() is registry.engines().tts.open()


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(ConfigError, match="espeak_ng"):
        Registry(Settings(tts="../kokoro")).chosen("tts")


def load(registry: Registry):
    return registry.engines().tts.open()


def failing(options, device, folder):
    raise RuntimeError("no memory")


@requirement("engine.install")
def test_a_missing_package_is_answered_with_its_command(monkeypatch):
    missing = Adapter(None, requires=("no_such_module",), install="pip install no-such")
    registry = with_adapters(monkeypatch, missing, tts="made_up")
    assert registry.options("tts")[0].state == EngineState("needs", "pip install no-such")
    with pytest.raises(MissingDependency, match="pip install no-such"):
        registry.chosen("tts")


def test_an_engine_for_another_machine_says_so(monkeypatch):
    registry = with_adapters(monkeypatch, Adapter(None, platforms=("plan9-arm64",)), tts="made_up")
    assert [offer.state.name for offer in registry.options("tts")] == ["unfit"]
    with pytest.raises(ConfigError, match="plan9"):
        registry.chosen("tts")


@pytest.mark.parametrize("error", [RuntimeError("no memory"), EngineError("The file is broken", code="x")])
def test_a_failed_load_is_reported_and_tried_again(monkeypatch, error):
    outcomes = [error, None]

    def fail_once(options, device, folder):
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome
        return "engine"

    registry = with_adapters(monkeypatch, Adapter(fail_once, embedded=True))
    with pytest.raises(EngineError, match=str(error)):
        load(registry)
    state = registry.chosen("tts").state
    assert state.name == "failed"
    assert str(error) in state.detail
    assert load(registry) == "engine"
    assert registry.chosen("tts").state == EngineState("ready")


EMBEDDED = {"name": "embedded", "embedded": True}


@requirement("engine.background")
def test_conversations_begin_on_the_embedded_engine_and_change_over_when_a_better_one_is_loaded(monkeypatch):
    go_on, asked = threading.Event(), threading.Event()

    def slow(options, device, folder):
        asked.set()
        assert go_on.wait(10)
        return "better"

    embedded = Adapter(lambda options, device, folder: "embedded", **EMBEDDED)
    registry = with_adapters(monkeypatch, Adapter(slow, name="better", preference=10), embedded)
    preparing = threading.Thread(target=registry.prepare)
    preparing.start()
    assert asked.wait(10)
    assert registry.engines().stt.open() == "embedded"
    assert [(one.info.name, one.state.name) for one in registry.awaited("stt")] == [("better", "loading")]
    go_on.set()
    preparing.join(10)
    assert registry.engines().stt.open() == "better"
    assert registry.awaited("stt") == ()


@pytest.mark.parametrize("settings", [{}, {"tts": "best"}], ids=["by preference", "by name"])
def test_an_engine_that_cannot_be_loaded_is_set_aside_with_its_reason(monkeypatch, settings):
    best, embedded = Adapter(failing, name="best", preference=2), Adapter(lambda options, device, folder: "engine", **EMBEDDED)
    registry = with_adapters(monkeypatch, best, embedded, **settings)
    registry.prepare()
    assert registry.engines().tts.open() == "engine"
    (one,) = registry.awaited("tts")
    assert (one.info.name, one.state.name) == ("best", "failed")
    assert "no memory" in one.state.detail


def test_while_an_engine_is_started_again_the_next_in_line_serves(monkeypatch):
    best = SimpleNamespace(is_restarting=False)
    adapter = Adapter(lambda options, device, folder: best, name="best", preference=2)
    registry = with_adapters(monkeypatch, adapter, Adapter(lambda options, device, folder: "engine", **EMBEDDED))
    registry.prepare()
    assert registry.engines().tts.open() is best
    best.is_restarting = True
    assert registry.engines().tts.open() == "engine"
    assert [(one.info.name, one.state.name) for one in registry.awaited("tts")] == [("best", "loading")]
    best.is_restarting = False
    assert registry.engines().tts.open() is best


def test_an_engine_named_without_its_package_leaves_the_embedded_one_at_work(monkeypatch):
    missing = Adapter(None, name="best", requires=("no_such_module",), install="pip install no-such")
    registry = with_adapters(monkeypatch, missing, Adapter(lambda options, device, folder: "engine", **EMBEDDED), tts="best")
    registry.prepare()
    assert registry.engines().tts.open() == "engine"
    assert registry.awaited("tts")[0].state == EngineState("needs", "pip install no-such")


def test_a_remote_engine_works_only_when_it_is_named(monkeypatch):
    remote = Adapter(lambda options, device, folder: "remote", name="remote", preference=-1)
    embedded = Adapter(lambda options, device, folder: "engine", **EMBEDDED)
    for settings, expected in (({}, "engine"), ({"tts": "remote"}, "remote")):
        registry = with_adapters(monkeypatch, remote, embedded, **settings)
        registry.prepare()
        assert registry.engines().tts.open() == expected


def with_options(monkeypatch, **settings) -> Registry:
    adapter = Adapter(lambda options, device, folder: options)
    adapter.Options = ModelOptions
    return with_adapters(monkeypatch, adapter, **settings)


@requirement("engine.choice")
def test_model_and_options_come_from_the_settings(monkeypatch):
    registry = with_options(monkeypatch, tts="made_up:C:/models/large", tts_options={"beams": "5"})
    registry.check()
    assert load(registry) == ModelOptions("C:/models/large", 5)
    assert load(with_options(monkeypatch, tts="made_up")) == ModelOptions()


@pytest.mark.parametrize(("options", "said"), [({"beam": 5}, "beam"), ({"beams": "many"}, "beams")])
def test_an_option_that_does_not_fit_is_named(monkeypatch, options, said):
    with pytest.raises(ConfigError, match=said):
        with_options(monkeypatch, tts="made_up", tts_options=options).check()


@requirement("engine.keys")
def test_a_key_is_never_shown(monkeypatch):
    registry = with_options(monkeypatch, tts="made_up", tts_options={"key": 1234567})
    with pytest.raises(ConfigError) as caught:
        registry.check()
    assert "key" in caught.value.message
    assert "1234567" not in "".join(traceback.format_exception(caught.value)) + repr(registry)


def test_the_model_that_failed_is_blamed_not_another_one_of_the_same_engine(monkeypatch):
    loading, go_on = threading.Event(), threading.Event()

    def load(options, device, folder):
        if options.model == "late":
            loading.set()
            assert go_on.wait(10)
        return options.model

    adapter = Adapter(load)
    adapter.Options = ModelOptions
    registry = with_adapters(monkeypatch, adapter, working("embedded", embedded=True))
    registry.choose("tts", "made_up:early")
    wait_for(lambda: registry.engines().tts.open() == "early")
    registry.choose("tts", "made_up:late")
    assert loading.wait(10)
    assert (engines := registry.engines()).tts.open() == "early"
    assert registry.record_failure(engines, failure("timeout")) == ""
    assert "set aside" in registry.record_failure(engines, failure("timeout"))
    go_on.set()
    wait_for(lambda: registry.engines().tts.open() == "late")
    assert registry.record_failure(engines, failure("timeout")) == ""  # a turn that still ran with the one that is gone
    assert registry.engines().tts.open() == "late"


@requirement("engine.language")
def test_a_language_that_the_best_does_not_know_goes_to_one_that_does_and_a_notice_says_so(monkeypatch):
    best = working("best", preference=2, languages=("en-US", "es"))
    registry = with_adapters(monkeypatch, best, working("embedded", embedded=True))
    registry.prepare()
    assert registry.engines("es-MX").tts.open() == "best"
    assert registry.engines("es-MX").notices == ()
    german = registry.engines("de")
    assert german.tts.open() == "embedded"
    assert "'de'" in german.notices[0]
    only = with_adapters(monkeypatch, working("only", embedded=True, languages=("en",)))
    assert only.engines("de").tts.open() == "only"  # it will say itself what it cannot do


@requirement("engine.piper")
def test_an_engine_of_voices_knows_the_languages_of_those_that_it_has(monkeypatch):
    spoken = SimpleNamespace(voices=lambda: [Voice("eva", "Eva", "de-DE"), Voice("ann", "Ann", "en-GB")])
    voices = Adapter(lambda options, device, folder: spoken, name="voices", preference=2, languages_by_voice=True)
    registry = with_adapters(monkeypatch, voices, working("embedded", embedded=True))
    registry.prepare()
    ready(registry, "voices")
    assert [registry.engines(tag).tts.info.name for tag in ("de", "en-US", "fr")] == ["voices", "voices", "embedded"]


def test_what_is_only_offered_where_its_files_are_is_not_fetched_unasked(monkeypatch, tmp_path):
    model = Model(name=str(tmp_path / "model"), what="The voice", failure=EngineError, files=("*",), required=("voice",))
    quick = working("quick", preference=2, only_where_here=True)
    quick.files = lambda options, device: model
    registry = with_adapters(monkeypatch, quick, working("embedded", embedded=True))
    assert (registry.chosen("tts").info.name, registry.awaited("tts")) == ("embedded", ())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "voice").touch()
    registry.prepare()
    ready(registry, "quick")


def test_hearing_is_chosen_by_what_the_user_speaks(monkeypatch):
    english = working("english", preference=2, languages=("en",))
    registry = with_adapters(monkeypatch, english, working("embedded", embedded=True))
    registry.prepare()
    engines = registry.engines("es", "en")
    assert (engines.stt.open(), engines.tts.open()) == ("english", "embedded")
    assert registry.engines("en", "es").stt.open() == "embedded"
    assert registry.engines("es").stt.open() == "english", "who writes, or speaks any language, is heard by the usual one"
    assert len(registry.engines("es").notices) == 2  # llm and tts


def test_an_engine_that_gets_ready_at_that_moment_makes_no_false_notice(monkeypatch):
    registry = with_adapters(monkeypatch, working("best", preference=2), working("embedded", embedded=True))
    looks = itertools.count()
    monkeypatch.setattr(ManagedEngine, "is_ready", property(lambda engine: engine.info.embedded or next(looks) % 2 == 1))
    for _ in range(6):
        assert registry.engines("de", "de").notices == ()


def test_another_engine_is_chosen_while_the_first_works_on(monkeypatch):
    go_on = threading.Event()
    slow = Adapter(lambda options, device, folder: go_on.wait(10) and "slow", name="slow", preference=1)
    registry = with_adapters(monkeypatch, working("best", preference=2), slow, working("embedded", embedded=True))
    registry.prepare()
    registry.choose("tts", "slow")
    assert registry.selection("tts") == "slow"
    assert registry.engines().tts.open() == "best"
    go_on.set()
    ready(registry, "slow")
    registry.choose("tts", "")
    ready(registry, "best")


def test_two_models_of_one_engine_change_over_and_the_old_one_is_let_go(monkeypatch):
    class Engine:
        pass

    adapter = Adapter(lambda options, device, folder: Engine(), preference=1)
    adapter.Options = ModelOptions
    registry = with_adapters(monkeypatch, adapter, working("embedded", embedded=True))
    registry.choose("tts", "made_up:large")
    wait_for(lambda: registry.chosen("tts").model == "large")
    old = weakref.ref(registry.engines().tts.open())
    registry.choose("tts", "made_up:owner/tiny")
    wait_for(lambda: registry.chosen("tts").model == "owner/tiny")
    wait_for(lambda: old() is None)


def test_what_cannot_be_loaded_leaves_the_working_engine_in_place(monkeypatch):
    best, broken = working("best", preference=2), Adapter(failing, name="broken")
    registry = with_adapters(monkeypatch, best, broken, working("embedded", embedded=True))
    registry.prepare()
    registry.choose("tts", "broken")
    wait_for(lambda: registry.awaited("tts") and registry.awaited("tts")[0].state.name == "failed")
    assert registry.engines().tts.open() == "best"
    assert registry.awaited("tts")[0].info.name == "broken"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("nobody", "made_up"),
        ("made_up:/etc/passwd", "no name of a model"),
        ("made_up:../tests", "no name of a model"),
        ("made_up:tests", "no name of a model"),
        ("made_up:a/b/c", "no name of a model"),
        ("made_up:~", "no name of a model"),
        ("made_up:x\n", "no name of a model"),
        ("missing", "pip install no-such"),
    ],
)
def test_what_cannot_be_chosen_is_said_and_changes_nothing(monkeypatch, wish, said):
    monkeypatch.chdir(HOUSE)
    missing = Adapter(None, name="missing", requires=("no_such_module",), install="pip install no-such")
    adapter = Adapter(lambda options, device, folder: "engine", embedded=True)
    adapter.Options = ModelOptions
    registry = with_adapters(monkeypatch, adapter, missing)
    with pytest.raises(EngineError, match=said):
        registry.choose("tts", wish)
    assert registry.selection("tts") == ""


def test_a_folder_that_the_start_named_can_be_chosen_again(monkeypatch):
    registry = with_options(monkeypatch, tts="made_up:/srv/models/large")
    registry.choose("tts", "made_up:/srv/models/large")
    wait_for(lambda: registry.chosen("tts").model == "/srv/models/large")


def test_many_first_users_load_once(monkeypatch):
    loads, gate = [], threading.Barrier(8)
    registry = with_adapters(monkeypatch, Adapter(lambda options, device, folder: loads.append(1) or "engine", embedded=True))

    def use():
        gate.wait()
        load(registry)

    in_threads(*[use] * 8)
    assert loads == [1]


@requirement("house.imports")
def test_adapters_are_one_file_each_and_never_meet():
    for stage, name in ADAPTERS:
        source = Path(HOUSE / "engines" / stage / f"{name}.py").read_text(encoding="utf-8")
        for other_stage, other in ADAPTERS:
            assert f"engines.{other_stage}.{other}" not in source


@requirement("engine.install")
def test_a_stage_that_has_no_engine_is_told_to_whoever_needs_it(monkeypatch):
    voice = working("voice")
    monkeypatch.setattr("engines.registry.discovery.discover", lambda stage: {"voice": voice} if stage == "tts" else {})
    engines = Registry(Settings()).engines("en")
    assert engines.tts.open() == "voice"
    with pytest.raises(ConfigError):
        engines.stt.open()

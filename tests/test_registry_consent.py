"""Large downloads are asked about, once; what is here needs no question, and works from the first word."""

from __future__ import annotations

import json
import threading

import pytest
from conftest import HOUSE
from made_up_engines import Adapter, Time, with_adapters
from requirements import requirement
from test_registry_downloads import wait_for

from engines.api.wire import order_from_wire
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.errors import ConfigError, EngineError
from engines.registry.consent import Consent
from engines.registry.managed_engine import EngineState
from engines.weights import hub, store


class Weights:
    """What `store` says and does, made up: the sizes of models, and which of them are here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
        self.sizes, self.here, self.fetched = sizes, set[str](), list[str]()
        monkeypatch.setattr(store, "fetch", self.fetch)
        monkeypatch.setattr(store, "find", lambda model, weights: weights if model.name in self.here else None)

    def fetch(self, model, weights, on_progress, cancel, allow):
        if model.name not in self.here:
            if not self.sizes[model.name]:
                raise EngineError("Nobody has it.", code="offline")
            allow(self.sizes[model.name])
            self.fetched.append(model.name)
            self.here.add(model.name)
        return weights


def engine(name: str, **info: object) -> Adapter:
    """An engine called like its model."""
    adapter = Adapter(lambda options, device, folder: name, name=name, preference=5, **info)
    adapter.files = lambda options, device: hub.Model(name, "The model", EngineError, ("*",))
    return adapter


STAND_IN = {"name": "stand_in", "embedded": True, "preference": 0}


def registry_of(monkeypatch, tmp_path, *names: str, **settings: object):
    stand_in = Adapter(lambda options, device, folder: "stand_in", **STAND_IN)
    return with_adapters(monkeypatch, *map(engine, names), stand_in, weights=tmp_path, **settings)


@pytest.fixture
def weights(monkeypatch) -> Weights:
    return Weights(monkeypatch, large=2_700_000_000, small=150_000_000, nowhere=0)


def state(registry, stage: str = "llm") -> EngineState:
    return registry.awaited(stage)[0].state


@requirement("engine.consent")
def test_before_a_large_download_somebody_is_asked_and_the_stand_in_goes_on(monkeypatch, tmp_path, weights, caplog):
    registry = registry_of(monkeypatch, tmp_path, "large", "small")
    registry.prepare()
    assert (state(registry).name, state(registry).total) == ("asks", 2_700_000_000)
    assert registry.engines().llm.open() == "stand_in"
    assert weights.fetched == [], "nothing smaller is taken in its place before there is an answer"
    assert "2.7 GB. Say on the page whether to fetch it, or run: python -m engines fetch large" in caplog.text


@requirement("engine.consent")
@pytest.mark.parametrize(("answer", "kept"), [("yes", {"large": "yes"}), ("no", {"large": "no"}), ("later", {})])
def test_an_answer_is_kept(monkeypatch, tmp_path, weights, answer, kept):
    registry = registry_of(monkeypatch, tmp_path, "large")
    registry.prepare()
    registry.answer("llm", "large", answer)
    if answer == "yes":
        wait_for(lambda: registry.engines().llm.open() == "large")
    else:
        assert state(registry) == EngineState("stopped", "was not wanted: a download of 2.7 GB.")
    assert json.loads((tmp_path / "answers.json").read_text()) == kept
    weights.here.clear()
    again = registry_of(monkeypatch, tmp_path, "large")
    again.prepare()
    assert set(weights.fetched) == ({"large"} if answer == "yes" else set())
    assert again.engines().llm.open() == ("large" if answer == "yes" else "stand_in")
    assert answer == "yes" or state(again).name == ("stopped" if answer == "no" else "asks")


def test_who_tries_again_is_asked_again(monkeypatch, tmp_path, weights):
    registry = registry_of(monkeypatch, tmp_path, "large")
    registry.prepare()
    registry.answer("llm", "large", "no")
    registry.retry("llm")
    wait_for(lambda: state(registry).name == "asks")


def test_what_whoever_started_the_app_named_is_not_asked_about(monkeypatch, tmp_path, weights):
    registry = registry_of(monkeypatch, tmp_path, "large", llm="large", stt="stand_in", tts="stand_in")
    registry.prepare()
    assert (registry.engines().llm.open(), weights.fetched) == ("large", ["large"])


def test_small_downloads_are_not_asked_about(monkeypatch, tmp_path, weights):
    registry = registry_of(monkeypatch, tmp_path, "small")
    registry.prepare()
    assert registry.engines().llm.open() == "small"


def test_an_engine_whose_files_nobody_has_is_passed_over_with_a_word(monkeypatch, tmp_path, weights, caplog):
    registry = registry_of(monkeypatch, tmp_path, "nowhere", "small")
    registry.prepare()
    assert registry.engines().tts.open() == "small"
    assert state(registry, "tts") == EngineState("failed", "Nobody has it.")
    assert "Nobody has it." in caplog.text


@requirement("engine.second-start")
def test_what_is_here_is_loaded_before_the_first_turn_and_nothing_in_its_place(monkeypatch, tmp_path, weights):
    weights.here |= {"large"}
    loaded, going_on = [], threading.Event()
    stand_in = Adapter(lambda options, device, folder: loaded.append("stand_in"), **STAND_IN)
    large = engine("large")
    large.load = lambda options, device, folder: loaded.append("large") or "large"
    registry = with_adapters(monkeypatch, large, stand_in, weights=tmp_path)
    threading.Thread(target=lambda: (registry.prepare(), going_on.set())).start()
    registry.wait_for_first(10)
    assert registry.engines().tts.open() == "large"
    assert going_on.wait(10)
    assert set(loaded) == {"large"}


def test_clients_that_may_not_choose_may_not_answer(monkeypatch, tmp_path, weights):
    registry = registry_of(monkeypatch, tmp_path, "large")
    registry.prepare()
    book = PersonaBook(HOUSE / "personas.yaml")
    order = order_from_wire({"stage": "llm", "answer": "yes", "engine": "large"})
    with pytest.raises(ConfigError):
        ConversationService(Settings(), registry, book).order(order, choosable=False)
    assert state(registry).name == "asks"
    ConversationService(Settings(), registry, book).order(order, choosable=True)
    wait_for(lambda: weights.fetched == ["large"])


@pytest.mark.parametrize("written", ["", "[1]", "{", '{"large": 7}', None])
def test_answers_that_cannot_be_read_are_asked_for_again(tmp_path, written):
    file = tmp_path / "folder" / "answers.json"
    if written is not None:
        file.parent.mkdir()
        file.write_text(written)
    consent = Consent(file)
    assert consent.answer_of("large") is None
    consent.answer("large", "no")
    assert Consent(file).answer_of("large") == "no"


def test_where_nothing_can_be_written_an_answer_counts_until_the_app_ends(tmp_path, caplog):
    (tmp_path / "file").touch()
    consent = Consent(tmp_path / "file" / "answers.json")
    consent.answer("large", "yes")
    assert consent.answer_of("large") == "yes"
    assert "cannot be kept" in caplog.text


def test_the_time_that_is_left_is_told_from_the_speed_so_far(monkeypatch, tmp_path):
    time = Time()
    told: list[float | None] = []

    def fetch(model, weights, on_progress, cancel, allow):
        for seconds, done in ((0, 100), (1, 150), (10, 300)):
            time.passes(seconds)
            on_progress(store.Progress(done, 1000, "pip"))
            told.append(next(one.state.left_s for one in registry.awaited("llm")))
        return weights

    monkeypatch.setattr(store, "fetch", fetch)
    monkeypatch.setattr(store, "find", lambda *_: None)
    stand_in = Adapter(lambda options, device, folder: "stand_in", **STAND_IN)
    registry = with_adapters(monkeypatch, engine("small"), stand_in, time=time, llm="small", stt="stand_in", tts="stand_in")
    registry.prepare()
    assert told == [None, None, 700 / (200 / 11)]

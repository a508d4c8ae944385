"""Downloads of the registry: shown with their progress, stopped one by one, kept when another engine is chosen, and in nobody's way."""

from __future__ import annotations

import threading

import pytest
from made_up_engines import Adapter, ready, wait_for, with_adapters, working
from requirements import requirement

from engines.errors import ConfigError, EngineError
from engines.registry.managed_engine import EngineState
from engines.weights import hub, store


class Hub:
    """Fetches each model when its gate is opened, and tells 30 of 100 bytes before."""

    def __init__(self, *models: str) -> None:
        self.gates = {model: threading.Event() for model in models}
        self.fetched: list[str] = []

    def fetch(self, model, weights, on_progress, cancel, allow):
        on_progress(store.Progress(30, 100))
        while not self.gates[model.name].wait(0.005):
            if cancel.cancelled:
                raise EngineError("It was stopped.", code="cancelled", retryable=True)
        self.fetched.append(model.name)


MODELS = ("large", "medium", "small", "tiny")


@pytest.fixture
def the_hub(monkeypatch) -> Hub:
    made = Hub(*MODELS)
    monkeypatch.setattr(store, "fetch", made.fetch)
    return made


def downloading(name: str, loads: list[str] | None = None, **info: object) -> Adapter:
    """An engine called like its model, which is fetched before it is loaded."""

    def load(options, device, folder):
        (loads if loads is not None else []).append(name)
        return name

    adapter = Adapter(load, name=name, **info)
    adapter.files = lambda options, device: hub.Model(name, "The model", EngineError, ("*",))
    return adapter


@pytest.fixture
def loads() -> list[str]:
    return []


@pytest.fixture
def registry(monkeypatch, the_hub, loads):
    engines = [downloading(name, loads) for name in MODELS]
    registry = with_adapters(monkeypatch, *engines, working("embedded", embedded=True))
    yield registry
    registry.close()


def under_way(registry) -> dict[str, str]:
    """What the page shows beside the engine at work."""
    return {status.selection: status.state.name for status in (*registry.awaited("tts"), *registry.downloads("tts"))}


@requirement("engine.download")
def test_a_download_shows_its_progress_and_can_be_stopped_and_taken_up_again(registry, the_hub):
    registry.choose("tts", "large")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    (one,) = registry.awaited("tts")
    assert (one.model, one.state) == ("large", EngineState("downloading", done=30, total=100))
    assert registry.chosen("tts").info.name == "embedded"
    registry.stop("tts")
    wait_for(lambda: registry.awaited("tts")[0].state == EngineState("stopped", "It was stopped."))
    the_hub.gates["large"].set()
    registry.retry("tts")
    ready(registry, "large")


def test_who_stops_one_download_is_not_given_another(monkeypatch, the_hub):
    best, second = downloading("large", preference=2), downloading("small", preference=1)
    registry = with_adapters(monkeypatch, best, second, working("embedded", embedded=True))
    registry.retry("tts")
    wait_for(lambda: "downloading" in under_way(registry).values())
    registry.stop("tts")
    wait_for(lambda: under_way(registry) == {"large": "stopped", "small": "idle"})
    wait_for(lambda: not any(thread.name == "prepare-tts" for thread in threading.enumerate()))
    assert under_way(registry) == {"large": "stopped", "small": "idle"}


def test_choosing_another_engine_stops_the_download_and_does_not_wait_for_it(registry, the_hub, loads):
    registry.choose("tts", "large")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    the_hub.gates["small"].set()
    registry.choose("tts", "small")
    ready(registry, "small")
    assert (the_hub.fetched, loads, under_way(registry)) == (["small"], ["small"], {})
    the_hub.gates["large"].set()
    registry.choose("tts", "large")
    ready(registry, "large")


def test_a_download_that_is_kept_is_shown_goes_on_for_later_and_is_in_nobodys_way(registry, the_hub, loads):
    registry.choose("tts", "large")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    the_hub.gates["small"].set()
    registry.choose("tts", "small", keep=True)
    ready(registry, "small")
    (kept,) = registry.downloads("tts")
    assert (kept.selection, kept.state) == ("large", EngineState("downloading", done=30, total=100))
    the_hub.gates["large"].set()
    wait_for(lambda: not registry.downloads("tts"))
    assert sorted(the_hub.fetched) == ["large", "small"]
    assert loads == ["small"], "what is kept for later takes no memory"
    assert registry.engines().tts.open() == "small"


def test_a_kept_download_is_stopped_alone_and_outlives_another_choice(registry, the_hub):
    registry.choose("tts", "large")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    registry.choose("tts", "medium", keep=True)
    wait_for(lambda: under_way(registry) == {"medium": "downloading", "large": "downloading"})
    the_hub.gates["tiny"].set()
    registry.choose("tts", "tiny")
    ready(registry, "tiny")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    registry.stop("tts", "large")
    wait_for(lambda: under_way(registry) == {})


def test_a_download_that_was_chosen_again_is_stopped_for_all_who_wait_for_it(registry, the_hub):
    registry.choose("tts", "large")
    wait_for(lambda: under_way(registry) == {"large": "downloading"})
    registry.choose("tts", "embedded", keep=True)
    registry.choose("tts", "large")
    registry.stop("tts", "large")
    wait_for(lambda: not any(thread.name == "prepare-tts" for thread in threading.enumerate()))
    assert under_way(registry) == {"large": "stopped"}
    the_hub.gates["large"].set()
    registry.retry("tts")
    ready(registry, "large")


def test_too_many_kept_downloads_are_refused_and_change_nothing(registry):
    for number, name in enumerate(MODELS[:3]):
        registry.choose("tts", name, keep=True)
        wait_for(lambda number=number: list(under_way(registry).values()) == ["downloading"] * (number + 1))
    with pytest.raises(ConfigError, match="Cancel one of them"):
        registry.choose("tts", "tiny", keep=True)
    assert registry.selection("tts") == "small"
    assert under_way(registry) == dict.fromkeys(MODELS[:3], "downloading")


def test_an_engine_whose_loading_hangs_keeps_nobody_from_another(monkeypatch):
    over, loading = threading.Event(), threading.Event()

    def hang(options, device, folder):
        loading.set()
        over.wait(20)

    before = set(threading.enumerate())
    registry = with_adapters(monkeypatch, Adapter(hang, name="hung"), working("good"), working("embedded", embedded=True))
    registry.choose("tts", "hung")
    assert loading.wait(10)
    try:
        for _ in range(3):
            registry.retry("tts")
        registry.choose("tts", "good")
        ready(registry, "good")
        wait_for(lambda: len(set(threading.enumerate()) - before) == 1)
    finally:
        over.set()

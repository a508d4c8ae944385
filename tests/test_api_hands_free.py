"""Hands-free listening by the page's API on a real server: frames up, what becomes of them down; ears, mind and voice are stubs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import genuine
import numpy as np
import pytest
from conftest import HOUSE, StubEars, StubMind, StubRegistry, StubVoice, stub_engines
from page_client import WAIT_S, Tab, serving
from requirements import requirement
from test_listener import PATIENCE, QUIET, VOICE, Loudness, Melody, sheet

from engines.api import clients
from engines.api.page_api import PageApi
from engines.audio import resample, to_pcm16
from engines.config.personas import PersonaBook
from engines.config.settings import Settings, load_settings
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.live.listener import Listener, SpeechEnded, SpeechHushed, SpeechStarted
from engines.live.models import TURNS, VOICES, LiveModels
from engines.registry.registry import Registry
from engines.tts import espeak_ng
from engines.types import AudioChunk
from engines.weights import store

FRAME = 1280
SAID = sheet((10, QUIET), (20, VOICE), (40, QUIET))


class House(StubRegistry, Registry):
    """Every adapter is known, but stub engines work."""

    def __init__(self, settings: Settings) -> None:
        Registry.__init__(self, settings)
        self.ears, self.mind, self.voice = StubEars(), StubMind(), StubVoice()

    def engines(self, language="", input_language=None):
        return stub_engines(self.ears, self.mind, self.voice)


class Models:
    """Loudness decides, and every pause is an end."""

    notice, version, broken = "", 0, False

    def want(self):
        pass

    def close(self):
        pass

    def listener(self, longest_ms):
        return Listener(Loudness(), None if self.broken else Melody(*[1.0] * 50), longest_ms=longest_ms, patience=PATIENCE)


class Microphone:
    """A page that is hands-free."""

    def __init__(self, tab: Tab, listening: str = "m-1") -> None:
        self.tab, self.id, self.sent = tab, listening, 0
        assert tab.send("listening", listening=listening, on=True) == ""

    def hear(self, samples: np.ndarray, *, audible: bool = False, first: int | None = None) -> str:
        """Send sound in one message."""
        samples = np.pad(samples, (0, -len(samples) % FRAME))
        count, at = len(samples) // FRAME, self.sent if first is None else first
        self.sent = at + count
        data = to_pcm16(AudioChunk(samples, 16_000))
        return self.tab.send("heard", data, listening=self.id, first=at, audible=[audible] * count)


@pytest.fixture
def house() -> House:
    return House(Settings(max_sessions=8))


@pytest.fixture
def service(house) -> ConversationService:
    return ConversationService(Settings(max_sessions=8), house, PersonaBook(HOUSE / "personas.yaml"))


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def tab(service, models) -> Iterator[Tab]:
    with serving(PageApi(service, HOUSE / "avatar_assets" / "avatars", models)) as url:
        tab = Tab(url)
        tab.open()
        yield tab


def states(events):
    return [event["state"] for event in events if event["type"] == "user"]


def actions(events):
    return [event["action"] for event in events if event["type"] == "barge"]


@requirement("live.hands-free")
def test_frames_of_an_open_microphone_become_a_turn_that_the_page_has_not_asked_for(tab, service):
    Microphone(tab).hear(SAID)
    told = tab.until("completed")
    assert states(told)[:2] == ["speaking", "pausing"]
    ended = next(event for event in told if event.get("state") == "ended")
    assert (ended["text"], ended["turn"], ended["listening"]) == ("hello there", told[-1]["turn"], "m-1")
    assert told.index(ended) < next(at for at, event in enumerate(told) if event["type"] == "started")
    assert any(event["pcm"] for event in told if event["type"] == "segment")
    assert service.conversation(tab.session).turn(ended["turn"]).said == told[-1]["text"]


@requirement("live.frames")
def test_frames_that_arrive_again_are_heard_once_and_those_of_a_closed_microphone_never(tab, house):
    microphone = Microphone(tab)
    half = len(SAID) // 2 // FRAME * FRAME
    microphone.hear(SAID[:half])
    microphone.hear(SAID[: half + 2 * FRAME], first=0)
    microphone.hear(SAID[half + 2 * FRAME :])
    tab.until("completed")
    assert abs(house.ears.heard[-1].duration_ms - 1056) < 100  # a pre-roll of 320 ms, 640 ms of speech, and 96 ms of silence
    assert tab.send("listening", listening="m-1", on=False) == ""
    assert microphone.hear(SAID) == ""
    assert tab.say("Hello", "t-1")[0]["type"] == "started"


def test_frames_that_make_no_sense_are_answered_in_a_sentence(tab):
    Microphone(tab)
    for fields, size in (
        ({}, 2560),
        ({"first": 0}, 2560),
        ({"first": 0, "audible": []}, 0),
        ({"first": "0", "audible": [True]}, 2560),
        ({"first": 0, "audible": [True, False]}, 2562),
        ({"first": 0, "audible": [True] * 9000}, 2560),
        ({"first": 0, "audible": [True]}, 2_000_000),
    ):
        assert "damaged" in tab.send("heard", bytes(size), listening="m-1", **fields), fields


@requirement("live.barge-in")
def test_words_silence_the_persona_and_the_model_knows_only_what_was_heard(tab, house, service):
    first = tab.say("Hello", "t-1")
    assert first[-1]["text"] == "One two three. Four five six. Seven eight nine."
    house.ears.text = "And what about Tuesday?"
    Microphone(tab).hear(SAID, audible=True)
    told = tab.until("barge")
    told += tab.until("barge")
    assert actions(told) == ["duck", "stop"]
    assert len(house.mind.asked) == 1
    assert tab.send("stopped", turn="t-1", index=1, ms=190) == ""  # four words
    tab.until("completed")
    assert [message.content for message in house.mind.asked[-1]][-3:] == ["Hello", "One two three. Four", "And what about Tuesday?"]
    assert service.conversation(tab.session).turn("t-1").said == "One two three. Four"


@requirement("live.barge-in")
def test_after_a_backchannel_the_persona_goes_on_and_nothing_is_remembered(tab, house, service):
    house.ears.text = "Mm-hm."
    Microphone(tab).hear(SAID, audible=True)
    told = tab.until("user")
    while states(told)[-1] != "dropped":
        told += tab.until("user")
    assert actions(told) == ["duck", "resume"]
    assert not service.conversation(tab.session).turns


def test_a_microphone_that_is_opened_anew_forgets_what_was_begun(tab):
    Microphone(tab).hear(sheet((10, QUIET), (10, VOICE)))
    assert states(tab.until("user")) == ["speaking"]
    Microphone(tab, "m-2").hear(SAID)
    told = tab.until("completed")
    while ("m-1", "dropped") not in (found := {(event["listening"], event["state"]) for event in told if event["type"] == "user"}):
        told += tab.until("user")
    assert ("m-2", "ended") in found
    assert ("m-1", "ended") not in found


def test_better_models_take_over_between_two_utterances_and_the_page_is_told(tab, models, house):
    models.notice = "Silero VAD is being fetched."
    microphone = Microphone(tab)
    microphone.hear(SAID)
    assert next(event for event in tab.until("completed") if event["type"] == "listening")["notice"] == models.notice
    models.notice, models.version = "", 1
    microphone.hear(SAID)
    assert next(event for event in tab.until("completed") if event["type"] == "listening")["notice"] == ""


def test_a_mistake_of_the_program_ends_it_with_a_sentence(tab, models, monkeypatch, caplog):
    monkeypatch.setattr(Loudness, "probability", lambda *_: 1 / 0)
    microphone = Microphone(tab)
    microphone.hear(SAID)
    told = tab.until("listening")
    while not told[-1]["ended"]:
        told += tab.until("listening")
    assert "inside the app" in told[-1]["notice"]
    assert "ZeroDivisionError" in caplog.text
    assert microphone.hear(SAID) == ""


def test_where_too_many_answers_are_under_way_the_turn_ends_with_a_sentence(tab, monkeypatch):
    monkeypatch.setattr(clients, "RUNNING_TURNS", 0)
    crowded = Tab(f"http://{tab.host}/")
    crowded.open()
    Microphone(crowded).hear(SAID)
    told = crowded.until("failed")
    assert told[-1]["turn"] == next(event["turn"] for event in told if event.get("state") == "ended")
    assert "Too many" in told[-1]["message"]


def test_the_thread_ends_with_the_page(tab):
    Microphone(tab)
    tab.send("leave")
    until = threading.Event()
    for _ in range(100):
        if not any(thread.name == "hands-free" for thread in threading.enumerate()):
            return
        until.wait(WAIT_S / 100)
    pytest.fail("it goes on")


@requirement("live.models")
def test_without_its_models_loudness_decides_and_says_why(monkeypatch, tmp_path):
    asked = threading.Semaphore(0)

    def fetch(model, *_, **__):
        asked.release()
        raise EngineError(f"{model.title} could not be fetched.", code="offline")

    monkeypatch.setattr(store, "fetch", fetch)
    models = LiveModels(tmp_path)
    listener = models.listener(1000)
    assert list(listener.push(np.zeros(5120, np.float32))) == []
    models.want()
    assert asked.acquire(timeout=WAIT_S)
    assert asked.acquire(timeout=WAIT_S)
    for _ in range(200):
        if "second" in models.notice and "could not" in models.notice:
            break
        threading.Event().wait(0.02)
    assert models.notice.startswith("Silero VAD v6 could not be fetched. Loudness decides")
    assert models.version == 0
    models.want()  # asked again by the next who listens
    assert asked.acquire(timeout=WAIT_S)


@requirement("live.models")
def test_the_genuine_models_take_a_voice_for_a_voice_and_noise_for_none():
    for name in (VOICES, TURNS):
        genuine.weights(name)
    models = LiveModels(load_settings().weights)
    models.want()
    models.want()  # they are on their way
    for _ in range(500):
        if models.version == 2:
            break
        threading.Event().wait(0.02)
    assert (models.version, models.notice) == (2, "")
    listener = models.listener(60_000)
    noise = 0.05 * np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    assert list(listener.push(noise)) == []
    (speech,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize("We will see what happens tomorrow morning.", "en-us")
    heard = [*listener.push(resample(speech.audio, 16_000).samples), *listener.push(np.zeros(48_000, np.float32))]
    assert (type(heard[0]), type(heard[-1])) == (SpeechStarted, SpeechEnded)
    assert all(event.complete is not None for event in heard if isinstance(event, SpeechHushed))

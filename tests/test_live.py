"""Hands-free conversation: a score sheet of who makes which sound when, and what becomes of it; ears, mind and voice are stubs."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from conftest import HOUSE, StubEars, StubMind, StubRegistry, stub_engines
from requirements import requirement
from test_listener import PATIENCE, QUIET, VOICE, Loudness, Melody, sheet

from engines.concurrency.channel import Channel
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.errors import SpeechToTextError
from engines.events import TranscriptReady, TurnCompleted, TurnFailed, TurnStarted
from engines.live.conversation import BargeIn, LiveConversation, UserSpeech
from engines.live.listener import Listener
from engines.live.partial_transcript import PartialTranscripts
from engines.types import ChatMessage, Transcript
from engines.vad.frames import FRAME

WAIT_S = 10
SAID = sheet((10, QUIET), (20, VOICE), (40, QUIET))
"""Less than a second of speech, and a pause."""


class Client:
    """Notes what it is told, and reads turns to their end."""

    def __init__(self):
        self.told, self.events = [], []
        self._changed = threading.Condition()

    def tell(self, event):
        with self._changed:
            self.told.append(event)
            self._changed.notify_all()

    def answer(self, turn_id, events):
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def wait_for(self, happened):
        with self._changed:
            assert self._changed.wait_for(happened, WAIT_S), (self.told, self.events)

    def wait_for_state(self, state):
        self.wait_for(lambda: any(isinstance(event, UserSpeech) and event.state == state for event in self.told))

    def wait_for_the_end(self):
        self.wait_for(lambda: any(isinstance(event, TurnCompleted | TurnFailed) for event in self.events))

    @property
    def actions(self):
        return [event.action for event in self.told if isinstance(event, BargeIn)]

    def _read(self, events):
        for event in events:
            with self._changed:
                self.events.append(event)
                self._changed.notify_all()


class Scene:
    def __init__(self, *melody, ears=None, mind=None, persona_speaks=False):
        self.ears, self.mind, self.client = ears or StubEars(), mind or StubMind(), Client()
        self.service = ConversationService(
            Settings(), StubRegistry(stub_engines(self.ears, self.mind)), PersonaBook(HOUSE / "personas.yaml")
        )
        self.live = LiveConversation(self.service, "one", Listener(Loudness(), Melody(*melody), patience=PATIENCE), self.client)
        self.persona_speaks = persona_speaks

    def hear(self, samples):
        for frame in samples.reshape(-1, FRAME):
            self.live.hear(frame, audible=self.persona_speaks)

    @property
    def history(self):
        return self.service.conversation("one").window(99)


@requirement("live.hands-free")
def test_who_speaks_and_falls_silent_is_answered_without_a_button():
    scene = Scene(1.0)
    scene.hear(SAID)
    scene.client.wait_for_the_end()
    assert isinstance(scene.client.events[0], TurnStarted)
    assert scene.history == (
        ChatMessage("user", "hello there"),
        ChatMessage("assistant", "One two three. Four five six. Seven eight nine."),
    )
    assert [event.state for event in scene.client.told if isinstance(event, UserSpeech)][-1] == "ended"
    assert scene.client.actions == []


@requirement("live.speculation")
def test_an_answer_to_half_an_utterance_is_neither_heard_nor_remembered():
    scene = Scene(0.9, 1.0)
    scene.hear(sheet((10, QUIET), (20, VOICE), (7, QUIET)))
    scene.client.wait_for(lambda: scene.mind.asked)  # the first guess is being answered
    scene.ears.text = "hello there old friend"
    scene.hear(sheet((20, VOICE), (40, QUIET)))
    scene.client.wait_for_the_end()
    assert [event.transcript.text for event in scene.client.events if isinstance(event, TranscriptReady)] == ["hello there old friend"]
    assert [message.content for message in scene.history if message.role == "user"] == ["hello there old friend"]
    assert len({event.turn_id for event in scene.client.events}) == 1


def test_where_more_is_expected_only_the_ears_work_until_the_end():
    scene = Scene(0.1)
    scene.hear(sheet((10, QUIET), (20, VOICE), (20, QUIET)))
    scene.client.wait_for(lambda: any(getattr(event, "text", None) for event in scene.client.told))
    assert scene.ears.heard
    assert not scene.mind.asked
    scene.hear(sheet((60, QUIET)))
    scene.client.wait_for_the_end()
    assert len(scene.mind.asked) == 1


@requirement("live.barge-in")
@pytest.mark.parametrize("words", ["Mm-hm.", "Yeah, okay.", ""])
def test_after_a_backchannel_or_a_cough_the_persona_goes_on(words):
    scene = Scene(1.0, ears=StubEars(words), persona_speaks=True)
    scene.hear(SAID)
    scene.client.wait_for_state("dropped")
    assert scene.client.actions == ["duck", "resume"]
    assert scene.client.events == []
    assert scene.history == ()
    assert not scene.mind.asked


@requirement("live.echo")
def test_its_own_words_from_the_loudspeaker_do_not_stop_the_persona():
    scene = Scene(1.0, 1.0)
    scene.hear(SAID)
    scene.client.wait_for_the_end()
    scene.ears.text, scene.persona_speaks, scene.client.told = "four five six", True, []
    scene.hear(np.concatenate([sheet((40, QUIET)), SAID]))
    scene.client.wait_for_state("dropped")
    assert scene.client.actions == ["duck", "resume"]


@requirement("live.barge-in")
def test_words_stop_the_persona_and_are_answered():
    scene = Scene(1.0, ears=StubEars("And what about Tuesday?"), persona_speaks=True)
    scene.hear(SAID)
    scene.client.wait_for_the_end()
    assert scene.client.actions == ["duck", "stop"]
    assert scene.history[0] == ChatMessage("user", "And what about Tuesday?")


@requirement("live.barge-in")
def test_speech_that_lasts_stops_the_persona_before_it_ends():
    scene = Scene(1.0, persona_speaks=True)
    scene.hear(sheet((10, QUIET), (37, VOICE)))
    assert scene.client.actions == ["duck"]
    scene.hear(sheet((1, VOICE)))  # 1.2 s
    assert scene.client.actions == ["duck", "stop"]
    scene.hear(sheet((40, QUIET)))
    scene.client.wait_for_the_end()


@requirement("live.barge-in")
def test_a_word_that_stops_needs_no_answer():
    scene = Scene(1.0, ears=StubEars("Wait, wait."), persona_speaks=True)
    scene.hear(SAID)
    scene.client.wait_for_state("dropped")
    assert scene.client.actions == ["duck", "stop"]
    assert scene.history == ()


def test_a_sound_without_words_starts_no_turn_and_no_sentence_of_failure():
    scene = Scene(1.0, ears=StubEars(""))
    scene.hear(SAID)
    scene.client.wait_for_state("dropped")
    assert scene.client.events == []
    assert scene.history == ()


def test_ears_that_fail_are_told_of():
    scene = Scene(1.0, ears=StubEars(error=SpeechToTextError("The ears are broken.", code="broken")))
    scene.hear(SAID)
    scene.client.wait_for_the_end()
    assert scene.client.events[-1].message == "The ears are broken."


def test_ears_that_fail_before_the_end_are_told_of_too():
    scene = Scene(0.1, ears=StubEars(error=SpeechToTextError("The ears are broken.", code="broken")))
    scene.hear(sheet((10, QUIET), (20, VOICE), (20, QUIET)))
    scene.client.wait_for_state("pausing")
    threading.Event().wait(0.1)  # nothing tells that the words will not come
    scene.hear(sheet((60, QUIET)))
    scene.client.wait_for_the_end()
    assert scene.client.events[-1].message == "The ears are broken."


def test_a_microphone_that_closes_in_a_sentence_leaves_nothing():
    scene = Scene(1.0, persona_speaks=True)
    scene.hear(sheet((10, QUIET), (10, VOICE)))
    scene.live.close()
    assert scene.client.actions == ["duck", "resume"]
    assert scene.client.told[-1] == UserSpeech("dropped")
    scene.persona_speaks = False
    scene.hear(np.concatenate([sheet((20, QUIET)), SAID]))
    scene.client.wait_for_the_end()


@requirement("live.partial")
def test_the_words_so_far_are_told_while_somebody_speaks():
    scene = Scene(1.0, ears=StubEars("Tell me about"))
    scene.hear(sheet((10, QUIET), (60, VOICE)))
    scene.client.wait_for(lambda: UserSpeech("speaking", text="Tell me about") in scene.client.told)
    assert not scene.mind.asked
    scene.ears.text = "Tell me about whales."
    scene.hear(sheet((40, QUIET)))
    scene.client.wait_for_the_end()
    assert scene.history[0] == ChatMessage("user", "Tell me about whales.")


@requirement("live.partial")
def test_reading_along_takes_a_bounded_share_of_the_time():
    now, heard = [0.0], []

    class Slow:
        """Ears that take two seconds."""

        def __init__(self, sound):
            heard.append(sound.duration_ms)
            self.transcript, self.done = Transcript("well"), threading.Event()

        def wait_for_words(self):
            now[0] += 2.0
            self.done.set()

        def cancel(self): ...

    told = Channel(99)
    partial = PartialTranscripts(Slow, told.put, clock=lambda: now[0])
    listener = Listener(Loudness(), None)
    for _ in range(1000):  # 32 s
        list(listener.push(sheet((1, VOICE))))
        before = len(heard)
        partial.consider(listener)
        if len(heard) > before:
            assert told.get(WAIT_S) == ["well"]
    assert len(heard) == 3  # after 1, 14 and 28 s


@requirement("live.barge-in")
def test_a_closure_within_a_word_over_the_persona_is_no_cough():
    scene = Scene(1.0, 1.0, ears=StubEars(""), persona_speaks=True)
    scene.hear(sheet((10, QUIET), (10, VOICE), (4, QUIET)))  # 128 ms
    threading.Event().wait(0.1)  # in which ears that are quick have heard nothing in it
    assert scene.client.actions == ["duck"]
    scene.ears.text = "And what about Tuesday?"
    scene.hear(sheet((10, VOICE), (40, QUIET)))
    scene.client.wait_for_the_end()
    assert scene.client.actions == ["duck", "stop"]
    assert scene.history[0] == ChatMessage("user", "And what about Tuesday?")

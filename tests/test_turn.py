"""The turn: its events, their order, its failures, and how soon it stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest import StubEars, StubMind, StubVoice, speech_of, stub_engines, tone

from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Limits
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import TextToSpeechError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEnded, TurnFailed, TurnInterrupted, TurnStarted
from engines.registry.registry import Engines
from engines.types import AudioChunk, ChatMessage, Persona, Speech, Utterance, Voice

WAIT_S = 10


def turn(persona: Persona, engines: Engines, utterance: Utterance | None = None, **more: object) -> list[object]:
    request = TurnRequest("t1", persona, utterance or Utterance(text="Tell me."), **more)
    return list(run_turn(request, engines))


def test_a_spoken_question_becomes_words_text_and_sound_in_order(persona):
    mind, voice = StubMind(), StubVoice()
    events = turn(persona, stub_engines(mind=mind, voice=voice), Utterance(audio=tone()))
    assert [event.seq for event in events] == list(range(len(events)))
    assert {event.turn_id for event in events} == {"t1"}
    assert isinstance(events[0], TurnStarted)
    assert isinstance(events[1], TranscriptReady)
    assert events[1].transcript.text == "hello there"
    assert isinstance(events[-1], TurnCompleted)
    assert "".join(event.text for event in events if isinstance(event, ReplyDelta)) == "".join(mind.deltas) == events[-1].text
    segments = [event.segment for event in events if isinstance(event, SegmentReady)]
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert "".join(segment.text for segment in segments) == events[-1].text
    assert all(spoken == "pats_voice" for _, spoken in voice.said)
    timings = events[-1].timings
    assert 0 <= timings.transcript_ms <= timings.first_text_ms <= timings.first_segment_ms <= timings.total_ms
    assert timings.spoken_ms == pytest.approx(sum(segment.audio.duration_ms for segment in segments))


def test_the_model_sees_the_prompt_with_the_spoken_style_then_the_history(persona):
    mind = StubMind()
    history = (ChatMessage("user", "One"), ChatMessage("user", "Two"), ChatMessage("assistant", "Three"))
    turn(persona, stub_engines(mind=mind), Utterance(text="Four"), history=history)
    system, *rest = mind.asked[0]
    assert system.role == "system"
    assert system.content.startswith("You are Pat.")
    assert "Markdown" in system.content
    assert rest == [ChatMessage("user", "One\nTwo"), ChatMessage("assistant", "Three"), ChatMessage("user", "Four")]


def test_a_given_reply_is_said_without_asking_the_model(persona):
    mind = StubMind()
    events = turn(persona, stub_engines(mind=mind), None, reply=persona.greeting)
    assert mind.asked == []
    assert events[-1].text == persona.greeting
    assert any(isinstance(event, SegmentReady) for event in events)


def test_the_first_sound_does_not_wait_for_the_end_of_the_text(persona):
    spoken = threading.Event()

    class Slow(StubVoice):
        def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
            spoken.set()
            yield speech_of(text)

    mind = StubMind(before=lambda index: index < 2 or spoken.wait(WAIT_S) or pytest.fail("the voice waited for the whole text"))
    assert isinstance(turn(persona, stub_engines(mind=mind, voice=Slow()))[-1], TurnCompleted)


def test_a_fast_model_does_not_flood_the_consumer(persona):
    words = [f"word{index} " for index in range(500)]
    events = turn(persona, stub_engines(mind=StubMind(deltas=words)))
    assert "".join(event.text for event in events if isinstance(event, ReplyDelta)) == "".join(words)
    assert len([event for event in events if isinstance(event, ReplyDelta)]) <= len(words)


def test_text_without_words_goes_along_with_what_is_said_next(persona):
    voice = StubVoice()
    events = turn(persona, stub_engines(mind=StubMind(deltas=["🙂🙂🙂\n\n", "And now words follow."]), voice=voice))
    segments = [event.segment for event in events if isinstance(event, SegmentReady)]
    assert "".join(segment.text for segment in segments) == "🙂🙂🙂\n\nAnd now words follow."
    assert all("🙂" not in text for text, _ in voice.said)


@pytest.mark.parametrize("when", ["before the first event", "after the first delta", "after the first segment"])
def test_cancel_ends_the_turn_within_one_step_of_the_model(persona, when):
    go_on, cancel = threading.Event(), CancelToken()
    mind = StubMind(deltas=["One two three four five. "] * 1000, before=lambda index: index < 5 or go_on.wait(WAIT_S))
    events = []
    if when == "before the first event":
        cancel.cancel()
    for event in run_turn(TurnRequest("t", persona, Utterance(text="Go")), stub_engines(mind=mind), cancel):
        events.append(event)
        if isinstance(event, ReplyDelta if "delta" in when else SegmentReady):
            cancel.cancel()
            go_on.set()
    assert isinstance(events[-1], TurnInterrupted)
    go_on.set()
    steps = mind.steps
    assert not mind.asked or mind.closed.wait(WAIT_S)
    assert mind.steps <= steps + 1


def test_closing_the_generator_frees_both_threads(persona):
    before = set(threading.enumerate())
    mind = StubMind(deltas=["One two three four five. "] * 100_000)
    events = run_turn(TurnRequest("t", persona, Utterance(text="Go")), stub_engines(mind=mind))
    next(event for event in events if isinstance(event, SegmentReady))
    events.close()
    deadline = time.monotonic() + WAIT_S
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


def test_a_slow_consumer_holds_the_model_back(persona):
    mind = StubMind(deltas=["One two three four five six. "] * 5000)
    events = run_turn(TurnRequest("t", persona, Utterance(text="Go")), stub_engines(mind=mind))
    next(event for event in events if isinstance(event, SegmentReady))
    time.sleep(0.3)
    assert mind.steps < 1000
    events.close()


CRASHES = {"crash": RuntimeError("boom"), "typed": TextToSpeechError("The voice is hoarse", code="hoarse")}


@pytest.mark.parametrize("error", CRASHES.values(), ids=CRASHES)
def test_a_failing_voice_leaves_the_text(persona, error):
    events = turn(persona, stub_engines(voice=StubVoice(error=error)))
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].stage == "tts"
    assert "boom" not in events[-1].message
    assert events[-1].text == "".join(StubMind().deltas)
    assert not any(isinstance(event, SegmentReady) for event in events)


@pytest.mark.parametrize("error", CRASHES.values(), ids=CRASHES)
def test_a_failing_model_leaves_what_was_said(persona, error):
    events = turn(persona, stub_engines(mind=StubMind(deltas=["This much was written. ", "And this"], error=error)))
    assert isinstance(events[-1], TurnFailed)
    assert events[-1].text == "This much was written. And this"
    assert "".join(event.segment.text for event in events if isinstance(event, SegmentReady)) == events[-1].text


@pytest.mark.parametrize("error", CRASHES.values(), ids=CRASHES)
def test_failing_ears_are_reported_once_and_nobody_is_asked(persona, error):
    mind = StubMind()
    events = turn(persona, stub_engines(ears=StubEars(error=error), mind=mind), Utterance(audio=tone()))
    assert [type(event) for event in events] == [TurnStarted, TurnFailed]
    assert mind.asked == []


def test_a_recording_without_words_says_so(persona):
    events = turn(persona, stub_engines(ears=StubEars(text="  ")), Utterance(audio=tone()))
    assert events[-1].code == "no_words"
    assert events[-1].retryable


def test_a_model_that_answers_nothing_says_so(persona):
    assert turn(persona, stub_engines(mind=StubMind(deltas=["", "  "])))[-1].code == "empty_reply"


BAD_SOUNDS = {
    "nothing at all": [],
    "no samples": [AudioChunk(np.zeros(0, np.float32), 16_000)],
    "silence": [AudioChunk(np.full(1600, 1e-6, np.float32), 16_000)],
    "not a number": [AudioChunk(np.full(1600, np.nan, np.float32), 16_000)],
}


@pytest.mark.parametrize("sounds", BAD_SOUNDS.values(), ids=BAD_SOUNDS)
def test_unusable_sound_fails_the_voice_not_the_text(persona, sounds):
    voice = StubVoice(say=lambda text: (Speech(audio, (), (), "measured") for audio in sounds))
    end = turn(persona, stub_engines(voice=voice))[-1]
    assert isinstance(end, TurnEnded)
    assert (type(end), end.stage) == (TurnFailed, "tts")
    assert end.text == "".join(StubMind().deltas)


class Hanging:
    """Makes an engine's step wait until the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, *_: object) -> None:
        self.over.wait(WAIT_S)


@pytest.fixture
def hang() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.over.set()


LIMITS = Limits(stt=0.2, llm=0.2, tts=0.2)


def test_ears_that_hang_are_left_behind(persona, hang):
    class Deaf(StubEars):
        def transcribe(self, audio, language=None):
            hang()
            return super().transcribe(audio, language)

    end = turn(persona, stub_engines(ears=Deaf()), Utterance(audio=tone()), limits=LIMITS)[-1]
    assert (type(end), end.stage, end.code) == (TurnFailed, "stt", "timeout")


def test_a_model_that_hangs_leaves_what_was_said(persona, hang):
    mind = StubMind(before=lambda index: hang() if index == 2 else None)
    events = turn(persona, stub_engines(mind=mind), limits=LIMITS)
    assert (type(events[-1]), events[-1].stage, events[-1].code) == (TurnFailed, "llm", "timeout")
    assert events[-1].text == "".join(mind.deltas[:2])
    assert any(isinstance(event, SegmentReady) for event in events)


def test_a_voice_that_hangs_leaves_the_whole_text_and_says_nothing_later(persona, hang):
    voice = StubVoice(before=hang)
    events = turn(persona, stub_engines(voice=voice), limits=LIMITS)
    assert (type(events[-1]), events[-1].stage, events[-1].code) == (TurnFailed, "tts", "timeout")
    assert events[-1].text == "".join(StubMind().deltas)
    assert not any(isinstance(event, SegmentReady) for event in events)


def test_a_voice_that_comes_back_too_late_is_not_heard(persona):
    given_up = threading.Event()
    mind = StubMind(before=lambda index: index < 2 or given_up.wait(WAIT_S))
    voice = StubVoice(before=lambda text: given_up.wait(WAIT_S))
    engines = stub_engines(mind=mind, voice=voice)
    events = []
    for event in run_turn(TurnRequest("t", persona, Utterance(text="Go"), limits=Limits(tts=0.2)), engines):
        events.append(event)
        if len(events) == 3:  # started, transcript, text
            threading.Timer(1.0, given_up.set).start()
    assert events[-1].code == "timeout"
    assert events[-1].text == "".join(mind.deltas)
    assert not any(isinstance(event, SegmentReady) for event in events)


def test_no_memory_is_said_in_plain_words(persona):
    end = turn(persona, stub_engines(mind=StubMind(error=MemoryError())))[-1]
    assert (end.stage, end.code) == ("llm", "out_of_memory")
    assert "memory" in end.message


@pytest.mark.parametrize(("language", "voice"), [("de", "hans"), ("de-AT", "hans"), ("de-CH", "urs"), ("en", "anna"), ("fi", None)])
def test_a_persona_without_a_voice_of_its_own_gets_one_of_its_language(persona, language, voice):
    class Choir(StubVoice):
        def voices(self):
            return [Voice("anna", "Anna", "en-GB"), Voice("hans", "Hans", "de"), Voice("urs", "Urs", "de-CH")]

    choir = Choir()
    turn(replace(persona, language=language, voices=()), stub_engines(voice=choir))
    assert {spoken for _, spoken in choir.said} == {voice}


def test_what_the_user_should_know_of_the_engines_comes_first(persona):
    assert turn(persona, replace(stub_engines(), notices=("Kokoro does not.",)))[0].notices == ("Kokoro does not.",)


def test_directions_are_acted_with_their_words_and_neither_written_nor_spoken(persona):
    voice = StubVoice()
    mind = StubMind(deltas=["[smi", "le] Hello there, you. I do not ", "know [shrug] at all. Bye. [wa", "ve]"])
    events = turn(persona, stub_engines(mind=mind, voice=voice))
    assert events[-1].text == "Hello there, you. I do not know at all. Bye. "
    assert "".join(event.text for event in events if isinstance(event, ReplyDelta)) == events[-1].text
    segments = [event.segment for event in events if isinstance(event, SegmentReady)]
    assert [(cue.name, segment.text.strip()) for segment in segments for cue in segment.cues] == [
        ("smile", "Hello there, you."),
        ("shrug", "I do not know at all."),
        ("wave", "Bye."),
    ]
    (shrug,) = (cue for segment in segments for cue in segment.cues if cue.name == "shrug")
    assert shrug.start_ms == 800  # with "at"
    assert not any("smile" in text or "[" in text for text, _ in voice.said)
    assert "[smile]" in mind.asked[0][0].content

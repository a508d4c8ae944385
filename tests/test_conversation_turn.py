"""The turn: its events, their order, its failures, and how soon it stops."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import StubEars, StubMind, StubVoice, stub_engines, tone
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Deadlines
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import ChatModelError, TextToSpeechError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnFailed, TurnInterrupted, TurnStarted
from engines.registry.registry import EngineHandle, Engines
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


def test_a_given_reply_is_said_without_asking_the_model(persona):
    mind = StubMind()
    events = turn(persona, stub_engines(mind=mind), None, reply=persona.greeting)
    assert mind.asked == []
    assert events[-1].text == persona.greeting
    assert any(isinstance(event, SegmentReady) for event in events)


def test_the_first_sound_does_not_wait_for_the_end_of_the_text(persona):
    spoken = threading.Event()

    mind = StubMind(before=lambda index: index < 2 or spoken.wait(WAIT_S) or pytest.fail("the voice waited for the whole text"))
    voice = StubVoice(before=lambda text: spoken.set())
    assert isinstance(turn(persona, stub_engines(mind=mind, voice=voice))[-1], TurnCompleted)


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
    steps = -1
    while steps != mind.steps:  # until the model stands still
        steps = mind.steps
        time.sleep(0.05)
    assert steps < 1000
    events.close()


CRASHES = {"crash": RuntimeError("boom"), "typed": TextToSpeechError("The voice is hoarse", code="hoarse")}


@pytest.mark.parametrize("error", CRASHES.values(), ids=CRASHES)
def test_a_failing_engine_leaves_what_was_understood_written_and_said(persona, error):
    mind = StubMind()
    voiceless = turn(persona, stub_engines(voice=StubVoice(error=error)))
    broken_off = turn(persona, stub_engines(mind=StubMind(deltas=["This much was written. ", "And this"], error=error)))
    deaf = turn(persona, stub_engines(ears=StubEars(error=error), mind=mind), Utterance(audio=tone()))
    for events, stage, text in (
        (voiceless, "tts", "".join(mind.deltas)),
        (broken_off, "llm", "This much was written. And this"),
        (deaf, "stt", ""),
    ):
        assert (type(events[-1]), events[-1].stage, events[-1].text) == (TurnFailed, getattr(error, "stage", stage), text)
        assert "boom" not in events[-1].message
        assert "".join(event.segment.text for event in events if isinstance(event, SegmentReady)) == ("" if stage == "tts" else text)
    assert [type(event) for event in deaf] == [TurnStarted, TurnFailed]
    assert mind.asked == []


def test_a_turn_without_words_says_so(persona):
    end = turn(persona, stub_engines(ears=StubEars(text="  ")), Utterance(audio=tone()))[-1]
    assert (end.code, end.retryable) == ("no_words", True)
    for deltas in (["", "  "], itertools.repeat("")):  # nothing, or thoughts for ever
        assert turn(persona, stub_engines(mind=StubMind(deltas=deltas)))[-1].code == "empty_reply"


BAD_SOUNDS = {
    "nothing at all": ([], False),
    "no samples": ([AudioChunk(np.zeros(0, np.float32), 16_000)], True),
    "silence": ([AudioChunk(np.full(1600, 1e-6, np.float32), 16_000)], False),
    "ten minutes": ([tone(600_000)], True),
    "without end": (itertools.repeat(tone(1000)), True),
    "crumbs without end": (itertools.repeat(tone(1)), True),
}


@pytest.mark.parametrize(("sounds", "counts"), BAD_SOUNDS.values(), ids=BAD_SOUNDS)
def test_unusable_sound_fails_the_voice_not_the_text(persona, sounds, counts):
    voice = StubVoice(say=lambda text: (Speech(audio, (), (), "measured") for audio in sounds))
    end = turn(persona, stub_engines(voice=voice))[-1]
    assert (type(end), end.stage, end.counts_against_engine) == (TurnFailed, "tts", counts)
    assert end.text == "".join(StubMind().deltas)
    assert end.timings.spoken_ms <= 10_000 + 300 * len(end.text)


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros((2, 800), np.float32), 16_000),
        (np.zeros(800, np.float64), 16_000),
        ([0.0], 16_000),
        (np.full(800, np.nan, np.float32), 16_000),
        (np.full(800, np.inf, np.float32), 16_000),
        (np.zeros(800, np.float32), 7),
        (np.zeros(800, np.float32), 24_000.5),
        (np.zeros(800, np.float32), 10**9),
    ],
)
def test_what_is_no_mono_sound_is_refused_where_it_is_made(samples, rate):
    with pytest.raises(ValueError, match="must be"):
        AudioChunk(samples, rate)


@pytest.mark.parametrize(
    ("deltas", "most"),
    [
        (["word " * 4_000], 100),
        (itertools.repeat("word "), 100),
        (["x"] * 10_000, 100),
        (["```\n", *(f"x{n}\n" for n in range(9_999))], 8_000),
    ],
    ids=["at once", "for ever", "bit by bit", "code"],
)
@requirement("turn.bounded")
def test_a_reply_without_end_is_cut_off_and_what_was_written_is_spoken(persona, deltas, most):
    events = turn(persona, stub_engines(mind=StubMind(deltas=deltas)))
    assert (type(events[-1]), events[-1].stage, events[-1].code) == (TurnFailed, "llm", "reply_too_long")
    assert 0 < len(events[-1].text) <= most
    assert not events[-1].counts_against_engine
    spoken = "".join(event.segment.text for event in events if isinstance(event, SegmentReady))
    assert spoken == ("" if "```" in events[-1].text else events[-1].text)


def test_a_transcript_without_end_is_refused(persona):
    mind = StubMind()
    events = turn(persona, stub_engines(ears=StubEars(text="word " * 1000), mind=mind), Utterance(audio=tone()), max_text_chars=4_000)
    assert [type(event) for event in events] == [TurnStarted, TurnFailed]
    assert (events[-1].stage, events[-1].code) == ("stt", "too_long")
    assert mind.asked == []


HALVES = "\ud83d", "\ude00"


@requirement("talk.well-formed")
def test_control_characters_come_in_nowhere(persona):
    mind = StubMind(deltas=["One\x00 two\x1b[2J.\r\n", "Three\x9f\tfour.\x07"])
    typed = turn(persona, stub_engines(mind=mind), Utterance(text="H\x08i\r\nthere\x0b!"))
    assert typed[1].transcript.text == mind.asked[0][-1].content == "Hi\nthere !"
    assert typed[-1].text == "One two[2J.\nThree\tfour."
    assert turn(persona, stub_engines(ears=StubEars(text="\x1b[31mHi")), Utterance(audio=tone()))[1].transcript.text == "[31mHi"
    assert turn(persona, stub_engines(ears=StubEars(text="\x00")), Utterance(audio=tone()))[-1].code == "no_words"
    assert turn(persona, stub_engines(mind=StubMind(error=ChatModelError("Bad\x00.", code="x"))))[-1].message == "Bad."


@requirement("talk.well-formed")
def test_lone_surrogates_are_replaced_and_pairs_joined_wherever_they_come_in(persona):
    mind = StubMind(deltas=["Hello " + HALVES[0], HALVES[1] + " there ", HALVES[0], "friend" + HALVES[1], HALVES[0]])
    history = (ChatMessage("user", "Old " + HALVES[0]), ChatMessage("assistant", "Yes"))
    events = turn(persona, stub_engines(mind=mind), Utterance(text="Hi \ud800"), history=history)
    assert events[-1].text == "Hello 😀 there \ufffdfriend\ufffd\ufffd"
    assert events[1].transcript.text == "Hi \ufffd"
    assert [message.content for message in mind.asked[0][1:]] == ["Old \ufffd", "Yes", "Hi \ufffd"]
    heard = turn(persona, stub_engines(ears=StubEars(text="Hi \ud800")), Utterance(audio=tone()))
    assert heard[1].transcript.text == "Hi \ufffd"
    greeting = turn(persona, stub_engines(), None, reply="Hi \ud800 there.")
    assert greeting[-1].text == "Hi \ufffd there."
    broken = turn(persona, stub_engines(mind=StubMind(error=ChatModelError("Bad \ud800.", code="x"))))
    assert broken[-1].message == "Bad \ufffd."


class Hanging(Deadlines):
    """An engine's step that does not come back before the test is over, or its engine is killed; hours pass on the virtual clock."""

    def __init__(self) -> None:
        super().__init__(lambda: self.now, watch_every_s=0.005)
        self.now, self.looks, self.over = 0.0, 0, threading.Event()

    def expired(self):
        step = super().expired()
        self.looks += 1
        return step

    def takes(self, seconds: float) -> None:
        """So much time passes in a step, and is looked at."""
        self.now += seconds
        looks = self.looks + 2  # the first of them may have begun before
        while self.looks < looks and not self.over.wait(0.001):
            pass

    def __call__(self, *_: object) -> None:
        self.now += 10_000
        self.over.wait(WAIT_S)


@pytest.fixture
def hang() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.over.set()


def hanging_turn(persona: Persona, engines: Engines, hang: Hanging, utterance: Utterance | None = None) -> list[object]:
    return list(run_turn(TurnRequest("t", persona, utterance or Utterance(text="Go")), engines, deadlines=hang))


def test_the_limit_of_a_transcription_grows_with_the_recording(persona, hang):
    class Slow(StubEars):
        def transcribe(self, audio, language=None, priors=None, cancel=None):
            hang.takes(100)
            return super().transcribe(audio, language)

    assert isinstance(hanging_turn(persona, stub_engines(ears=Slow()), hang, Utterance(audio=tone(60_000)))[-1], TurnCompleted)
    assert hanging_turn(persona, stub_engines(ears=Slow()), hang, Utterance(audio=tone(1_000)))[-1].code == "timeout"


@requirement("talk.fair-hearing")
def test_a_recording_that_waits_for_others_is_not_late(persona, hang):
    engines = stub_engines()
    other = engines.stt.queue.enter("somebody else", CancelToken())
    turn = run_turn(TurnRequest("t", persona, Utterance(audio=tone()), conversation="mine"), engines, deadlines=hang)
    events = [next(turn)]
    hang.now += 10_000
    threading.Timer(0.1, other.leave).start()
    events += turn
    assert isinstance(events[-1], TurnCompleted)


@requirement("talk.fair-hearing")
def test_ears_that_hang_keep_nobody_else_from_being_heard(persona, hang):
    engines, ears = stub_engines(ears=SimpleNamespace(transcribe=hang)), StubEars()
    assert hanging_turn(persona, engines, hang, Utterance(audio=tone()))[-1].code == "timeout"
    again = replace(engines, stt=replace(engines.stt, open=lambda: ears))
    assert isinstance(turn(persona, again, Utterance(audio=tone()))[-1], TurnCompleted)


@requirement("talk.cancelled-hearing")
def test_a_turn_that_is_stopped_leaves_the_queue_and_the_engine(persona):
    engines, other, heard = stub_engines(), CancelToken(), []
    place = engines.stt.queue.enter("somebody else", other)
    tokens = [CancelToken() for _ in range(3)]
    turns = [run_turn(TurnRequest(f"t{n}", persona, Utterance(audio=tone()), conversation="mine"), engines, tokens[n]) for n in range(3)]
    for waiting in turns:
        next(waiting)
    for token in tokens:
        token.cancel()
    assert [type(list(waiting)[-1]) for waiting in turns] == [TurnInterrupted] * 3
    place.leave()
    heard += turn(persona, engines, Utterance(audio=tone()))
    assert isinstance(heard[-1], TurnCompleted)
    assert len(engines.stt.open().heard) == 1


def test_a_model_that_hangs_leaves_what_was_said(persona, hang):
    mind = StubMind(before=lambda index: hang() if index == 2 else None)
    events = hanging_turn(persona, stub_engines(mind=mind), hang)
    assert (type(events[-1]), events[-1].stage, events[-1].code) == (TurnFailed, "llm", "timeout")
    assert events[-1].text == "".join(mind.deltas[:2])
    assert any(isinstance(event, SegmentReady) for event in events)


def test_a_voice_that_hangs_leaves_the_whole_text_and_says_nothing_later(persona, hang):
    voice = StubVoice(before=hang)
    events = hanging_turn(persona, stub_engines(voice=voice), hang)
    assert (type(events[-1]), events[-1].stage, events[-1].code) == (TurnFailed, "tts", "timeout")
    assert events[-1].text == "".join(StubMind().deltas)
    assert not any(isinstance(event, SegmentReady) for event in events)


def test_engines_that_hang_before_their_first_step_are_left_behind(persona, hang):
    mute = SimpleNamespace(transcribe=hang, stream=hang, synthesize=hang, voices=lambda: ())
    for engines, stage in ((stub_engines(ears=mute), "stt"), (stub_engines(mind=mute), "llm"), (stub_engines(voice=mute), "tts")):
        end = hanging_turn(persona, engines, hang, Utterance(audio=tone()))[-1]
        assert (type(end), end.stage, end.code, end.counts_against_engine) == (TurnFailed, stage, "timeout", True)


def test_an_engine_that_cannot_be_loaded_in_time_lets_the_turn_end(persona, hang):
    engines = stub_engines()
    end = hanging_turn(persona, replace(engines, llm=EngineHandle(engines.llm.info, hang)), hang)[-1]
    assert (type(end), end.code, end.counts_against_engine) == (TurnFailed, "loading", False)


class KillableMind(StubMind):
    """A model in a process of its own that hangs until it is killed."""

    hang: Hanging

    def stream(self, messages, persona):
        self.hang()
        raise ChatModelError("The process ended.", code="crashed")

    def kill(self) -> None:
        self.hang.over.set()


def threads_of(turn_id: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.endswith(f"-{turn_id}")]


def test_the_process_of_a_step_that_hangs_is_ended(persona, hang):
    mind = KillableMind()
    mind.hang = hang
    end = hanging_turn(persona, stub_engines(mind=mind), hang)[-1]
    assert end.code == "timeout"
    assert hang.over.is_set()


def test_the_process_is_ended_too_when_the_turn_was_stopped_before_the_step_expired(persona, hang):
    class Mind(KillableMind):
        def stream(self, messages, persona):
            started.set()
            hang.over.wait(WAIT_S)
            return iter(())

    started, cancel, mind = threading.Event(), CancelToken(), Mind()
    mind.hang = hang
    events = run_turn(TurnRequest("stopped", persona, Utterance(text="Go")), stub_engines(mind=mind), cancel, hang)
    next(events)
    assert started.wait(WAIT_S)
    cancel.cancel()
    assert isinstance(list(events)[-1], TurnInterrupted)
    assert not hang.over.is_set()
    hang.now += 10_000
    assert hang.over.wait(WAIT_S)
    deadline = time.monotonic() + WAIT_S
    while threads_of("stopped") and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not threads_of("stopped")


def test_a_voice_that_comes_back_too_late_is_not_heard(persona, hang):
    events = run_turn(TurnRequest("late", persona, Utterance(text="Go")), stub_engines(voice=StubVoice(before=hang)), deadlines=hang)
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, TurnFailed):
            hang.over.set()
    assert seen[-1].code == "timeout"
    assert not any(isinstance(event, SegmentReady) for event in seen)


def test_no_memory_is_said_in_plain_words(persona):
    end = turn(persona, stub_engines(mind=StubMind(error=MemoryError())))[-1]
    assert (end.stage, end.code) == ("llm", "out_of_memory")
    assert "memory" in end.message


@pytest.mark.parametrize(("language", "voice"), [("de", "hans"), ("de-AT", "hans"), ("de-CH", "urs"), ("en", "anna"), ("fi", None)])
@requirement("persona.voice")
def test_a_persona_without_a_voice_of_its_own_gets_one_of_its_language(persona, language, voice):
    class Choir(StubVoice):
        def voices(self):
            return [Voice("anna", "Anna", "en-GB"), Voice("hans", "Hans", "de"), Voice("urs", "Urs", "de-CH")]

    choir = Choir()
    turn(replace(persona, language=language, voices=()), stub_engines(voice=choir))
    assert {spoken for _, spoken in choir.said} == {voice}


def test_what_the_user_should_know_of_the_engines_comes_first(persona):
    assert turn(persona, replace(stub_engines(), notices=("Kokoro does not.",)))[0].notices == ("Kokoro does not.",)


@requirement("persona.directions")
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


@pytest.mark.parametrize(
    ("deltas", "spoken", "acted"),
    [
        (["Goodbye! 👋"], ["Goodbye! "], [("wave", "👋")]),
        (["Goodbye! ", "👋", "😀"], ["Goodbye! "], [("wave", "👋😀"), ("smile", "👋😀")]),
        (["Goodbye! [wave]"], ["Goodbye! "], [("wave", "Goodbye! ")]),
        (["👋"], [], [("wave", "👋")]),
        (["[wa", "ve]"], [], [("wave", "")]),
    ],
)
@requirement("persona.directions-end")
def test_what_is_acted_after_the_last_word_or_without_any_is_acted(persona, deltas, spoken, acted):
    voice = StubVoice()
    events = turn(persona, stub_engines(mind=StubMind(deltas=deltas), voice=voice))
    assert isinstance(events[-1], TurnCompleted)
    segments = [event.segment for event in events if isinstance(event, SegmentReady)]
    assert [(cue.name, segment.text) for segment in segments for cue in segment.cues] == acted
    assert [text for text, _ in voice.said] == [text.strip() for text in spoken]
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert "".join(segment.text for segment in segments) == events[-1].text
    assert all(segment.audio.duration_ms >= 500 for segment in segments if not segment.timeline.words)

"""Random faults in every stage of a turn: each turn ends, with a sentence, within its bounds, and leaves no thread behind."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from conftest import RATE, StubEars, StubMind, StubVoice, speech_of, stub_engines, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Deadlines
from engines.conversation import pipeline, reply_writer, speech
from engines.conversation.pipeline import MAX_REPLY_CHARACTERS
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import ChatModelError
from engines.events import SegmentReady, TurnCompleted, TurnEnded, TurnFailed, TurnInterrupted
from engines.registry.registry import EngineHandle
from engines.types import AudioChunk, PhonemeTiming, Speech, TextDelta, Utterance, WordTiming

WAIT_S = 60


class Panic(BaseException):
    """What compiled libraries raise (pyo3's PanicException): no `Exception`."""


RAISED = [RuntimeError, MemoryError, RecursionError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, Panic]
GARBAGE = [
    None,
    5,
    b"bytes",
    "text",
    object(),
    [None],
    {},
    SimpleNamespace(text=None),
    SimpleNamespace(text=b"x"),
    SimpleNamespace(audio=tone()),
]
DELTAS = [
    TextDelta("\ud83d"),
    TextDelta(""),
    TextDelta("x" * 100_000),
    TextDelta("[wave"),
    TextDelta("```\n" + "[smile] (sighs" * 500),
    itertools.repeat(TextDelta("word ")),
    itertools.repeat(TextDelta("")),
]
NOT_A_NUMBER = (PhonemeTiming("a", float("nan"), 1.0),)
SOUNDS = [
    Speech(AudioChunk(np.zeros(0, np.float32), RATE), (), (), "measured"),
    Speech(tone(), NOT_A_NUMBER, (), "measured"),
    Speech(tone(), (), (WordTiming("\ud800", 0.0, 1.0),), "measured"),
    replace(speech_of("one two"), audio=tone(600_000)),
    itertools.repeat(speech_of("one")),
    itertools.repeat(Speech(tone(1), (), (), "measured")),
]
PLACES = {
    "stt": ["open", "transcribe"],
    "llm": ["open", "stream", "step 0", "step 2", "close"],
    "tts": ["open", "voices", "synthesize", "step 0", "step 1", "close"],
}
OURS = {
    "reply_writer.SentenceChunker.push": reply_writer.SentenceChunker,
    "reply_writer.SentenceChunker.finish": reply_writer.SentenceChunker,
    "reply_writer.DirectionFilter.push": reply_writer.DirectionFilter,
    "reply_writer.DirectionFilter.finish": reply_writer.DirectionFilter,
    "pipeline.messages_for": pipeline,
    "speech.speakable": speech,
    "speech.viseme_timeline": speech,
}
"""Our own code between the engines, where faults must not keep a turn from ending either."""

raised = st.sampled_from(RAISED).map(lambda kind: ("raise", kind("boom")))
typed = st.just(("raise", ChatModelError("It is \ud800 hoarse.", code="hoarse")))
hung = st.just(("hang", None))


@st.composite
def faults(draw: st.DrawFn) -> tuple[str, str, tuple[str, object]]:
    """(stage, place, (kind, what))"""
    stage = draw(st.sampled_from([*PLACES, "ours"]))
    if stage == "ours":
        return stage, draw(st.sampled_from(sorted(OURS))), draw(raised)
    place = draw(st.sampled_from(PLACES[stage]))
    given = st.sampled_from([*GARBAGE, *{"llm": DELTAS, "tts": SOUNDS, "stt": []}[stage]]).map(lambda value: ("give", value))
    return stage, place, draw(st.one_of(raised, typed, hung, given))


class Faulty:
    """A fault that happens at one place of one stage; what hangs comes back when `over` is set."""

    def __init__(self, fault: tuple[str, str, tuple[str, object]]) -> None:
        self.stage, self.place, (self.kind, self.what) = fault
        self.over, self.now = threading.Event(), 0.0

    def at(self, stage: str, place: str, otherwise: Callable[[], object]) -> object:
        if (stage, place) != (self.stage, self.place):
            return otherwise()
        if self.kind == "raise":
            raise self.what
        if self.kind == "hang":
            self.now += 10_000
            self.over.wait(WAIT_S)
            return otherwise()
        return self.what

    def steps(self, stage: str, items: object) -> object:
        """The items as an engine's generator, with the fault at one of its steps or as it is closed."""
        try:
            for number, item in enumerate(items):
                made = self.at(stage, f"step {number}", lambda item=item: item)
                if isinstance(made, itertools.repeat):
                    yield from made
                yield made
        finally:
            self.at(stage, "close", lambda: None)

    def engines(self) -> object:
        ears, mind, voice = StubEars(), StubMind(), StubVoice()
        faulty = {
            "stt": SimpleNamespace(transcribe=lambda *given: self.at("stt", "transcribe", lambda: ears.transcribe(*given))),
            "llm": SimpleNamespace(stream=lambda *given: self.at("llm", "stream", lambda: self.steps("llm", mind.stream(*given)))),
            "tts": SimpleNamespace(
                synthesize=lambda *given: self.at("tts", "synthesize", lambda: self.steps("tts", voice.synthesize(*given))),
                voices=lambda: self.at("tts", "voices", voice.voices),
            ),
        }
        engines = stub_engines()
        handles = {
            stage: EngineHandle(getattr(engines, stage).info, lambda stage=stage: self.at(stage, "open", lambda: faulty[stage]))
            for stage in faulty
        }
        return replace(engines, **handles)


def run(persona, faulty: Faulty, leave_after: int, how: str) -> list[object]:
    """The events of a turn with that fault, whose consumer stops or goes away after so many."""
    cancel = CancelToken()
    request = TurnRequest("faulty", replace(persona, voices=()), Utterance(audio=tone()))
    events = run_turn(request, faulty.engines(), cancel, Deadlines(lambda: faulty.now, watch_every_s=0.002))
    seen = []
    for event in events:
        seen.append(event)
        if len(seen) == leave_after:
            if how == "close":
                events.close()
                break
            cancel.cancel()
    return seen


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fault=faults(), leave_after=st.integers(1, 30), how=st.sampled_from(["stop", "close"]))
@pytest.mark.filterwarnings("error")
@requirement("turn.ends")
def test_every_turn_ends_whatever_happens(persona, fault, leave_after, how):
    faulty, seen = Faulty(fault), []
    ours = fault[1].rpartition(".")[2] if fault[0] == "ours" else ""
    patch = mock.patch.object(OURS[fault[1]], ours, side_effect=fault[2][1]) if ours else nullcontext()
    with patch, mock.patch.object(pipeline.log, "disabled", True):
        runner = threading.Thread(target=lambda: seen.extend(run(persona, faulty, leave_after, how)), daemon=True)
        runner.start()
        runner.join(WAIT_S)
        assert not runner.is_alive(), "the turn did not end"
        faulty.over.set()  # what was left behind can end now
        deadline = time.monotonic() + WAIT_S
        while left := [thread.name for thread in threading.enumerate() if thread.name.endswith("-faulty")]:
            assert time.monotonic() < deadline, left
            time.sleep(0.001)
    assert [event.seq for event in seen] == list(range(len(seen)))
    if how == "stop" or len(seen) < leave_after:
        end = seen[-1]
        assert [event for event in seen if isinstance(event, TurnEnded)] == [end]
        if len(seen) <= leave_after:
            assert isinstance(end, TurnCompleted | TurnFailed)
        else:
            assert isinstance(end, TurnInterrupted)
        assert len(end.text) <= MAX_REPLY_CHARACTERS
        assert end.timings.spoken_ms <= 30_000 + 300 * len(end.text)
        if isinstance(end, TurnFailed):
            assert end.message.encode().endswith(b".")
            assert "boom" not in end.message
    "".join(
        event.segment.text + "".join(word.text for word in event.segment.timeline.words)
        for event in seen
        if isinstance(event, SegmentReady)
    ).encode()


def test_a_thread_that_cannot_be_started_is_a_failure_with_a_sentence(persona):
    with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
        events = list(run_turn(TurnRequest("t", persona, Utterance(text="Go")), stub_engines()))
    assert (events[-1].code, events[-1].counts_against_engine) == ("no_threads", False)

"""Listener: a score sheet says who makes which sound when; the events follow on the clock of the sound, however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
from requirements import requirement

from engines.live.listener import Listener, SpeechEnded, SpeechHushed, SpeechPaused, SpeechResumed, SpeechStarted
from engines.live.user_stop import Patience
from engines.vad.frames import FRAME, FRAME_MS, SAMPLE_RATE


class Loudness:
    """A detector that takes for speech whatever is louder than a whisper."""

    def probability(self, frame):
        return float(np.abs(frame).max() > 0.01)

    def reset(self):
        pass


class Melody:
    """An end-of-turn model that says what it was told to."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def probability(self, samples):
        self.asked.append(len(samples) / SAMPLE_RATE * 1000)
        return self.answers.pop(0)


def sheet(*parts):
    """(frames, loudness) after one another, each frame 32 ms."""
    return np.concatenate([np.full(frames * FRAME, level, np.float32) for frames, level in parts])


def heard(listener, samples, cut=None):
    cuts = range(cut, len(samples), cut) if cut else []
    return [event for piece in np.split(samples, list(cuts)) for event in listener.push(piece)]


def kinds(events):
    return [type(event) for event in events]


QUIET, VOICE = 0.0, 0.2
PATIENCE = Patience(usual_ms=420, steepness=0.6, shortest_ms=224, longest_ms=1600, alone_ms=900, unfinished_ms=600)


@requirement("live.listener")
def test_an_utterance_begins_pauses_and_ends_where_the_model_is_sure():
    listener = Listener(Loudness(), Melody(1.0), patience=PATIENCE)
    events = heard(listener, sheet((10, QUIET), (20, VOICE), (40, QUIET)))
    assert kinds(events) == [SpeechStarted, SpeechHushed, SpeechPaused, SpeechEnded]
    started, _, paused, ended = events
    assert started.at_ms == 10 * FRAME_MS
    assert paused.at_ms == ended.at_ms == 30 * FRAME_MS
    assert ended.decided_ms == 37 * FRAME_MS  # 224 ms
    voiced = np.flatnonzero(ended.utterance.samples)
    assert len(voiced) == 20 * FRAME
    assert voiced[0] == 10 * FRAME  # 320 ms from before
    assert not listener.is_speaking


@pytest.mark.parametrize("cut", [1, 160, 511, 512, 513, 4096])
def test_it_does_not_matter_how_the_sound_is_cut(cut):
    samples = sheet((10, QUIET), (20, VOICE), (12, QUIET), (9, VOICE), (60, QUIET))[: 100 * FRAME if cut > 1 else 45 * FRAME]
    whole = heard(Listener(Loudness(), Melody(0.2, 1.0)), samples)
    assert [event.at_ms for event in heard(Listener(Loudness(), Melody(0.2, 1.0)), samples, cut)] == [event.at_ms for event in whole]


def test_a_pause_after_which_more_comes_belongs_to_the_utterance():
    listener = Listener(Loudness(), Melody(0.1, 0.9), patience=PATIENCE)
    events = heard(listener, sheet((10, QUIET), (20, VOICE), (30, QUIET), (20, VOICE), (60, QUIET)))
    assert kinds(events) == [SpeechStarted, SpeechHushed, SpeechPaused, SpeechResumed, SpeechHushed, SpeechPaused, SpeechEnded]
    assert events[3].at_ms == 60 * FRAME_MS
    assert np.count_nonzero(events[-1].utterance.samples) == 40 * FRAME


def test_where_more_was_expected_and_nothing_came_the_wait_is_long_but_ends():
    ended = heard(Listener(Loudness(), Melody(0.0), patience=PATIENCE), sheet((20, VOICE), (80, QUIET)))[-1]
    assert ended.decided_ms - ended.at_ms == 50 * FRAME_MS  # 1 600 ms


def test_without_a_model_silence_decides():
    ended = heard(Listener(Loudness(), None, patience=PATIENCE), sheet((20, VOICE), (80, QUIET)))[-1]
    assert ended.decided_ms - ended.at_ms == pytest.approx(900, abs=FRAME_MS)


@pytest.mark.parametrize(("words", "longer"), [("I was walking and", True), ("I was walking.", False)])
def test_words_that_bind_make_the_wait_longer(words, longer):
    listener = Listener(Loudness(), None, patience=PATIENCE)
    events = heard(listener, sheet((20, VOICE), (10, QUIET)))
    listener.tell(words, "en")
    ended = [*events, *heard(listener, sheet((80, QUIET)))][-1]
    assert ended.decided_ms - ended.at_ms == pytest.approx(1500 if longer else 900, abs=FRAME_MS)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_click_is_no_speech(frames):
    assert heard(Listener(Loudness(), Melody()), sheet((10, QUIET), (frames, VOICE), (60, QUIET))) == []


def test_a_click_in_a_pause_does_not_end_the_pause():
    events = heard(Listener(Loudness(), Melody(0.0), patience=PATIENCE), sheet((20, VOICE), (10, QUIET), (1, VOICE), (80, QUIET)))
    assert kinds(events) == [SpeechStarted, SpeechHushed, SpeechPaused, SpeechEnded]


def test_a_closure_within_a_word_is_no_pause():
    events = heard(Listener(Loudness(), Melody(1.0, 1.0)), sheet((10, VOICE), (4, QUIET), (10, VOICE), (40, QUIET)))
    assert kinds(events) == [SpeechStarted, SpeechHushed, SpeechResumed, SpeechHushed, SpeechPaused, SpeechEnded]


def test_a_gap_of_two_frames_is_nothing():
    melody = Melody(1.0)
    events = heard(Listener(Loudness(), melody), sheet((10, VOICE), (2, QUIET), (10, VOICE), (40, QUIET)))
    assert kinds(events) == [SpeechStarted, SpeechHushed, SpeechPaused, SpeechEnded]
    assert len(melody.asked) == 1


@requirement("live.listener")
def test_melody_and_words_decide_together():
    patience = Patience()
    waits = [
        patience.wait_ms(0.95, "What time is it?", "en"),
        patience.wait_ms(0.95),
        patience.wait_ms(0.2, "What time is it?", "en"),
        patience.wait_ms(0.2, "What time", "en"),
        patience.wait_ms(0.95, "What time is it in the", "en"),
        patience.wait_ms(0.05, "What time is it in the...", "en"),
    ]
    assert waits == sorted(waits)
    assert waits[0] < 500
    assert 1500 < waits[-2] <= patience.longest_ms
    assert patience.wait_ms(0.0) <= patience.longest_ms
    assert patience.wait_ms(1.0, "Yes.", "en") >= patience.shortest_ms


def test_whoever_never_stops_is_ended_at_the_longest_and_nothing_grows():
    listener = Listener(Loudness(), None, longest_ms=3200)
    events = heard(listener, sheet((1000, VOICE)))
    lengths = [event.utterance.duration_ms for event in events if isinstance(event, SpeechEnded)]
    assert len(lengths) >= 9
    assert max(lengths) <= 3200


def test_the_end_of_the_sound_is_the_end_of_the_utterance():
    listener = Listener(Loudness(), Melody())
    assert kinds(heard(listener, sheet((10, QUIET), (20, VOICE)))) == [SpeechStarted]
    (ended,) = listener.finish()
    assert np.count_nonzero(ended.utterance.samples) == 20 * FRAME
    assert list(listener.finish()) == []


def test_what_was_begun_can_be_forgotten():
    listener = Listener(Loudness(), Melody(1.0))
    heard(listener, sheet((20, VOICE)))
    listener.reset()
    assert not listener.is_speaking
    assert kinds(heard(listener, sheet((10, QUIET), (20, VOICE), (40, QUIET)))) == [SpeechStarted, SpeechHushed, SpeechPaused, SpeechEnded]

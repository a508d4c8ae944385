"""Silence around pieces of speech: as long as the punctuation wants, nothing heard is lost, and nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import StubMind, StubVoice, stub_engines
from requirements import requirement

from engines.concurrency.deadlines import Deadlines
from engines.conversation.turn import TurnRequest, run_turn
from engines.events import SegmentReady
from engines.speaking.pauses import pause_after, paused
from engines.types import AudioChunk, Persona, PhonemeTiming, Speech, Utterance, WordTiming

RATE = 24_000
LEAD_MS = 30


def noise(level_db: float, ms: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1 * 10 ** (level_db / 20), round(ms * RATE / 1000)).astype(np.float32)


def said(*parts: np.ndarray, start: float = 0.0, end: float = 0.0) -> Speech:
    """One sound, told to last from `start` to `end` ms, with pauses before and behind."""
    audio = AudioChunk(np.concatenate(parts), RATE)
    phonemes = [("", 0.0, start), ("s", start, end - start), ("", end, audio.duration_ms - end)] if end else []
    words = (WordTiming("Yes.", start, end - start),) if end else ()
    return Speech(audio, tuple(PhonemeTiming(*phoneme) for phoneme in phonemes), words, "measured")


def level_db(samples: np.ndarray) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(samples))) + 1e-9))


@pytest.mark.parametrize(("before", "behind"), [(300, 500), (0, 0), (10, 60), (2000, 3000)])
@requirement("talk.pauses")
def test_any_silence_becomes_the_pause_that_is_wanted(before, behind):
    piece = said(noise(-90, before), noise(0, 400), noise(-90, behind), start=before, end=before + 400)
    for pause in (20, 120, 280):
        found = paused(piece, pause)
        lead = min(before, LEAD_MS)
        assert found.audio.duration_ms == pytest.approx(lead + 400 + pause, abs=11)  # levels are those of 10 ms
        (word,) = found.words
        assert (word.start_ms, word.duration_ms) == (pytest.approx(lead, abs=11), pytest.approx(400, abs=11))
        assert [p.phoneme for p in found.phonemes if p.duration_ms > 11] == ["", "s", ""][lead <= 11 : 3 if behind > 11 else 2]
        sound = found.audio.samples[round(word.start_ms * RATE / 1000) :][: 400 * RATE // 1000]
        assert np.array_equal(sound[300:-300], piece.audio.samples[before * RATE // 1000 :][: 400 * RATE // 1000][300:-300])


@pytest.mark.parametrize("soft", [-20, -30, -40])
@requirement("talk.pauses")
def test_soft_fricatives_breaths_and_bursts_at_the_edges_are_heard(soft):
    burst = np.concatenate([noise(-90, 90), noise(soft, 12)])  # behind its closure
    piece = said(noise(-90, 300), noise(soft, 80), noise(0, 300), burst, noise(-90, 400), start=340, end=740)
    found = paused(piece, 20).audio
    assert level_db(piece.audio.samples[300 * 24 : 380 * 24]) == pytest.approx(level_db(found.samples[30 * 24 : 110 * 24]), abs=0.5)
    assert found.duration_ms == pytest.approx(30 + 80 + 300 + 102 + 20, abs=11)


@requirement("talk.pauses")
def test_nothing_clicks():
    piece = said(noise(-40, 500), noise(0, 300), noise(-40, 600), start=500, end=800)  # a voice that rustles
    found = paused(piece, 120).audio.samples
    assert abs(found[0]) == abs(found[-1]) == 0
    assert max(np.abs(found[:24]).max(), np.abs(found[-24:]).max()) < 0.001
    assert len(found) / 24 < 30 + 80 + 300 + 80 + 120 + 11, "the rustle is not taken for speech"


@requirement("talk.pauses")
def test_rumble_that_is_not_heard_is_silence():
    rumble = 0.02 * np.sin(2 * np.pi * 10 / RATE * np.arange(RATE * 2)).astype(np.float32)  # 17 dB below the speech
    speech = np.concatenate([noise(-90, 700), noise(0, 400), noise(-90, 900)])
    assert paused(said(speech + rumble), 280).audio.duration_ms == pytest.approx(30 + 400 + 280, abs=11)


@requirement("talk.pauses")
def test_a_turn_pauses_between_sentences_less_at_commas_and_not_where_a_voice_cuts_a_sentence(persona: Persona):
    def chunks(text: str):
        words = text.split(" ")
        for part in filter(None, (" ".join(words[:2]) + " " * bool(words[2:]), " ".join(words[2:]))):  # each in its own silence
            sound = np.concatenate([noise(-90, 400), noise(0, 300), noise(-90, 900)])
            yield Speech(AudioChunk(sound, RATE), (), (WordTiming(part, 400, 300),), "measured")

    mind = StubMind(deltas=["Well, it depends, of course, you see. Yes it is. Apples\n", "Pears are good too."])
    request, engines = TurnRequest("t1", persona, Utterance(text="Tell me.")), stub_engines(mind=mind, voice=StubVoice(say=chunks))
    events = run_turn(request, engines, deadlines=Deadlines(clock=lambda: 0.0))  # on a machine that never waits
    pauses = {}
    for segment in (event.segment for event in events if isinstance(event, SegmentReady)):
        (word,) = segment.timeline.words
        assert word.start_ms == pytest.approx(LEAD_MS, abs=11)
        pauses[word.text.strip()] = segment.audio.duration_ms - word.start_ms - word.duration_ms
    wanted = {"Well, it": 20, "depends,": 120, "of course,": 120, "you see.": 280, "Yes it": 20, "is.": 280, "Apples": 280}
    assert pauses == pytest.approx(wanted | {"Pears are": 20, "good too.": 280}, abs=11)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.float32), np.zeros(4800, np.float32), noise(-75, 200)], ids=["nothing", "zeros", "faint"]
)
def test_what_cannot_be_heard_stays_as_it_is(samples):
    piece = said(samples)
    assert paused(piece, 280) is piece


def test_a_voice_without_times_has_its_silence_cut_too():
    assert paused(said(noise(-90, 300), noise(0, 400), noise(-90, 500)), 120).audio.duration_ms == pytest.approx(550, abs=11)


@pytest.mark.parametrize(
    ("piece", "sentence", "pause_ms"),
    [
        ("Yes. ", "Yes. ", 280),
        ('He said "no." ', 'He said "no." ', 280),
        ("Really?", "Really? 😀 ", 280),
        ("नमस्ते।", "नमस्ते।", 280),
        ("好。", "好。", 280),
        ("Apples", "Apples\n", 280),
        ("so", "so — ", 180),
        ("First: ", "First: ", 180),
        ("Well, ", "Well, ", 120),
        ("好，", "好，", 120),
        ("the ferries run ", "the ferries run ", 20),
        ("the ferries run ", "", 20),
        ("It is late. ", "", 280),
        ("", "", 20),
    ],
)
@requirement("talk.pauses")
def test_pauses_follow_the_punctuation(piece, sentence, pause_ms):
    assert pause_after(piece, sentence) == pause_ms

"""Times moved to the sound: the offset of an engine, and mouths that close where the sound falls silent."""

from __future__ import annotations

import numpy as np
import pytest
from requirements import requirement

from engines.lipsync.sound_times import OFFSETS, corrected
from engines.registry.discovery import discover
from engines.types import AudioChunk, PhonemeTiming, Speech, WordTiming

RATE = 24_000
LATE = OFFSETS["kokoro"].late_ms


def sound(*stretches: tuple[float, float], total: float) -> AudioChunk:
    """Noise from a to b ms, for each stretch, on a floor 60 dB below."""
    samples = np.random.default_rng(0).normal(0, 0.0002, round(total * RATE / 1000))
    for a, b in stretches:
        samples[round(a * RATE / 1000) : round(b * RATE / 1000)] *= 1000
    return AudioChunk(samples.astype(np.float32), RATE)


def told(audio: AudioChunk, *words: str) -> Speech:
    """``"a:100-200 m:200-600"`` is a word; between words ``","`` at such times is a pause. All times are the engine's: late."""
    phonemes, spans = [], []
    for word in words:
        parts = [(name, *map(float, times.split("-"))) for name, _, times in (part.partition(":") for part in word.split())]
        phonemes += [PhonemeTiming(name.strip("_"), a + LATE, b - a) for name, a, b in parts]
        if parts[0][0] not in {",", "_"}:
            spans.append(WordTiming(f"{word.split(':')[0]} ", parts[0][1] + LATE, parts[-1][2] - parts[0][1]))
    return Speech(audio, tuple(phonemes), tuple(spans), "measured")


def shown(speech: Speech) -> str:
    return " ".join(f"{p.phoneme or '_'}:{p.start_ms:.0f}-{p.start_ms + p.duration_ms:.0f}" for p in speech.phonemes)


@pytest.mark.parametrize(
    ("audio", "words", "expected"),
    [
        pytest.param(
            sound((100, 500), total=900), ["a:100-300 m:300-850"], "_:0-100 a:100-300 m:300-500 _:500-900", id="the last sound held the end"
        ),
        pytest.param(
            sound((100, 400), (700, 900), total=1000),
            ["a:100-300 n:300-660", ",:660-700", "o:700-900"],
            "_:0-100 a:100-300 n:300-400 _:400-700 o:700-900 _:900-1000",
            id="the last sound held a comma",
        ),
        pytest.param(
            sound((100, 400), (700, 900), total=1000),
            ["a:100-300 n:300-690", "o:690-900"],
            "_:0-100 a:100-300 n:300-400 _:400-700 o:700-900 _:900-1000",
            id="a pause that is not told",
        ),
        pytest.param(
            sound((100, 900), total=1000),
            ["a:100-400", ",:400-425", "o:425-900"],
            "_:0-100 a:100-400 _:400-425 o:425-900 _:900-1000",
            id="a comma that is not heard",
        ),
        pytest.param(
            sound((100, 300), (380, 900), total=1000),
            ["a:100-300", "b:300-400 o:400-900"],
            "_:0-100 a:100-300 b:300-400 o:400-900 _:900-1000",
            id="a closure between words is no pause",
        ),
        pytest.param(
            sound((100, 300), (370, 400), (700, 900), total=1000),
            ["a:100-300 p:300-690", "o:690-900"],
            "_:0-100 a:100-300 p:300-400 _:400-700 o:700-900 _:900-1000",
            id="a stop that is released before a pause keeps its closure",
        ),
        pytest.param(
            sound((100, 300), (700, 900), total=1000),
            ["a:100-300 p:300-690", "b:690-720 o:720-900"],
            "_:0-100 a:100-300 p:300-360 _:360-640 b:640-720 o:720-900 _:900-1000",
            id="stops beside a pause close in it",
        ),
        pytest.param(
            sound((100, 600), (680, 900), total=1000),
            ["a:100-900"],
            "_:0-100 a:100-900 _:900-1000",
            id="silence inside a phoneme",
        ),
        pytest.param(sound((0, 500), total=500), ["a:0-200 m:200-500"], "a:0-200 m:200-500", id="no silence at all"),
    ],
)
@requirement("lips.sound")
def test_times_are_where_the_sound_is(audio, words, expected):
    found = corrected(told(audio, *words), "kokoro")
    assert shown(found) == expected
    assert found.audio is audio


@requirement("lips.sound")
def test_words_move_with_their_sounds_and_keep_their_text():
    audio = sound((100, 400), (700, 900), total=1000)
    speech = told(audio, "a:100-300 n:300-660", ",:660-700", "o:700-890")
    speech = Speech(audio, speech.phonemes, (speech.words[0], WordTiming("– ", 700 + LATE, 0), speech.words[1]), "measured")
    assert corrected(speech, "kokoro").words == (WordTiming("a ", 100, 300), WordTiming("– ", 400, 0), WordTiming("o ", 700, 200))


@requirement("lips.sound")
def test_every_voice_engine_has_its_measured_offset():
    assert discover("tts").keys() <= OFFSETS.keys()
    assert all(0 < offset.spread_ms <= 45 for offset in OFFSETS.values())


def test_an_engine_without_an_offset_is_taken_at_its_word():
    speech = told(sound((100, 500), total=900), "a:100-300 m:300-850")
    assert corrected(speech, "espeak_ng") is corrected(speech, "somebodys_own") is speech
    silent = Speech(speech.audio, (), (), "measured")
    assert corrected(silent, "kokoro") is silent

"""Another speed: the same pitch, and every time where it is heard."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import speech_of, stub_engines, tone
from requirements import requirement

from engines.concurrency.deadlines import Limits
from engines.library.synthesis import speak
from engines.types import AudioChunk, Speech
from engines.voices.tempo import FASTEST, SLOWEST, at_speed


def pitch(audio: AudioChunk) -> float:
    return float(np.abs(np.fft.rfft(audio.samples)).argmax()) * audio.sample_rate / len(audio.samples)


@requirement("people.speed")
@pytest.mark.parametrize("speed", [SLOWEST, 0.8, 1.0, 1.3, FASTEST, 9.0])
@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_faster_speech_is_shorter_and_as_high(speed, rate):
    before = speech_of("one two three four", ms_per_word=400)
    before = Speech(tone(1600, rate=rate), before.phonemes, before.words, before.timing)
    after, real = at_speed(before, speed), min(speed, FASTEST)
    assert after.audio.duration_ms == pytest.approx(1600 / real, abs=1)
    assert pitch(after.audio) == pytest.approx(220, abs=3)
    assert [word.start_ms for word in after.words] == pytest.approx([word.start_ms / real for word in before.words], abs=1)
    assert all(one.start_ms + one.duration_ms <= other.start_ms + 0.01 for one, other in pairwise(after.phonemes))


def test_no_sound_stays_none():
    nothing = Speech(AudioChunk(np.zeros(0, np.float32), 24_000), (), (), "measured")
    assert at_speed(nothing, 2) is nothing


@requirement("people.speed")
def test_a_persona_speaks_at_their_speed(persona):
    lengths = [
        sum(one.audio.duration_ms for one in speak("One two three four.", replace(persona, speed=speed), stub_engines(), Limits()))
        for speed in (1.0, 2.0)
    ]
    assert lengths[1] < 0.75 * lengths[0]

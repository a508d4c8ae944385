"""Loudness of voices: one level for all of them, and each keeps its own dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from requirements import requirement

from engines.types import AudioChunk, Speech
from engines.voices.loudness import MOST_DB, PEAK, STEP_DB, TARGET_LUFS, Levels, loudness

RATE = 24_000


def spoken(dbfs: float, seconds: float = 3.0, hertz: float = 997.0, rate: int = RATE) -> Speech:
    """A tone of that level, with a second of silence behind it."""
    time = np.arange(int(seconds * rate)) / rate
    tone = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * time)
    return Speech(AudioChunk(np.concatenate([tone, np.zeros(rate)]).astype(np.float32), rate), (), (), "measured")


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_a_sine_of_997_hertz_reads_as_the_recommendation_says(rate):
    assert loudness(spoken(-20.0, rate=rate).audio) == pytest.approx(-23.0, abs=0.3)  # one channel: 3.01 below its peak
    assert loudness(spoken(-20.0, hertz=40.0, rate=rate).audio) < -25, "what is hardly heard counts less"


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05, 0.3])
def test_very_short_sounds_and_silence(seconds):
    audio = AudioChunk(np.zeros(int(seconds * RATE), np.float32), RATE)
    assert loudness(audio) == -np.inf
    assert Levels().levelled(Speech(audio, (), (), "measured"), "choir", None).audio is audio


@requirement("voice.loudness")
def test_voices_that_differ_are_equally_loud():
    levels = Levels()
    heard = [loudness(levels.levelled(spoken(dbfs), "choir", f"{dbfs}").audio) for dbfs in (-29.0, -24.0, -18.0, -10.0)]
    assert heard == pytest.approx([TARGET_LUFS] * 4, abs=0.1)


@requirement("voice.loudness")
def test_a_voice_keeps_its_dynamics_and_nothing_swells():
    levels = Levels()
    first = levels.levelled(spoken(-18), "choir", "ann")
    whispered = levels.levelled(spoken(-30), "choir", "ann")
    assert loudness(first.audio) - loudness(whispered.audio) == pytest.approx(12, abs=STEP_DB + 0.1)
    gain = whispered.audio.samples[1:1000] / spoken(-30).audio.samples[1:1000]
    assert np.ptp(gain) < 1e-3, "within a piece the gain is one number"


def test_nothing_clips_and_a_hiss_is_not_blown_up():
    levels = Levels()
    click = spoken(-40).audio.samples.copy()
    click[100] = 0.9
    assert np.abs(levels.levelled(Speech(AudioChunk(click, RATE), (), (), "measured"), "choir", "a").audio.samples).max() <= PEAK
    quiet = spoken(-60)
    assert loudness(levels.levelled(quiet, "choir", "b").audio) - loudness(quiet.audio) == pytest.approx(MOST_DB, abs=0.1)

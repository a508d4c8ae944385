"""Speech in a recording: what is none, and where it is, with Silero's network and by loudness alone."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from requirements import requirement

from engines.audio import concatenate, resample
from engines.tts import espeak_ng
from engines.vad import recording
from engines.vad.frames import SAMPLE_RATE as RATE
from engines.vad.recording import speech_in

SECONDS = 3


needs_silero = pytest.mark.skipif(not find_spec("faster_whisper"), reason="faster-whisper, which brings the detector, is not installed")


@pytest.fixture(params=[pytest.param("silero", marks=needs_silero), "loudness"])
def detected_by(request, monkeypatch) -> str:
    if request.param == "loudness":
        monkeypatch.setattr(recording, "find_spec", lambda _: None)
    recording.network.cache_clear()
    yield request.param
    recording.network.cache_clear()


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Some two seconds of speech, without the silence around it."""
    said = concatenate([part.audio for part in espeak_ng.load(espeak_ng.Options(), "cpu").synthesize("Hello there, how are you today?")])
    samples = resample(said, RATE).samples
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def found(samples: np.ndarray, **options: float) -> list[tuple[int, int]]:
    return speech_in(samples.astype(np.float32), **{"around_ms": 200, "longest_pause_ms": 1_000} | options)


def time() -> np.ndarray:
    return np.arange(SECONDS * RATE) / RATE


def noise(colour: float = 0.0) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=SECONDS * RATE))
    shaped = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** colour)
    return shaped / np.abs(shaped).max()


def breath() -> np.ndarray:
    spectrum = np.fft.rfft(noise())
    shaped = np.fft.irfft(spectrum * np.exp(-(((np.arange(len(spectrum)) / SECONDS - 1500) / 1200) ** 2)))
    return shaped / np.abs(shaped).max() * np.clip(np.sin(np.pi * time() / 1.5), 0, 1) * 0.2


def chord() -> np.ndarray:
    return sum(0.1 * np.sin(2 * np.pi * pitch * time()) for pitch in (261, 329, 392)) * np.exp(-time())


def clicks() -> np.ndarray:
    samples = np.zeros(SECONDS * RATE)
    for at in range(4_000, len(samples), 6_000):
        samples[at : at + 80] = 0.5 * noise()[:80]
    return samples


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0), np.zeros(1), np.zeros(479), np.zeros(RATE), np.full(RATE, 0.4), 0.3 * noise(), 0.01 * noise(0.5),
        0.2 * sum(np.sin(2 * np.pi * 60 * harmonic * time()) / harmonic for harmonic in range(1, 8)),
    ],
    ids=["nothing", "one sample", "less than a frame", "zeros", "an offset", "noise", "a room", "hum"],
)  # fmt: skip
@requirement("talk.no-speech")
def test_what_is_steady_or_short_is_no_speech(detected_by, sound):
    assert found(sound) == []


@needs_silero
@pytest.mark.parametrize("sound", [breath(), chord(), clicks()], ids=["breath", "a chord", "clicks"])
def test_what_swells_and_fades_but_is_no_voice_is_no_speech(sound):
    assert found(sound) == []


@pytest.mark.parametrize("background", [0.0, 0.001, 0.03])
def test_speech_is_found_where_it_is(detected_by, voice, background):
    around = 2 * RATE
    samples = np.pad(voice, around) + background * np.random.default_rng(1).normal(size=len(voice) + 2 * around)
    ((start, end),) = found(samples)
    if detected_by == "loudness":
        assert (start, end) == (0, len(samples)), "loudness says only whether there is anything"
    else:
        assert start == pytest.approx(around - 0.2 * RATE, abs=0.15 * RATE)
        assert end == pytest.approx(around + len(voice) + 0.2 * RATE, abs=0.25 * RATE)


@needs_silero
def test_a_long_pause_parts_speech_and_a_short_one_does_not(voice):
    for pause_s, parts in ((0.5, 1), (3, 2)):
        samples = np.concatenate([voice, np.zeros(int(pause_s * RATE)), voice])
        assert len(found(samples)) == parts
    (one, other) = found(np.concatenate([voice, np.zeros(3 * RATE), voice]), around_ms=5_000)
    assert (one[0], one[1], other[1]) == (0, other[0], 2 * len(voice) + 3 * RATE), "what is kept around does not overlap"

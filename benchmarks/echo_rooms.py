"""Made-up rooms of the echo benchmark: a loudspeaker that bends what it plays, reverberation, a drifting delay, a person."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.vad.frames import SAMPLE_RATE

SCENE_S = 40
PLAYED_DB, PERSON_DB, NOISE_DB = -20.0, -26.0, -60.0
"""Levels of what is played, of the person and of the room's noise."""
Samples = NDArray[np.float64]


def scene(
    sentences: list[Samples], gain_db: float, random: np.random.Generator, seconds: float = SCENE_S
) -> tuple[Samples, Samples, float]:
    """What is played (48 000 Hz), its echo in a room (16 000 Hz), and the echo's delay in ms."""
    length = round(seconds * SAMPLE_RATE)
    played, at = np.zeros(length), 0.3
    while True:
        sentence = at_level(sentences[int(random.integers(len(sentences)))], PLAYED_DB)
        if at + len(sentence) / SAMPLE_RATE > seconds:
            break
        add(played, sentence, at)
        at += len(sentence) / SAMPLE_RATE + random.uniform(0.1, 0.5)
    delay_ms = float(random.uniform(20, 300))
    echo = _convolved(_loudspeaker(played), _room(random.uniform(0.2, 0.7), random))
    echo = _delayed(echo, delay_ms / 1000 * SAMPLE_RATE, 1 + 100e-6)
    echo *= _level(played) * 10 ** (gain_db / 20) / _level(echo)
    return _stretched(played, 3), echo, delay_ms


def _loudspeaker(samples: Samples) -> Samples:
    clipped = np.tanh(samples / 0.5) * 0.5
    bent = clipped + 0.3 * clipped * np.abs(clipped)
    frequency = np.fft.rfftfreq(len(bent), 1 / SAMPLE_RATE)
    high: Samples = np.fft.irfft(np.fft.rfft(bent) / np.sqrt(1 + (250 / np.maximum(frequency, 1)) ** 4), len(bent))
    return high


def _room(decay_s: float, random: np.random.Generator) -> Samples:
    time = np.arange(round(decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    response = random.standard_normal(len(time)) * 10 ** (-3 * time / decay_s)
    response[: SAMPLE_RATE // 500] = 0
    response *= 10 ** (-random.uniform(0, 8) / 20) / np.linalg.norm(response)
    response[0] = 1
    response[random.integers(SAMPLE_RATE // 1000, SAMPLE_RATE // 50, 6)] += random.uniform(-0.4, 0.4, 6)
    return response


def _convolved(samples: Samples, response: Samples) -> Samples:
    size = len(samples) + len(response)
    whole: Samples = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return whole[: len(samples)]


def _stretched(samples: Samples, times: int) -> Samples:
    """The same sound with so many times the samples."""
    whole: Samples = np.fft.irfft(np.fft.rfft(samples), len(samples) * times) * times
    return whole


def _delayed(samples: Samples, by: float, speed: float) -> Samples:
    fine = _stretched(samples, 8)
    late: Samples = np.interp((np.arange(len(samples)) * speed - by) * 8, np.arange(len(fine)), fine, left=0, right=0)
    return late


def pink(length: int, random: np.random.Generator) -> Samples:
    """The noise of the room."""
    spectrum = np.fft.rfft(random.standard_normal(length)) / np.sqrt(np.maximum(1, np.arange(length // 2 + 1)))
    noise: Samples = np.fft.irfft(spectrum, length)
    noise *= 10 ** (NOISE_DB / 20) / noise.std()
    return noise


def _level(samples: Samples) -> float:
    """Root mean square of what is not silent."""
    return float(np.sqrt(np.mean(samples[np.abs(samples) > 0.02 * np.abs(samples).max()] ** 2)))


def at_level(samples: NDArray[Any], level_db: float) -> Samples:
    """The same sound at that level, in dBFS."""
    return np.asarray(samples, np.float64) * 10 ** (level_db / 20) / _level(np.asarray(samples, np.float64))


def from_onset(samples: NDArray[np.float32], random: np.random.Generator) -> Samples:
    """Up to 2.5 s of somebody from an onset on."""
    sound = at_level(samples, PERSON_DB - random.uniform(-2, 2))
    loud = np.sqrt(np.mean(sound[: len(sound) // 160 * 160].reshape(-1, 160) ** 2, axis=1)) >= _level(sound) * 10 ** (-10 / 20)
    begin = next(at for at in np.flatnonzero(loud) if loud[at : at + 10].sum() >= 6) * 160
    return sound[begin : begin + round(2.5 * SAMPLE_RATE)]


def add(samples: Samples, sound: Samples, at_s: float) -> None:
    """Mix a sound in, from that second on."""
    begin = round(at_s * SAMPLE_RATE)
    samples[begin : begin + len(sound)] += sound[: max(0, len(samples) - begin)]

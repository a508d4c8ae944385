"""Loudness: voices brought to one level, by ITU-R BS.1770-4, so that nobody reaches for the volume when another persona speaks.

Kokoro's 54 voices alone differ by 9 dB. What is corrected is a voice and not a sentence: the gain follows all that the voice has said, in
small steps between pieces, so that a whispered sentence stays a quiet one and nothing swells within a piece.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.types import AudioChunk, Speech

TARGET_LUFS = -21.0
"""Speech at that level has peaks of -6 to -2 dBFS."""
PEAK, _KNEE = 0.891, 0.631
"""Of what is played, at most -1 dBFS; the peaks of a voice that is lifted are rounded from -4 dBFS on."""
MOST_DB, STEP_DB = 12.0, 1.0
"""The largest gain, up or down; by how much it changes from one piece of a voice to the next."""
_REMEMBERED_S, _MEASURED_EACH = 30.0, 4
"""How much speech of a voice its level is judged by; once there is so much, one piece in four is measured."""
_MOST_VOICES = 256
_BLOCK_S, _BLOCKS = 0.1, 4
"""The measure's blocks last 400 ms and overlap by three quarters."""
_ABSOLUTE_LUFS, _RELATIVE_LU = -70.0, -10.0
"""Blocks that are quieter, or so much quieter than the mean of the others, are pauses."""


def loudness(audio: AudioChunk) -> float:
    """Gated loudness in LUFS; minus infinity where there is nothing but silence."""
    power = _block_powers(audio)
    for gate in (_ABSOLUTE_LUFS, _RELATIVE_LU):
        if not len(power):
            break
        level = gate if gate == _ABSOLUTE_LUFS else _lufs(float(power.mean())) + gate
        power = power[power > 10 ** ((level + 0.691) / 10)]
    return _lufs(float(power.mean())) if len(power) else -math.inf


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf


def _block_powers(audio: AudioChunk) -> NDArray[np.float64]:
    """Mean square of each block, weighted as the ear does (K-weighting), by Parseval's theorem."""
    size = round(audio.sample_rate * _BLOCK_S)
    samples = np.pad(audio.samples.astype(np.float64), (0, -len(audio.samples) % size))
    spectrum = np.abs(np.fft.rfft(samples.reshape(-1, size))) ** 2
    weighted = spectrum * _k_weight(size, audio.sample_rate)  # `@` would wake BLAS's threads, and turns would wait for them
    short = 2 * weighted.sum(axis=1) / size**2
    together = min(_BLOCKS, len(short))
    return np.convolve(short, np.full(together, 1 / together), "valid") if len(short) else short


@cache
def _k_weight(size: int, rate: int) -> NDArray[np.float64]:
    """The squared response at each frequency of a spectrum: the shelf of the head, and the high pass."""
    frequency = np.fft.rfftfreq(size, 1 / rate)
    s = 1j * frequency / 1681.97
    high = 10 ** (4.0 / 20)
    shelf = (high * s**2 + math.sqrt(high) * s / 0.7072 + 1) / (s**2 + s / 0.7072 + 1)
    s = 1j * frequency / 38.135
    weight: NDArray[np.float64] = np.abs(shelf * s**2 / (s**2 + s / 0.5003 + 1)) ** 2
    return weight


@dataclass(slots=True)
class _Level:
    power: float = 0.0
    """Mean of what was measured."""
    seconds: float = 0.0
    pieces: int = 0
    gain_db: float | None = None


class Levels:
    """What is known of the loudness of each voice. May be called from any thread."""

    def __init__(self) -> None:
        self._levels: OrderedDict[tuple[str, str], _Level] = OrderedDict()
        self._lock = threading.Lock()

    def levelled(self, made: Speech, engine: str, voice: str | None) -> Speech:
        """The same speech with the gain of that voice of that engine."""
        with self._lock:
            known = self._levels.setdefault((engine, voice or ""), _Level())
            self._levels.move_to_end((engine, voice or ""))
            if len(self._levels) > _MOST_VOICES:
                self._levels.popitem(last=False)
            known.pieces += 1
            gain_db, is_measured = known.gain_db, known.seconds < _REMEMBERED_S or known.pieces % _MEASURED_EACH == 0
        if is_measured or gain_db is None:
            level = loudness(made.audio)
            if not math.isfinite(level):
                return made
            with self._lock:
                gain_db = _next_gain(known, level, made.audio.duration_ms / 1000)
        return replace(made, audio=AudioChunk(_limited(made.audio.samples * np.float32(10 ** (gain_db / 20))), made.audio.sample_rate))


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    if samples.max() > _KNEE or samples.min() < -_KNEE:
        over = np.abs(samples) > _KNEE
        excess = (np.abs(samples[over]) - _KNEE) / (PEAK - _KNEE)
        samples[over] = np.sign(samples[over]) * (_KNEE + (PEAK - _KNEE) * np.tanh(excess))
    return samples


def _next_gain(known: _Level, level: float, seconds: float) -> float:
    power = 10 ** (level / 10)
    before = min(known.seconds, _REMEMBERED_S)
    known.power = (known.power * before + power * seconds) / (before + seconds)
    known.seconds = before + seconds
    wanted = min(max(TARGET_LUFS - 10 * math.log10(known.power), -MOST_DB), MOST_DB)
    if known.gain_db is not None:
        wanted = min(max(wanted, known.gain_db - STEP_DB), known.gain_db + STEP_DB)
    known.gain_db = wanted
    return wanted

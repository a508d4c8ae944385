"""Dynamic time warping: moves the phonemes of one sound to where they are in another that says the same words.

Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition" (1978), on log-mel spectra. Each spectrum is
normalised over its sound, so that two speakers and two microphones compare.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.audio import resample
from engines.types import AudioChunk

_RATE = 16_000
_WINDOW, _FFT, _HOP = 400, 512, 160
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 26, 80.0, 7_600.0
_PRE_EMPHASIS = 0.97
_DYNAMIC_RANGE = 14.0
"""Natural logarithm of power, 60 dB: what is farther below the loudest is silence."""
_MOST_CELLS = 4_000_000
"""Of the table of both sounds' frames (20 s by 20 s at 10 ms): longer sounds are compared in longer steps."""

_Spectrum = NDArray[np.float32]
"""Shape (frames, bands)."""


def warped(times_ms: NDArray[np.float64], reference: AudioChunk, audio: AudioChunk) -> NDArray[np.float64]:
    """Where in `audio`, in ms, that happens which happens in `reference` at `times_ms`; never decreasing where these do not decrease.

    Both must sound from their beginning to their end: cut silence off before.
    """
    one, other = (resample(sound, _RATE).samples for sound in (reference, audio))
    cells = len(one) / _HOP * len(other) / _HOP
    hop = _HOP * int(np.ceil(np.sqrt(max(cells / _MOST_CELLS, 1.0))))
    path = _path(_log_mel(one, hop), _log_mel(other, hop))
    frames, first = np.unique(path[:, 0], return_index=True)
    there = np.add.reduceat(path[:, 1], first) / np.diff(np.r_[first, len(path)])
    hop_ms = hop * 1000 / _RATE
    moved = np.interp(
        times_ms, np.r_[0.0, (frames + 0.5) * hop_ms, reference.duration_ms], np.r_[0.0, (there + 0.5) * hop_ms, audio.duration_ms]
    )
    return np.maximum.accumulate(np.clip(moved, 0.0, audio.duration_ms))


def _log_mel(samples: NDArray[np.float32], hop: int) -> _Spectrum:
    padded = np.pad(np.r_[samples[:1], samples[1:] - np.float32(_PRE_EMPHASIS) * samples[:-1]], (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop][: max(1, len(samples) // hop)]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), _FFT)))
    bands = np.log(power @ _mel_filters() + 1e-10)
    bands = np.maximum(bands, bands.max() - _DYNAMIC_RANGE)
    normalised: _Spectrum = ((bands - bands.mean(axis=0)) / (bands.std(axis=0) + 1e-6)).astype(np.float32)
    return normalised


@cache
def _mel_filters() -> NDArray[np.float64]:
    """Triangles of equal width on the mel scale (O'Shaughnessy); shape (frequencies, bands)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(_FFT, 1 / _RATE)[:, None]
    rising = (frequencies - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - frequencies) / np.diff(edges[1:])
    return np.maximum(0.0, np.minimum(rising, falling))


def _path(one: _Spectrum, other: _Spectrum) -> NDArray[np.int64]:
    """The pairs of frames, from both beginnings to both ends, whose distances add up to least; shape (steps, 2).

    The table is filled along its counter-diagonals, whose cells do not depend on one another.
    """
    rows, columns = len(one), len(other)
    squared = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1) - 2 * one @ other.T
    distance = np.sqrt(np.maximum(squared, 0.0))
    total = np.full((rows + 1, columns + 1), np.inf, dtype=np.float32)
    total[0, 0] = 0.0
    came_from = np.zeros((rows, columns), dtype=np.int8)
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        best = before.argmin(axis=0)
        came_from[i, j] = best
        total[i + 1, j + 1] = distance[i, j] + before.min(axis=0)
    at = (rows - 1, columns - 1)
    path = [at]
    while at != (0, 0):
        step = came_from[at]
        at = (at[0] - (step != 2), at[1] - (step != 1))
        path.append(at)
    return np.array(path[::-1])

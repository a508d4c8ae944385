"""End-of-turn model: Smart Turn v3.2 on ONNX Runtime, which hears from melody and words whether somebody who pauses has finished.

Model: https://huggingface.co/pipecat-ai/smart-turn-v3 (BSD-2-Clause, 23 languages, 8.7 MB). It reads the log-mel spectrogram of Whisper
(https://github.com/openai/whisper, audio.py) of the last 8 s; what is shorter stands at their end, behind silence.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.runtimes.onnx_model import open_model

SAMPLE_RATE = 16_000
"""Hz."""
FILE = "smart-turn-v3.2-cpu.onnx"
_SECONDS = 8
_WINDOW, _HOP, _BANDS = 400, 160, 80
"""Samples of a spectrum, samples from one to the next, and its mel bands."""


class SmartTurn:
    """An `EndOfTurn` on Smart Turn; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Open the model, which takes about 0.1 s.

        Args:
            folder: holds `FILE`.

        Raises:
            MissingDependency: onnxruntime is not installed.
            ConfigError: the file is missing, or no model of that kind.
        """
        self._session = open_model(
            folder / FILE,
            "Smart Turn",
            "The end-of-turn model",
            "smart-turn",
            lambda session: _complete(session, np.zeros(SAMPLE_RATE, np.float32)),
        )

    def probability(self, samples: NDArray[np.float32]) -> float:
        """How likely it is, 0 to 1, that the utterance is finished.

        Args:
            samples: the utterance so far with the beginning of the pause behind it; shape (n,), float32, 16 000 Hz. The last 8 s count.
        """
        return _complete(self._session, samples)


def _complete(session: Any, samples: NDArray[np.float32]) -> float:
    (complete,) = session.run(None, {"input_features": _spectrogram(samples)[None]})
    return float(np.clip(complete.reshape(-1)[0], 0, 1))


def _spectrogram(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel spectrogram, shape (80, 800), about -1 to 1."""
    heard = samples[-_SECONDS * SAMPLE_RATE :].astype(np.float32)
    heard = np.pad(heard, (_SECONDS * SAMPLE_RATE - len(heard), 0))
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
    padded = np.pad(heard, _WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[:-1:_HOP][: _SECONDS * SAMPLE_RATE // _HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW + 1)[:-1].astype(np.float32), axis=-1)) ** 2
    decibels = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    spectrogram: NDArray[np.float32] = ((np.maximum(decibels, decibels.max() - 8) + 4) / 4).astype(np.float32)
    return spectrogram


@cache
def _filters() -> NDArray[np.float64]:
    """Triangular filters of equal area on the mel scale of M. Slaney's Auditory Toolbox (1998); shape (80, 201)."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    mels = np.linspace(0, _mel(SAMPLE_RATE / 2), _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def _mel(frequency: float) -> float:
    """Linear below 1 000 Hz, logarithmic above."""
    return frequency * 3 / 200 if frequency < 1000 else float(15 + np.log(frequency / 1000) * 27 / np.log(6.4))

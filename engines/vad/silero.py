"""Voice activity detector: Silero VAD v6 on ONNX Runtime, which knows a voice from noise in any language.

Model: https://github.com/snakers4/silero-vad (MIT, 2.3 MB). It reads a frame of 32 ms with the last 4 ms of the frame before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.runtimes.onnx_model import open_model
from engines.vad.frames import FRAME, SAMPLE_RATE

FILE = "silero_vad.onnx"
_CONTEXT = 64
"""Samples of the frame before."""


class Silero:
    """Silero's model, opened once for all streams."""

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
            "Silero VAD",
            "The voice detector",
            "silero-vad",
            lambda session: SileroStream(session).probability(np.zeros(FRAME, np.float32)),
        )

    def stream(self) -> SileroStream:
        """The detector of a new stream."""
        return SileroStream(self._session)


class SileroStream:
    """A `VoiceDetector` on Silero VAD; 0.1 to 0.2 ms a frame."""

    def __init__(self, session: Any) -> None:
        self._session, self._rate = session, np.array(SAMPLE_RATE, np.int64)
        self.reset()

    def reset(self) -> None:
        """See `VoiceDetector.reset`."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(_CONTEXT, np.float32)

    def probability(self, frame: NDArray[np.float32]) -> float:
        """See `VoiceDetector.probability`."""
        given = np.concatenate([self._before, frame], dtype=np.float32)
        found, self._state = self._session.run(None, {"input": given[None], "state": self._state, "sr": self._rate})
        self._before = given[-_CONTEXT:]
        return float(found.reshape(-1)[0])

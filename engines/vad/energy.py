"""Voice activity detector by loudness alone: for machines without the model. It takes any loud sound for a voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_QUIETEST_DB, _ABOVE_DB, _SURE_DB = -65.0, 9.0, 18.0
"""What never counts as speech, in dB of full scale; how far above the noise speech may begin, and is beyond doubt."""
_FALL_DB, _RISE_DB = 1.0, 0.06
"""How fast the estimate of the noise follows what is quieter, and what is louder (2 dB a second), in dB a frame."""


class Energy:
    """A `VoiceDetector` that follows the noise and takes for speech what is well above it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """See `VoiceDetector.reset`."""
        self._noise_db: float | None = None

    def probability(self, frame: NDArray[np.float32]) -> float:
        """See `VoiceDetector.probability`."""
        level = 10 * float(np.log10(np.mean(np.square(frame, dtype=np.float64)) + 1e-12))
        noise = level if self._noise_db is None else self._noise_db
        self._noise_db = max(noise - _FALL_DB, level) if level < noise else min(noise + _RISE_DB, level)
        above = level - max(self._noise_db, _QUIETEST_DB)
        return float(np.clip((above - _ABOVE_DB) / (2 * (_SURE_DB - _ABOVE_DB)) + 0.5, 0, 1)) if above > 0 else 0.0

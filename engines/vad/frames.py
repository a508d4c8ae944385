"""Frames of voice activity detection, and what a detector is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz."""
FRAME = 512
"""Samples of a frame."""
FRAME_MS = FRAME * 1000 / SAMPLE_RATE
"""32 ms."""


class VoiceDetector(Protocol):
    """Voice activity detector of one stream of sound; it remembers what came before, so that every stream needs one of its own."""

    def probability(self, frame: NDArray[np.float32]) -> float:
        """How likely it is, 0 to 1, that the next frame (shape (512,), float32, 16 000 Hz) holds speech."""
        ...

    def reset(self) -> None:
        """Begin a new stream."""
        ...

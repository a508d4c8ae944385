"""End of turn: from the sound so far, whether somebody who pauses has finished."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EndOfTurn(Protocol):
    """End-of-turn detector."""

    def probability(self, samples: NDArray[np.float32]) -> float:
        """How likely it is, 0 to 1, that the utterance (shape (n,), float32, 16 000 Hz, with the beginning of the pause) is finished."""
        ...

"""User stop: when somebody who is silent has finished, by melody, by words, and by how long they have been silent."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engines.text.turn_taking import is_sentence, is_unfinished

_SUREST = 0.997
"""Beyond it, and below 1 minus it, the model's probabilities tell no more."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for somebody who is silent.

    Melody and words give the odds of an end. The longer a silence, the fewer of the pauses inside a turn are as long: their number falls by
    a power law. What costs least in waits and in users who are cut off is then a wait that falls with a power of the odds. The weights of
    the evidence are a logistic regression over one half of the speakers of ``benchmarks/turns.py``; ``benchmarks/endpointing.py`` measures
    on the other half.
    """

    usual_ms: float = 700.0
    """Where an end is as likely as not. The higher, the fewer users are cut off, and the longer all wait."""
    steepness: float = 0.41
    """The power of the odds: one over one more than the density's exponent of 1.43."""
    shortest_ms: float = 200.0
    longest_ms: float = 3_000.0
    alone_ms: float = 900.0
    """Where there is no model."""
    unfinished_ms: float = 600.0
    """Added then after "and", "um" or half a telephone number."""
    offset: float = -0.7
    """Log odds of an end for a model that is undecided and no words …"""
    melody: float = 0.32
    """… what each of the model's log odds adds …"""
    sentence: float = 0.7
    """… what a transcript adds that is written as a sentence …"""
    unfinished: float = -3.0
    """… and one that ends with "and", "um" or half a telephone number."""

    def wait_ms(self, complete: float | None, text: str = "", language: str | None = None) -> float:
        """The silence, in ms from the last sound, that ends the turn.

        Args:
            complete: the end-of-turn model's probability of an end; None without a model.
            text: the words so far, as far as anybody knows.
            language: theirs (BCP 47).
        """
        unfinished = bool(text) and is_unfinished(text, language)
        if complete is None:
            return self.alone_ms + (self.unfinished_ms if unfinished else 0.0)
        bounded = min(max(complete, 1 - _SUREST), _SUREST)
        odds = self.offset + self.melody * math.log(bounded / (1 - bounded))
        odds += self.unfinished if unfinished else self.sentence if is_sentence(text) else 0.0
        return min(max(self.usual_ms * math.exp(-self.steepness * odds), self.shortest_ms), self.longest_ms)

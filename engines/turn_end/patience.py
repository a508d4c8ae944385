"""Patience: how long a pause may be before the turn is taken, by melody and by words."""

from __future__ import annotations

from dataclasses import dataclass

from engines.text.turn_taking import is_unfinished


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, by what the end-of-turn model says and by the words so far."""

    shortest_ms: float = 224.0
    """Where the model is sure of an end."""
    longest_ms: float = 1_600.0
    """Where it is sure that more comes."""
    alone_ms: float = 900.0
    """Where there is no model."""
    unfinished_ms: float = 600.0
    """Added after "and", "um" or half a telephone number."""

    def wait_ms(self, complete: float | None, text: str = "", language: str | None = None) -> float:
        """The silence, in ms from the last sound, that ends the turn.

        Args:
            complete: the model's probability of an end; None without a model.
            text: the words so far, as far as anybody knows.
            language: theirs (BCP 47).
        """
        more = self.unfinished_ms if text and is_unfinished(text, language) else 0.0
        if complete is None:
            return self.alone_ms + more
        return min(self.shortest_ms + (self.longest_ms - self.shortest_ms) * (1 - complete) + more, self.longest_ms + more)

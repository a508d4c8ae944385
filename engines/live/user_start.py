"""User start: when somebody begins to speak, and while they do, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Onset:
    """What counts as speech."""

    speech: float = 0.5
    """From this probability on a frame begins speech …"""
    silence: float = 0.35
    """… and from this one on it continues it."""
    frames: int = 3
    """Frames of speech in a row that begin an utterance, or end a pause: 96 ms, where a click has one or two."""


class UserStart:
    """Judges one frame after the other."""

    def __init__(self, onset: Onset) -> None:
        self._onset = onset
        self.voiced = 0
        """Frames of speech in a row, up to now."""

    def is_speech(self, probability: float, *, speaking: bool) -> bool:
        """Whether a frame holds speech; `speaking`: while somebody speaks, less shows that they go on."""
        found = probability >= (self._onset.silence if speaking or self.voiced else self._onset.speech)
        self.voiced = self.voiced + 1 if found else 0
        return found

    @property
    def is_sure(self) -> bool:
        """Whether enough frames in a row held speech."""
        return self.voiced >= self._onset.frames

    def reset(self) -> None:
        """Begin anew."""
        self.voiced = 0

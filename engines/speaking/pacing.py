"""Pacing of speech: how much of a reply is synthesized at once, so that the first sound comes soon and none is late behind it.

What an engine needs for a piece is learned from the pieces before, in all conversations: a time for any piece, and one for each of its
characters. A piece may be so long that it is made while what was made before it is heard; a longer sentence is cut at a clause, else
between two words. A first clause is no shorter than what is heard while a usual clause behind it is written and made.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

FEWEST_WORDS, MOST_WORDS = 3, 12
"""Of a first clause: a shorter one ("Hi!") gains no time, a longer one is a sentence."""
_CHARACTERS_A_WORD = 6.0
_CLAUSE = 45
"""Characters of a usual clause."""
_LEAST = 16
"""Characters of the shortest piece that a sentence is cut into."""
_SURE, _MARGIN_S = 0.85, 0.1
"""How much of the sound that is ahead may pass while the next is made, for no piece takes just the time that it was expected to."""
_REMEMBERED = 32
_CLAUSE_END, _SPACE = re.compile(r"[,;:.!?…—–]+[\"'”’»)\]]*\s+|[、，；：。！？]+[」』”]*"), re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """How long a piece of speech took."""

    characters: int
    sound_s: float
    took_s: float


class Speeds:
    """How fast each engine speaks here. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._pieces: dict[str, deque[Piece]] = {}

    def note(self, engine: str, piece: Piece) -> None:
        """A piece was made."""
        with self._guard:
            self._pieces.setdefault(engine, deque(maxlen=_REMEMBERED)).append(piece)

    def of(self, engine: str) -> Speed | None:
        """What to expect of an engine; None before its first piece."""
        with self._guard:
            pieces = list(self._pieces.get(engine, ()))
        return _fitted(pieces) if pieces else None


@dataclass(frozen=True, slots=True)
class Speed:
    """What an engine needs."""

    any_s: float
    """For any piece …"""
    character_s: float
    """… and for each of its characters."""
    sound_s: float
    """How long a character sounds."""

    def room(self, ahead_s: float) -> int:
        """The most characters that are made while so much sound is heard."""
        return int((ahead_s * _SURE - _MARGIN_S - self.any_s) / max(self.character_s, 1e-6))

    def first_words(self, written_s: float = 0.0) -> int:
        """Words of a first clause, where the chat model needs `written_s` for each character."""
        covered_s = (self.any_s + _CLAUSE * (self.character_s + written_s) + _MARGIN_S) / _SURE
        return round(min(max(covered_s / self.sound_s / _CHARACTERS_A_WORD, FEWEST_WORDS), MOST_WORDS))


class Pacer:
    """The pieces of one reply."""

    def __init__(self, speed: Callable[[], Speed | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was said yet. `speed` tells what to expect, `clock` counts seconds."""
        self._speed, self._clock = speed, clock
        self._silent_at: float | None = None
        """When what was made so far has been heard."""

    def pieces(self, text: str) -> Iterator[str]:
        """Cut what is to be said next, each piece when it is its turn; joined, they are the text."""
        while cut := self._cut(text):
            yield text[:cut]
            text = text[cut:]
        yield text

    def made(self, sound_s: float) -> None:
        """A piece begins to be heard, or to wait for its turn."""
        now = self._clock()
        self._silent_at = max(now, self._silent_at or now) + sound_s

    def _cut(self, text: str) -> int:
        speed = self._speed()
        if self._silent_at is None or speed is None:
            return 0
        room = max(speed.room(self._silent_at - self._clock()), _LEAST)
        if len(text) <= room:
            return 0
        ends = [match.end() for match in _CLAUSE_END.finditer(text, 0, len(text) - 1)]
        for cuts in (ends, [match.end() for match in _SPACE.finditer(text)]):
            if fitting := [cut for cut in cuts if _LEAST <= cut <= room]:
                return fitting[-1] if len(text) - fitting[-1] >= _LEAST else 0
        return 0


def _fitted(pieces: list[Piece]) -> Speed:
    """A line through what pieces took, no part of which is negative."""
    characters, sound, took = (np.array(each, float) for each in zip(*((p.characters, p.sound_s, p.took_s) for p in pieces), strict=True))
    spread = characters - characters.mean()
    slope = float(spread @ took / (spread @ spread)) if spread.any() else 0.0
    slope = min(max(slope, 0.0), float(took.sum() / characters.sum()))
    if not slope:
        slope = float(took.sum() / characters.sum())
    return Speed(max(float(took.mean() - slope * characters.mean()), 0.0), slope, max(float(sound.sum() / characters.sum()), 1e-3))

"""Word ends: where in a reply as it is written each of its spoken words ends, though "3 km" is spoken as "three kilometres".

Both texts are read side by side. What stands in both is an anchor; between two anchors the place is in proportion.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from engines.types import WordTiming

_ATOM = re.compile(r"[^\W_]+")
_NEAR = 24
"""How many characters an anchor may be ahead, besides two for each that was spoken since the last, or it is another word of that name."""


class WordEnds:
    """Ends of the words of one sentence, while its sound is synthesized piece by piece."""

    def __init__(self, begins: int, written: str, spoken: str) -> None:
        """Nothing of it was spoken yet.

        Args:
            begins: how many characters of the reply stand before it.
            written: the sentence as the reply has it.
            spoken: the text that the voice is given.
        """
        self._begins, self._written = begins, written
        self._anchors = _anchors(written, spoken)
        self._said = 0

    def of(self, words: Sequence[WordTiming], *, last: bool) -> tuple[int, ...]:
        """For each word of the next piece: how many characters of the reply have been said once it has.

        Args:
            words: joined over all pieces they are the spoken text.
            last: whether it is the last piece; then its last word ends with the sentence.
        """
        ends = []
        for word in words:
            ends.append(self._begins + self._place(self._said + len(word.text.rstrip())))
            self._said += len(word.text)
        if last and ends:
            ends[-1] = self._begins + len(self._written)
        return tuple(ends)

    def _place(self, said: int) -> int:
        """Where the written text is after so many spoken characters: never inside a number, a symbol or a word of Latin letters."""
        at = min(bisect_right(self._anchors, (said, len(self._written))), len(self._anchors) - 1)
        (spoken_from, written_from), (spoken_to, written_to) = self._anchors[at - 1], self._anchors[at]
        part, whole = min(said, spoken_to) - spoken_from, max(spoken_to - spoken_from, 1)
        place = written_from - (-part * (written_to - written_from) // whole)  # rounded up
        while 0 < place < len(self._written) and not self._written[place - 1].isspace() and _joins(self._written[place]):
            place += 1
        return place


def as_written(
    words: Sequence[WordTiming], ends: Sequence[int], written: str, begins: int, since: int
) -> tuple[tuple[WordTiming, ...], tuple[int, ...]]:
    """The words of a piece as the reply has them, with the times of what is spoken for each, and their ends.

    Args:
        words: as they are spoken.
        ends: of each, by `WordEnds`.
        written: the sentence as the reply has it.
        begins: how many characters of the reply stand before the sentence.
        since: how many had been said before this piece.
    """
    shown, kept = list[WordTiming](), list[int]()
    at = since - begins
    for word, end in zip(words, ends, strict=True):
        to = end - begins
        while 0 < to < len(written) and written[to].isspace():
            to += 1
        if to > at or not shown:
            shown.append(replace(word, text=written[at : max(to, at)]))
            kept.append(end)
        else:  # several spoken words for one: "$5M"
            shown[-1] = replace(shown[-1], duration_ms=word.start_ms + word.duration_ms - shown[-1].start_ms)
            kept[-1] = max(kept[-1], end)
        at = max(to, at)
    return tuple(shown), tuple(kept)


def _joins(character: str) -> bool:
    return character.isascii() and not character.isspace()


def _anchors(written: str, spoken: str) -> list[tuple[int, int]]:
    """Places in the spoken text and the same in the written one, both rising, from both beginnings to both ends."""
    anchors, at, since = [(0, 0)], 0, 0
    for atom in _ATOM.finditer(spoken):
        found = _find(written, atom[0], at, at + len(atom[0]) + _NEAR + 2 * (atom.start() - since))
        if found is None:
            continue
        at, since = found + len(atom[0]), atom.end()
        anchors += [(atom.start(), found), (since, at)]
    return [*anchors, (len(spoken), len(written))]


def _find(written: str, atom: str, begin: int, end: int) -> int | None:
    """Where a word stands, whole, between two places."""
    while (found := written.find(atom, begin, end)) >= 0:
        before, behind = written[found - 1 : found] if found else "", written[found + len(atom) : found + len(atom) + 1]
        if not (before.isascii() and before.isalnum()) and not (behind.isascii() and behind.isalnum()):
            return found
        begin = found + 1
    return None

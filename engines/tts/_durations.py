"""Durations: from how long each phoneme character lasts, as a synthesizer's network decided, to the times of phonemes and words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from unicodedata import combining

from engines.g2p.words import Words
from engines.types import PhonemeTiming, WordTiming

_PAUSES = frozenset(";:,.!?—…")
_MARKS_BEFORE, _MARKS_BEHIND = frozenset(' "(“ˈˌ'), frozenset(")”ːˑʰʲᵝ↓→↗↘")
"""Phoneme characters that, like those that combine, have no mouth shape of their own, before and behind the sound that their frames belong
to. Measured: the sound of a stressed vowel begins with the frames of its stress mark, that of a word with those of the space before it."""


def timings(words: Words, phonemes: str, lengths_ms: Sequence[float]) -> tuple[tuple[PhonemeTiming, ...], tuple[WordTiming, ...]]:
    """The times of phonemes and words.

    Phoneme i begins after the begin mark and the phonemes before it; marks lengthen the sound that they belong to.

    Args:
        words: each with its phoneme characters.
        phonemes: the same characters in a row, perhaps without the last space.
        lengths_ms: of the begin mark, of each character and of the end mark.
    """
    edges = list(accumulate(lengths_ms, initial=0.0))
    spans = [("", 0.0, edges[1])]
    owner = [index for index, (_, characters) in enumerate(words) for _ in characters]
    sounds: dict[int, list[int]] = {}  # the spans of each word
    begun: float | None = None  # where the marks before the next sound begin
    for character, word, (start, end) in zip(phonemes, owner, pairwise(edges[1:-1]), strict=False):  # a last space was left off
        if character in _MARKS_BEHIND or combining(character) or (character == " " and spans[-1][0] in _PAUSES):
            spans[-1], begun = (*spans[-1][:2], end), None
            continue
        begun = start if begun is None else begun
        if character in _MARKS_BEFORE:
            continue
        if character not in _PAUSES:
            sounds.setdefault(word, []).append(len(spans))
        spans.append((character, begun, end))
        begun = None
    spans.append(("", edges[-2] if begun is None else begun, edges[-1]))
    timings, now = list[WordTiming](), 0.0
    for index, (text, _) in enumerate(words):
        start, end = (spans[sounds[index][0]][1], spans[sounds[index][-1]][2]) if index in sounds else (now, now)
        timings.append(WordTiming(text, start, end - start))
        now = end
    return tuple(PhonemeTiming(name, start, end - start) for name, start, end in spans), tuple(timings)

"""Words of a written text, each with its share of the phonemes of the whole."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

import numpy as np

Words = list[tuple[str, str]]
"""(characters of the text, phoneme characters) of each word: the first, joined, are the text; the second are said."""


class Part(NamedTuple):
    """A stretch of a text without blanks in it, or one run of blanks."""

    kind: Literal["word", "mark", "blank"]
    text: str
    """In NFC, without control characters."""
    start: int
    """Characters from the start of the text."""

    @property
    def is_spoken(self) -> bool:
        """Whether it is a word with a letter or a digit."""
        return self.kind == "word" and any(map(str.isalnum, self.text))


_PART = re.compile(
    r"(?P<blank>\s+)|(?P<mark>[—…“”„«»()\[\]{}<>¡¿।。、，；：！？「」『』《》（）【】〈〉・]|[;:,.!?]+(?=\W|$)|(?<!\S)[-–]+(?!\S))"
)
_OPENING = re.compile(r"[「『（《【〈“‘«„\"'(\[{¡¿]+\Z")


def parts_of(text: str) -> list[Part]:
    """The words, the marks and the blanks of a text, in order; a mark inside a word (12:45, l'été, main.py) belongs to the word."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    clean = re.sub(r'(?<![\w.,!?…。！？）)”"])"', "“", clean).replace('"', "”")
    found, end = list[Part](), 0
    for match in _PART.finditer(clean):
        if match.start() > end:
            found.append(_word(clean, end, match.start()))
        found.append(Part("blank" if match["blank"] else "mark", match[0], match.start()))
        end = match.end()
    if end < len(clean):
        found.append(_word(clean, end, len(clean)))
    return found


def _word(text: str, start: int, end: int) -> Part:
    return Part("word", unicodedata.normalize("NFC", text[start:end]), start)


def phrases(parts: Sequence[Part]) -> Iterator[list[int]]:
    """The indices of the words with a letter or digit between two marks, for each such stretch."""
    phrase = list[int]()
    for index, part in enumerate(parts):
        if part.is_spoken:
            phrase.append(index)
        elif part.kind == "mark" and phrase:
            yield phrase
            phrase = []
    if phrase:
        yield phrase


def marked(part: Part, marks: Mapping[str, str]) -> str:
    """What is said of a blank or a mark: of each of its characters what the table has, else nothing."""
    return " " if part.kind == "blank" else "".join(marks.get(mark, "") for mark in part.text)


def shares(whole: str, alone: Sequence[str]) -> list[str]:
    """What each of several words has of the phonemes of all of them, found by matching these with what the words are when said alone.

    Numbers become several words and small words merge with their neighbours; what is said is always the pronunciation of the whole.
    """
    whole, said = whole + " ", [word + " " for word in alone]
    blocks = [(0, 0, 0), *SequenceMatcher(None, "".join(said), whole, autojunk=False).get_matching_blocks()]
    theirs, ours = ([edge for block in blocks for edge in (block[side], block[side] + block[2])] for side in (0, 1))
    ends = [round(end) for end in np.interp(list(accumulate(map(len, said))), theirs, ours)][:-1]
    gaps = [index + 1 for index, character in enumerate(whole) if character == " "]
    near = [min(gaps, key=lambda gap: abs(gap - end)) for end in ends]
    cuts = [0, *(gap if abs(gap - end) <= 2 else end for gap, end in zip(near, ends, strict=True)), len(whole)]
    return [whole[a:b] for a, b in pairwise([*cuts[:-1], len(whole) - 1])]


def origins(written: str, spoken: str) -> list[int]:
    """For each character of what is spoken, and for its end, the place in what is written that it comes from."""
    blocks = SequenceMatcher(None, written, spoken, autojunk=False).get_matching_blocks()
    places, at = list[int](), 0
    for ours, theirs, size in blocks:
        places += [at] * (theirs - len(places))
        places += range(ours, ours + size)
        at = ours + size
    return [*places, len(written)]


def words_of(text: str, starts: Sequence[int], said: Sequence[tuple[int, str]]) -> Words:
    """The text cut before each word, or before the bracket that opens it, with what is said of each.

    Args:
        text: the written text.
        starts: where its words begin.
        said: (characters from the start of the text, phonemes), in order.
    """
    cuts = list[int]()
    for start in starts:
        opening = _OPENING.search(text, cuts[-1] if cuts else 0, start)
        cuts.append(opening.start() if opening else start)
    edges = [0, *sorted({*cuts[1:]} - {0}), len(text)]
    found, rest = Words(), list(said)
    for a, b in pairwise(edges):
        here = [phonemes for at, phonemes in rest if at < b]
        rest = rest[len(here) :]
        found.append((text[a:b], "".join(here)))
    return found

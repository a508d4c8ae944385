"""Text pieces: a text cut into what a synthesizer says in one step."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？｡।]+[」』”]*\s*")
_CLAUSE_END = re.compile(r"[,;:—]\s+|[、，；：]|\n+")
_SPACE = re.compile(r"\s+")
_LEAST = 0.25
"""A piece is at least this part of the limit, or it is cut at a lesser place."""


def pieces(text: str, limit: int) -> Iterator[str]:
    """Cut at the end of a sentence, else of a clause, else of a word, else anywhere: pieces of at most `limit` characters; joined, they are
    the text.
    """
    start = 0
    while len(text) - start > limit:
        end = start + limit
        for pattern in (_SENTENCE_END, _CLAUSE_END, _SPACE):
            last = max((match.end() for match in pattern.finditer(text, start, start + limit)), default=start)
            if last - start > limit * _LEAST:
                end = last
                break
        yield text[start:end]
        start = end
    yield text[start:]

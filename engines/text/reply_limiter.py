"""Reply limiter: ends a reply that the model does not end, by one rule for every model.

A reply ends after as many sentences as its persona may say, before a sentence that was said already, and where a phrase goes round in
circles. Whoever reads the reply then closes the model's stream, which stops the model.
"""

from __future__ import annotations

import re

from engines.text.boundaries import count_words
from engines.text.sentences import SentenceChunker

_SHORT_WORDS = 3
"""A sentence of fewer words ("Hello Anna!") counts half, and may be said twice."""
_CIRCLES, _LEAST_CIRCLING, _LONGEST_CIRCLE = 4, 48, 100
"""A phrase goes round in circles when it was said so often in a row, with at least so many characters in all; how long it may be."""
_PIECE = re.compile(r"[^\W_]+|.", re.DOTALL)


class ReplyLimiter:
    """Streaming filter: `push` what the model writes, `finish` at its end; joined, the answers are what may be said.

    Text is passed on at once, but for the beginning of a sentence that may become one that was said already.
    """

    def __init__(self, language: str, max_sentences: int) -> None:
        """`language` is a BCP 47 tag."""
        self._chunker = SentenceChunker(language, early_clause=False)
        self._left = float(max_sentences)
        self._again: dict[str, int] = {}
        """How often each sentence may be said again …"""
        self._spent: set[str] = set()
        """… and those that may not."""
        self._passed = 0
        """How much of the sentence under way was passed on."""
        self.over = False
        """Whether the reply ends here, whatever is still written."""
        self.broken_off = False
        """Whether that is in the middle of a sentence."""

    def push(self, text: str) -> str:
        """Take the next characters; what may be said of them."""
        return "".join(map(self._take, _PIECE.findall(text)))  # one by one: where the model's deltas are cut makes no difference

    def forget(self) -> None:
        """The sentence under way was none: what of it was passed on is not said."""
        self._chunker.forget()
        self._passed = 0

    def _take(self, piece: str) -> str:
        """`piece` is a character, or letters and digits at once, among which no phrase ends unless there are no spaces at all."""
        if self.over:
            return ""
        if len(piece) > 1 and " " not in self._chunker.pending:
            return "".join(map(self._take, piece))
        passed = ""
        for sentence in self._chunker.push(piece):
            passed += self._end(sentence.text)
            if self.over:
                return passed
        pending = self._chunker.pending
        if _circles(pending):
            self.over = self.broken_off = True
        elif not self._may_repeat(pending):
            passed += pending[self._passed :]
            self._passed = len(pending)
        return passed

    def finish(self) -> str:
        """The model has ended its reply; what was held."""
        return "" if self.over else "".join(self._end(sentence.text) for sentence in self._chunker.finish())

    def _end(self, sentence: str) -> str:
        key, is_short = _key(sentence), count_words(sentence) < _SHORT_WORDS
        if key and not self._again.get(key, 1):
            self.over = True
            return ""
        self._again[key] = self._again.get(key, 2 if is_short else 1) - 1
        if not self._again[key]:
            self._spent.add(key)
        self._left -= 0.5 if is_short else 1
        self.over = self._left <= 0
        self.broken_off = self.over and sentence.rstrip(" ")[-1:].isalnum()
        passed, self._passed = sentence[self._passed :], max(0, self._passed - len(sentence))  # the next one may have begun
        return passed

    def _may_repeat(self, beginning: str) -> bool:
        if not self._spent:
            return False
        key = _key(beginning)
        return any(said.startswith(key) for said in self._spent)


def _key(sentence: str) -> str:
    """Letters and digits alone: the same for what sounds the same."""
    return "".join(filter(str.isalnum, sentence.casefold()))


def _circles(text: str) -> bool:
    """Whether the text ends, with a whole word, with a phrase that is said again and again."""
    if text[-1:].isalnum() and " " in text:
        return False
    for length in range(1, min(_LONGEST_CIRCLE, len(text) // _CIRCLES) + 1):
        if text[-1] != text[-1 - length]:
            continue
        tail = text[-max(_CIRCLES * length, _LEAST_CIRCLING) :]
        if len(tail) >= _LEAST_CIRCLING and tail[length:] == tail[:-length] and any(map(str.isalnum, tail)):
            return True
    return False

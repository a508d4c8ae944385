"""Sentence segmentation of a streamed reply: each sentence is returned as soon as its end is certain.

Every gap is judged once, from the text before it and the one character after it, so it does not matter how the model's deltas cut the
text. Joined, the sentences are the reply, to the last space: white space belongs to the sentence before it, leading white space to the
first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from engines.text.boundaries import (
    STARTS,
    conjunction_start,
    count_words,
    ends_clause,
    ends_sentence,
    is_protected,
    needs_word,
    primary_subtag,
    protected_spans,
    splits_character,
)
from engines.types import Sentence, TextDelta

EARLY_CLAUSE_WORDS = 3
"""The first clause is a sentence of its own if it has this many words; a shorter one ("Hi!") gains the voice no time."""
EARLY_CONJUNCTION_WORDS = 8
"""Without punctuation, a first clause of this many words ends before a conjunction."""
MAX_CHARACTERS = 300
"""A longer sentence is cut at a clause, else between two words."""
MAX_CHARACTERS_SPACELESS = 100
"""The same for languages in which a character is a syllable."""
_SPACELESS_LANGUAGES = frozenset(("zh", "yue", "ja", "th", "lo", "km", "my"))
_LONGEST_STARTER = 12
"""How much of the next word may decide whether it begins a sentence."""
_UNSPACED_RUN = 2
"""Text without a space is cut after this many times the maximum; addresses (URLs) are not cut."""

_NEWLINE = re.compile("[\n\r\v\f\x85\u2028\u2029]")
_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$))")
_ADDRESS = re.compile(r"\S*?(?:[a-zA-Z][a-zA-Z0-9+.-]*:|www\.)\S*$")


class SentenceChunker:
    """Streaming sentence splitter: `push` each delta of the model, `finish` at the end.

    The first clause of the reply is returned early, then whole sentences. A new line always ends a sentence; a fenced code block is one
    sentence; a stretch without a letter or digit joins the next one. A sentence is returned when the first visible character behind it
    has come. A reply of white space alone has no sentences.
    """

    def __init__(
        self, language: str = "en", *, early_clause: bool = True, fewest_words: Callable[[], int] = lambda: EARLY_CLAUSE_WORDS
    ) -> None:
        """Nothing was written yet.

        Args:
            language: BCP 47 tag.
            early_clause: whether the first clause is returned before its sentence ends.
            fewest_words: how many words it must have; asked whenever one could end.
        """
        self._early_clause, self._fewest_words = early_clause, fewest_words
        self._language = primary_subtag(language)
        self._limit = MAX_CHARACTERS_SPACELESS if self._language in _SPACELESS_LANGUAGES else MAX_CHARACTERS
        self._lead = ""
        """White space at the beginning of the reply."""
        self._text = ""
        """What has not been returned yet; begins with a visible character."""
        self._judged = 0
        """Index into it up to which all gaps have been judged."""
        self._fence: str | None = None
        """The marker of the open code block."""
        self._ended = False
        self._index = 0
        self._words = 0.0
        """Number of words returned; not counted beyond `EARLY_CLAUSE_WORDS`."""

    @property
    def pending(self) -> str:
        """What has not been returned yet."""
        return self._lead + self._text

    def push(self, delta: str) -> list[Sentence]:
        """Take the next characters of the reply; return the sentences that are now certain."""
        if not self._text:
            visible = delta.lstrip()
            self._lead += delta[: len(delta) - len(visible)]
            delta = visible
        self._text += delta
        done: list[Sentence] = []
        if delta.isspace():
            return done
        while (cut := self._next_cut()) is not None:
            done.append(self._take(cut))
        return done

    def forget(self) -> None:
        """What has not been returned yet was no part of the reply."""
        self._text, self._lead, self._judged, self._fence = "", "", 0, None

    def finish(self) -> list[Sentence]:
        """End the reply; return the rest: one sentence, seldom two, or none."""
        done, self._ended = list[Sentence](), True
        while self._text and not self._fence and (cut := self._judge_starts(len(self._text))) is not None:
            done.append(self._take(cut))
        return [*done, self._take(len(self._text))] if self._text else done

    def _take(self, cut: int) -> Sentence:
        text = self._text[:cut]
        if self._fence:
            self._fence = None
        elif self._words < EARLY_CLAUSE_WORDS:
            self._words += count_words(text)
        sentence = Sentence(self._index, self._lead + text)
        self._text, self._lead, self._judged = self._text[cut:], "", 0
        self._index += 1
        return sentence

    def _next_cut(self) -> int | None:
        if self._fence:
            return self._end_of_fence(self._fence)
        text, longest_run = self._text, self._limit * _UNSPACED_RUN
        cut = self._judge_starts(longest_run + 1)
        if cut is None and not self._fence and len(text) > longest_run:
            unspaced = not text[longest_run].isspace() and not text[longest_run - 1].isspace()
            if unspaced and not _ADDRESS.match(text[:longest_run].split()[-1]):
                return self._cut_overlong(longest_run)
            cut = self._judge_starts(len(text))
        if cut is None and self._fence:
            return self._end_of_fence(self._fence)
        return cut

    def _judge_starts(self, end: int) -> int | None:
        """Judge every gap up to `end` that has not been judged; stop at the first cut and where a code block opens."""
        for start in STARTS.finditer(self._text, self._judged, end):
            if self._is_undecided(start.start()):
                self._judged = start.start()
                return None
            cut = self._judge(start.start())
            if cut is not None or self._fence:
                return cut
        self._judged = max(self._judged, min(end, len(self._text.rstrip())))
        return None

    def _is_undecided(self, at: int) -> bool:
        """Whether the word that begins there must be known first, and is not yet."""
        before = self._text[:at].rstrip()
        if self._ended or len(before) > self._limit or not needs_word(before, self._text[at], self._language):
            return False
        return not any(not character.isalnum() for character in self._text[at:])

    def _judge(self, at: int) -> int | None:
        """Where to cut, now that the character at `at` is known."""
        before, after = self._text[:at].rstrip(), self._text[at]
        gap = self._text[len(before) : at]
        line = _NEWLINE.split(before)[-1]
        fence = _FENCE.match(line)
        if _NEWLINE.search(gap):
            if fence:
                self._fence, self._judged = fence[1], len(before) - len(line)
                return None
            return at if any(map(str.isalnum, before)) or len(before) > self._limit else None
        if fence:
            return None
        if len(before) > self._limit:
            return self._cut_overlong(at)
        if not any(map(str.isalnum, before)) or splits_character(before, after):
            return None
        cut = self._end_of_speech(before, gap, after, at)
        return None if cut is None or is_protected(protected_spans(before + gap), cut) else cut

    def _end_of_speech(self, before: str, gap: str, after: str, at: int) -> int | None:
        early = self._early_clause and self._words < EARLY_CLAUSE_WORDS
        fewest = self._fewest_words() if early else 0
        if gap and before[-1].isalnum():
            start = conjunction_start(before, self._language) if early else None
            return start if start and count_words(before[:start]) >= max(fewest, EARLY_CONJUNCTION_WORDS) else None
        if ends_sentence(before, gap, self._text[at : at + _LONGEST_STARTER], self._language):
            return at
        return at if early and ends_clause(before, gap, after, self._language) and count_words(before) >= fewest else None

    def _cut_overlong(self, at: int) -> int:
        """Where to cut a text that is too long by `at`: best outside Markdown, then after punctuation, then late."""
        spans = protected_spans(self._text[:at])
        best = (False, False, 0)
        for start in STARTS.finditer(self._text, self._limit // 3, self._limit + 1):
            here = start.start()
            before = self._text[:here].rstrip()
            gap, after = self._text[len(before) : here], self._text[here]
            mark = ends_sentence(before, gap, after, self._language) or ends_clause(before, gap, after, self._language)
            if (gap or mark) and not splits_character(before, after):
                best = max(best, (not is_protected(spans, here), mark, here))
        if best[2]:
            return best[2]
        while at > self._limit and splits_character(self._text[at - 1], self._text[at]):
            at -= 1
        return at

    def _end_of_fence(self, fence: str) -> int | None:
        closed = re.compile(rf"[\r\n][^\S\r\n]*{fence[0]}{{{len(fence)},}}[^\S\r\n]*[\r\n]\s*(?=\S)").search(self._text, self._judged)
        if closed:
            return closed.end()
        said = self._text.rstrip()
        self._judged = max(self._judged, said.rfind("\n"), said.rfind("\r") - 1)
        return None


def sentences(deltas: Iterable[TextDelta], language: str = "en") -> Iterator[Sentence]:
    """Cut a streamed reply into sentences, each as soon as it is certain.

    Args:
        deltas: the reply as the model writes it, cut anywhere.
        language: BCP 47 tag of the language it is written in; one that is not known is cut by punctuation alone.
    """
    chunker = SentenceChunker(language)
    for delta in deltas:
        yield from chunker.push(delta.text)
    yield from chunker.finish()

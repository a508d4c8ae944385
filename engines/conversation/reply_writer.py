"""Reply writer: the chat model's text, while it is written → what the page shows of it, and sentences with their stage directions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from engines.speaking.pacing import FEWEST_WORDS, Speed
from engines.text.directions import DirectionFilter
from engines.text.not_speech import NotSpeechFilter
from engines.text.reply_limiter import ReplyLimiter
from engines.text.sentences import SentenceChunker
from engines.types import Sentence


class ReplyWriter:
    """Cuts the reply into sentences while it is written, and takes out its stage directions and what is no speech."""

    def __init__(
        self,
        language: str,
        limiter: ReplyLimiter | None,
        put_text: Callable[[str], object],
        put_sentence: Callable[[Sentence], object],
        *,
        speed: Callable[[], Speed | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        name: str = "",
    ) -> None:
        """`name` is the persona's own, with which a model may begin its line."""
        self._speech = NotSpeechFilter(name, self._forget)
        self._chunker = SentenceChunker(language, fewest_words=self._fewest_words)
        self._directions, self._limiter = DirectionFilter(), limiter
        self._put_text, self._put_sentence, self._speed, self._clock = put_text, put_sentence, speed, clock
        self._count = self._written = 0
        self._begun: float | None = None

    def write(self, text: str) -> None:
        """Take the next characters."""
        self._begun = self._clock() if self._begun is None else self._begun
        self._written += len(text)
        text = self._directions.push(self._speech.push(text))
        self._pass(self._limiter.push(text) if self._limiter else text)

    def finish(self) -> None:
        """The end of the reply. Directions behind its last word go with the last sentence, or with one without text."""
        text = self._directions.push(self._speech.finish()) + self._directions.finish()
        self._pass(self._limiter.push(text) + self._limiter.finish() if self._limiter else text)
        rest = self._chunker.finish()
        for sentence in rest:
            self._put(sentence, rest=sentence is rest[-1])
        if not rest:
            self._put(Sentence(self._count, ""), rest=True)

    def _fewest_words(self) -> int:
        """Of the first clause, by how fast it is written and spoken here."""
        speed = self._speed()
        return speed.first_words((self._clock() - (self._begun or 0.0)) / max(self._written, 1)) if speed else FEWEST_WORDS

    def _forget(self) -> None:
        """What was written until now was a thought, whose opening mark is missing: what has not been spoken of it is not."""
        pending = len(self._chunker.pending)
        self._chunker.forget()
        self._directions.take(pending)
        if self._limiter:
            self._limiter.forget()

    def _pass(self, text: str) -> None:
        if self._speech.over and self._limiter:
            self._limiter.over = True
        if text:
            self._put_text(text)
            for sentence in self._chunker.push(text):
                self._put(sentence)

    def _put(self, sentence: Sentence, *, rest: bool = False) -> None:
        self._count += 1
        directions = self._directions.take(len(sentence.text), rest=rest)
        if sentence.text or directions:
            self._put_sentence(replace(sentence, directions=directions))

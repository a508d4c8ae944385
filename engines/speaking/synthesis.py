"""Synthesis of one reply: its texts, in order, as pieces of sound; paced, and some at the same time where an engine gains by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from engines.concurrency.channel import Channel
from engines.protocols import TextToSpeech
from engines.speaking.pacing import Pacer, Piece, Speeds
from engines.types import EngineInfo, Speech

SPEEDS = Speeds()
"""How fast each engine was so far, in all conversations."""
_MOST_AT_ONCE = 3
_PIECES_AHEAD = 64


@dataclass(frozen=True, slots=True)
class _Made:
    """A piece of speech, and how long the engine took for so many characters."""

    speech: Speech
    characters: int
    took_s: float


class Synthesis:
    """One voice at work on one reply. It belongs to one thread."""

    def __init__(
        self, engine: TextToSpeech, info: EngineInfo, voice: str | None, steps: Callable[..., Generator[_Made]], clock: Callable[[], float]
    ) -> None:
        """Nothing is said yet.

        Args:
            engine: the text-to-speech engine.
            info: its description.
            voice: who speaks.
            steps: `Deadlines.steps` for this voice: takes what makes an iterator, and the engine.
            clock: counts seconds.
        """
        self.voice = voice
        self._engine, self._info, self._steps, self._clock = engine, info, steps, clock
        self._pacer = Pacer(partial(SPEEDS.of, info.name), clock)
        self._begun: list[_Begun] = []
        self._last: _Made | None = None

    def begin(self, texts: Sequence[str]) -> None:
        """These are asked for next: begin with as many of them as the engine gains by. The first sound of a reply has the engine alone."""
        most = min(self._info.pieces_at_once, _MOST_AT_ONCE)
        if most > 1 and self._last:
            for text in texts[len(self._begun) : most]:
                self._begun.append(_Begun(partial(self._timed, text)))

    def pieces(self, text: str) -> Generator[Speech]:
        """The sound of the next text; each piece is `played` before the next is asked for.

        Raises:
            EngineError: the engine failed.
        """
        makers = [self._begun.pop(0).pieces] if self._begun else (partial(self._timed, piece) for piece in self._pacer.pieces(text))
        for make in makers:
            with closing(self._steps(make, self._engine)) as pieces:
                for self._last in pieces:
                    yield self._last.speech

    def played(self, speech: Speech) -> None:
        """The last piece, as it is heard, is on its way."""
        self._pacer.made(speech.audio.duration_ms / 1000)
        if self._last and self._last.characters:
            piece = Piece(self._last.characters, speech.audio.duration_ms / 1000, self._last.took_s)
            SPEEDS.note(self._info.name, piece)

    def close(self) -> None:
        """End what was begun."""
        for begun in self._begun:
            begun.close()

    def _timed(self, text: str) -> Generator[_Made]:
        """What the engine makes of a text, and how long it takes."""
        rest, pieces = len(text), self._engine.synthesize(text, self.voice)
        begun = self._clock()
        try:
            for speech in pieces:
                characters = min(sum(len(word.text) for word in speech.words) or rest, rest)
                rest -= characters
                yield _Made(speech, characters, self._clock() - begun)
                begun = self._clock()
        finally:
            close: Any = getattr(pieces, "close", None)
            if close is not None:
                close()


class _Begun:
    """A text that is synthesized on a thread of its own."""

    def __init__(self, make: Callable[[], Generator[_Made]]) -> None:
        self._make = make
        self._made: Channel[_Made] = Channel(_PIECES_AHEAD)
        self._failure: BaseException | None = None
        threading.Thread(target=self._run, name="synthesize-ahead", daemon=True).start()

    def pieces(self) -> Generator[_Made]:
        """What it becomes, as it comes."""
        try:
            while pieces := self._made.get():
                yield from pieces
            if self._failure:
                raise self._failure
        finally:
            self.close()

    def close(self) -> None:
        """End it after the step under way."""
        self._made.close(discard=True)

    def _run(self) -> None:
        try:
            with closing(self._make()) as pieces:
                for piece in pieces:
                    if not self._made.put(piece):
                        return
        except BaseException as error:
            self._failure = error
        finally:
            self._made.close()

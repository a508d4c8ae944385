"""A conversation as pure values: its turns, how far each was heard, and which messages a chat model reads. No locks, engines or storage.

What a model no longer reads is not forgotten: `Conversation.window` chooses among the turns, it does not remove any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from engines.events import SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted
from engines.types import ChatMessage, WordTiming

MOST_TURNS = 1000
"""Turns of one conversation that are kept; older ones are forgotten."""
CUTTABLE_TURNS = 8
"""The newest turns, whose word times are kept: how far one was heard is known a moment after the next one has begun."""


@dataclass(frozen=True, slots=True)
class PlaybackPosition:
    """How far a turn's sound had been played when it was interrupted."""

    turn_id: str
    segment_index: int
    """The segment that was playing; -1 if none was."""
    ms: float
    """How much of that segment, in ms."""


@dataclass(frozen=True, slots=True)
class SpokenText:
    """The text of one segment, its words with their times, and how much of the answer each ends; its sound is not kept."""

    text: str
    words: tuple[WordTiming, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer, as the conversation remembers them."""

    turn_id: str
    question: str = ""
    """The transcript or the typed text; empty for a greeting."""
    language: str | None = None
    """The language that was spoken (BCP 47), as far as it is known."""
    answer: str | None = None
    """What was said and heard; None while the turn runs."""
    segments: tuple[SpokenText, ...] = ()
    position: PlaybackPosition | None = None
    """Where the answer was interrupted; None if it was not, or if that is not known."""
    model_failed: bool = False
    """The chat model could not answer the question: it is not asked again with every later one."""

    @property
    def said(self) -> str:
        """The answer; while the turn runs, what has been synthesized of it."""
        return "".join(segment.text for segment in self.segments) if self.answer is None else self.answer

    def after(self, event: TurnEvent) -> Turn:
        """The turn after one of its events."""
        match event:
            case TranscriptReady():
                return replace(self, question=event.transcript.text, language=event.transcript.language)
            case SegmentReady():
                segment = event.segment
                return replace(self, segments=(*self.segments, SpokenText(segment.text, segment.timeline.words, segment.ends)))
            case TurnFailed():
                answer = event.text if self.position is None else self.answer
                return replace(self, answer=answer, model_failed=event.stage == "llm")
            case TurnCompleted() if self.position is None:
                return replace(self, answer=event.text)
            case TurnInterrupted() if self.position is None:
                return replace(self, answer=self.said)
        return self

    def cut(self, position: PlaybackPosition) -> Turn:
        """The turn with only as much of its answer as was heard: whole segments, then the words of which more than half was played."""
        text, heard, total = "".join(segment.text for segment in self.segments), 0, 0
        for at, segment in enumerate(self.segments[: position.segment_index + 1]):
            total += len(segment.text)
            if at < position.segment_index:
                heard = segment.ends[-1] if segment.ends else total
                continue
            for word, end in zip(segment.words, segment.ends, strict=False):
                if word.start_ms + word.duration_ms / 2 <= position.ms:
                    heard = end
        return replace(self, answer=text[:heard].rstrip(), position=position)

    def settled(self) -> Turn:
        """The turn without what only `cut` needs."""
        return replace(self, answer=self.said, segments=()) if self.segments else self

    def messages(self) -> Iterator[ChatMessage]:
        """What a chat model reads of it; nothing where the model failed at it."""
        if self.model_failed:
            return
        if self.question:
            yield ChatMessage("user", self.question)
        if self.said.strip():
            yield ChatMessage("assistant", self.said)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of one conversation, oldest first."""

    turns: tuple[Turn, ...] = ()
    forgotten: int = 0
    """How many turns before these are no longer kept."""

    def begin(self, turn_id: str) -> Conversation:
        """The conversation with one more turn."""
        settled = len(self.turns) - CUTTABLE_TURNS
        turns = [
            replace(turn, answer=turn.said, segments=()) if at < settled and turn.segments else turn for at, turn in enumerate(self.turns)
        ]
        kept = (*turns, Turn(turn_id))[-MOST_TURNS:]
        return Conversation(kept, self.forgotten + len(self.turns) + 1 - len(kept))

    def after(self, event: TurnEvent) -> Conversation:
        """The conversation after an event of one of its turns; unchanged if it has no such turn."""
        at = self._index(event.turn_id)
        return self if at is None else self._with(at, self.turns[at].after(event))

    def cut(self, position: PlaybackPosition) -> Conversation:
        """The conversation after it is known how far a turn was heard; unchanged if it has no such turn, or one too old to be cut."""
        at = self._index(position.turn_id)
        if at is None or at < len(self.turns) - CUTTABLE_TURNS - 1:
            return self
        return self._with(at, self.turns[at].cut(position))

    @property
    def language(self) -> str | None:
        """The language that the user spoke last, as far as it is known."""
        return next((turn.language for turn in reversed(self.turns) if turn.language), None)

    def turn(self, turn_id: str) -> Turn | None:
        """The newest turn with that id."""
        at = self._index(turn_id)
        return None if at is None else self.turns[at]

    def window(self, most: int, before: str | None = None) -> tuple[ChatMessage, ...]:
        """The newest messages for a chat model.

        When there are too many, the older half is left out at once, and the same beginning then stays for many turns: an engine need
        not compute again what it has computed for the beginning of a prompt (prefix cache).

        Args:
            most: how many messages there may be.
            before: a turn; only what was said before it counts. None: everything.
        """
        end = len(self.turns) if before is None else self._index(before)
        if end is None or most <= 0:
            return ()
        start, room = end, most
        while start and (length := len(tuple(self.turns[start - 1].messages()))) <= room:
            start, room = start - 1, room - length
        if start or self.forgotten:
            step = most // 4 + 1  # turns, of two messages each; counted from the very first, so that the beginning does not move every time
            start += -(self.forgotten + start) % step
        return tuple(message for turn in self.turns[start:end] for message in turn.messages())

    def _index(self, turn_id: str) -> int | None:
        return next((at for at in range(len(self.turns) - 1, -1, -1) if self.turns[at].turn_id == turn_id), None)

    def _with(self, at: int, turn: Turn) -> Conversation:
        return self if turn is self.turns[at] else replace(self, turns=(*self.turns[:at], turn, *self.turns[at + 1 :]))


class ConversationStore(Protocol):
    """Where conversations are kept.

    Its methods are called while a session is locked: a store on a disk must write later, on a thread of its own.
    """

    def load(self, key: str, /) -> Conversation | None:
        """The conversation with that id; None if there is none."""
        ...

    def save(self, key: str, value: Conversation, /) -> None:
        """Keep a conversation in place of the one with the same id."""
        ...

    def delete(self, key: str, /) -> None:
        """Forget a conversation; unknown ids are ignored."""
        ...

"""Turn events: what a turn reports to the page, the command line and the API while it happens.

Every event carries the turn's id and a sequence number that counts from 0 without a gap. A turn begins with `TurnStarted` and ends with
exactly one of `TurnCompleted`, `TurnInterrupted`, `TurnFailed`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.types import SpeechSegment, Transcript, TurnTimings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    turn_id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(_Event):
    """The utterance was taken up."""

    notices: tuple[str, ...] = ()
    """What the user should know about the engines that answer, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReady(_Event):
    """The user's words are known."""

    transcript: Transcript
    answer_language: str = ""
    """BCP 47 tag of the language in which the persona answers."""
    notices: tuple[str, ...] = ()
    """What the user should know about that, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDelta(_Event):
    """More text of the reply, as the model wrote it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentReady(_Event):
    """Sound and mouth of the next piece of the reply; segments come in order."""

    segment: SpeechSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCompleted(_Event):
    """Everything was said."""

    text: str
    timings: TurnTimings


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInterrupted(_Event):
    """The turn was cancelled; `text` is what had been written by then."""

    text: str
    timings: TurnTimings


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed(_Event):
    """A stage failed. `text` is what had been written by then: the voice failing leaves the whole reply."""

    text: str
    timings: TurnTimings
    code: str
    message: str
    stage: str
    retryable: bool
    counts_against_engine: bool = False
    """Whether the circuit breaker of the stage's engine counts it."""


TurnEnded = TurnCompleted | TurnInterrupted | TurnFailed
TurnEvent = TurnStarted | TranscriptReady | ReplyDelta | SegmentReady | TurnEnded

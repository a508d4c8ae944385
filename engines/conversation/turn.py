"""The turn: from the recording to the last sound, the only place where the stages meet. Start reading here.

Two threads work behind the generator `run_turn`: one understands the user and writes the reply (stt, llm, sentences), one synthesizes it
(tts, lip sync). They are joined by bounded channels, so the model runs ahead of the voice but never far, and both stop within one engine
step of a cancellation.

A turn always ends: whatever is raised becomes a `TurnFailed`, whatever an engine delivers is bounded, and an engine that does not come back
from a step in time is ended where it has a process of its own (`kill`), else left behind with its thread.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Deadlines
from engines.conversation.pipeline import Part, Pipeline, TurnRequest, Understood
from engines.errors import EngineError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted, TurnStarted
from engines.registry.registry import Engines, Registry
from engines.text.surrogates import well_formed
from engines.types import SpeechSegment, TurnTimings

__all__ = ["TurnRequest", "failed", "judged", "run_turn"]


def run_turn(
    request: TurnRequest, engines: Engines, cancel: CancelToken | None = None, deadlines: Deadlines | None = None
) -> Generator[TurnEvent]:
    """Answer one utterance; the events come as they happen and end with `TurnCompleted`, `TurnInterrupted` or `TurnFailed`.

    Calling `cancel` from any thread, or closing the generator, ends the turn within one engine step. A failing engine never raises here.
    """
    pipeline = Pipeline(request, engines, cancel or CancelToken(), deadlines or Deadlines())
    number = itertools.count()
    text = ""
    failure: EngineError | None = None
    timings = TurnTimings()
    handed_over = time.perf_counter()

    def now() -> float:
        return (time.perf_counter() - handed_over) * 1000

    try:
        pipeline.start()
        yield TurnStarted(turn_id=request.turn_id, seq=next(number), notices=engines.notices)
        while (parts := pipeline.parts.get(pipeline.deadlines.watch_every_s)) != []:
            late = pipeline.give_up_expired()
            failure = failure or late
            for part in _merged(parts or []):
                if pipeline.cancel.cancelled:
                    break
                match part:
                    case Understood():
                        timings = replace(timings, transcript_ms=now())
                        yield TranscriptReady(
                            turn_id=request.turn_id,
                            seq=next(number),
                            transcript=part.transcript,
                            answer_language=part.answer_language,
                            notices=part.notices,
                        )
                    case str():
                        text += part
                        timings = timings if timings.first_text_ms is not None else replace(timings, first_text_ms=now())
                        yield ReplyDelta(turn_id=request.turn_id, seq=next(number), text=part)
                    case SpeechSegment():
                        first = now() if timings.first_segment_ms is None else timings.first_segment_ms
                        timings = replace(timings, first_segment_ms=first, spoken_ms=timings.spoken_ms + part.audio.duration_ms)
                        yield SegmentReady(turn_id=request.turn_id, seq=next(number), segment=part)
                    case EngineError():
                        failure = failure or part
        timings = replace(timings, total_ms=now())
        if pipeline.cancel.cancelled:
            yield TurnInterrupted(turn_id=request.turn_id, seq=next(number), text=text, timings=timings)
        elif failure is not None:
            yield failed(request.turn_id, failure, seq=next(number), text=text, timings=timings)
        else:
            yield TurnCompleted(turn_id=request.turn_id, seq=next(number), text=text, timings=timings)
    finally:
        pipeline.close()


def failed(turn_id: str, error: EngineError, *, seq: int = 0, text: str = "", timings: TurnTimings | None = None) -> TurnFailed:
    """The event for an error, also for one that kept a turn from beginning."""
    return TurnFailed(
        turn_id=turn_id,
        seq=seq,
        text=text,
        timings=timings or TurnTimings(),
        code=error.code,
        message=well_formed(error.message),
        stage=error.stage,
        retryable=error.retryable,
        counts_against_engine=error.counts_against_engine,
    )


def judged(event: TurnEvent, request: TurnRequest, engines: Engines, registry: Registry, source: str) -> TurnEvent:
    """The same event; the circuit breakers count it, and where that costs an engine its place, its message says so.

    Args:
        event: of the turn.
        request: what the turn was asked for.
        engines: that worked in it.
        registry: where they come from.
        source: whose turn it was.
    """
    if isinstance(event, TurnCompleted):
        registry.record_success(engines, request.stages, source)
    elif isinstance(event, TurnFailed) and (news := registry.record_failure(engines, event, source)):
        return replace(event, message=f"{event.message} {news}")
    return event


def _merged(parts: list[Part]) -> Iterator[Part]:
    """The same parts with neighbouring texts joined: a fast model must not make sound wait behind single words."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
            text = ""
        yield part
    if text:
        yield text

"""One turn, from what was heard to the last sound: the only place where the stages meet. Start reading here.

Two threads work behind the generator: one hears, thinks and cuts sentences, one speaks. They are joined by bounded channels, so the model
runs ahead of the voice but never far, and both stop within one engine step of a cancel. An engine that
does not come back from a step in time is left behind with its thread, and the turn goes on without it.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engines.concurrency.channel import CancelToken, Channel
from engines.concurrency.deadlines import Deadlines, Limits
from engines.concurrency.locks import exclusive
from engines.conversation.prompt import History, messages_for
from engines.conversation.speech import segments
from engines.errors import ChatModelError, EngineError, SpeechToTextError, TextToSpeechError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted, TurnStarted
from engines.registry.registry import Engines
from engines.text.directions import DirectionFilter
from engines.text.sentences import SentenceChunker
from engines.types import (
    AudioChunk,
    Persona,
    Sentence,
    SpeechSegment,
    Stage,
    TextDelta,
    Transcript,
    TurnTimings,
    Utterance,
)

log = logging.getLogger(__name__)

SENTENCES_AHEAD = 16
"""How many sentences the model may write before the voice takes the first."""
PARTS_AHEAD = 64
"""How many parts of the reply may wait for whoever consumes the turn."""

_LOOK_S = 0.25
"""How often somebody looks whether an engine is past its time, in seconds."""

_Part = str | Transcript | SpeechSegment | EngineError
"""What the two threads report: reply text, the transcript, a spoken segment, a failure."""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Everything one turn needs to know."""

    turn_id: str
    persona: Persona
    utterance: Utterance | None
    """What the user handed over; None when the persona speaks first."""
    history: History = ()
    """Earlier messages, oldest first, without the system prompt; asked for when the model is."""
    reply: str | None = None
    """Say this instead of asking the model: a greeting."""
    input_language: str | None = None
    """The language that the user speaks (BCP 47); None lets the engine find out."""
    limits: Limits = field(default_factory=Limits)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have work in it: typed text needs no ears, a given reply no mind."""
        heard: tuple[Stage, ...] = ("stt",) if self.utterance and self.utterance.audio is not None else ()
        thought: tuple[Stage, ...] = ("llm",) if self.reply is None else ()
        return (*heard, *thought, "tts")


def run_turn(request: TurnRequest, engines: Engines, cancel: CancelToken | None = None) -> Iterator[TurnEvent]:
    """Answer one utterance; the events come as they happen and end with `TurnCompleted`, `TurnInterrupted` or `TurnFailed`.

    Calling `cancel` from any thread, or closing the generator, ends the turn within one engine step. A failing engine never raises here.
    """
    work = _Pipeline(request, engines, cancel or CancelToken())
    number = itertools.count()
    text = ""
    failure: EngineError | None = None
    timings = TurnTimings()
    handed_over = time.perf_counter()

    def now() -> float:
        return (time.perf_counter() - handed_over) * 1000

    try:
        work.start()
        yield TurnStarted(turn_id=request.turn_id, seq=next(number), notices=engines.notices)
        while (parts := work.parts.get(_LOOK_S)) != []:
            if late := work.expired():
                failure = failure or late
            for part in _merged(parts or []):
                if work.cancel.cancelled:
                    break
                match part:
                    case Transcript():
                        timings = replace(timings, transcript_ms=now())
                        yield TranscriptReady(turn_id=request.turn_id, seq=next(number), transcript=part)
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
        if work.cancel.cancelled:
            yield TurnInterrupted(turn_id=request.turn_id, seq=next(number), text=text, timings=timings)
        elif failure is not None:
            yield failed(request.turn_id, failure, seq=next(number), text=text, timings=timings)
        else:
            yield TurnCompleted(turn_id=request.turn_id, seq=next(number), text=text, timings=timings)
    finally:
        work.cancel.cancel()  # whoever stops listening ends the engines' work


def failed(turn_id: str, error: EngineError, *, seq: int = 0, text: str = "", timings: TurnTimings | None = None) -> TurnFailed:
    """The event that tells of an error, also of one that kept a turn from beginning."""
    return TurnFailed(
        turn_id=turn_id,
        seq=seq,
        text=text,
        timings=timings or TurnTimings(),
        code=error.code,
        message=error.message,
        stage=error.stage,
        retryable=error.retryable,
        counts_against_engine=error.counts_against_engine,
    )


class _Pipeline:
    """The two threads of one turn and the channels between them."""

    def __init__(self, request: TurnRequest, engines: Engines, cancel: CancelToken) -> None:
        self.parts: Channel[_Part] = Channel(PARTS_AHEAD)
        self.cancel = cancel
        self._request = request
        self._engines = engines
        self._sentences: Channel[Sentence] = Channel(SENTENCES_AHEAD)
        self._guard = threading.Lock()
        self._running = {"understand": self._understand_and_write, "synthesize": self._synthesize}
        self._deadlines = Deadlines()
        cancel.on_cancel(lambda: self._sentences.close(discard=True))
        cancel.on_cancel(lambda: self.parts.close(discard=True))

    def start(self) -> None:
        for name, work in list(self._running.items()):
            threading.Thread(target=work, name=f"{name}-{self._request.turn_id}", daemon=True).start()

    def expired(self) -> EngineError | None:
        """What an engine failed with that is past its time; its thread is left behind, and what it still does is thrown away."""
        if not (late := self._deadlines.expired()):
            return None
        worker, error = late
        log.error("turn %s: %s: %s", self._request.turn_id, error.stage, error.message)
        self._leave(worker)
        return error

    def _leave(self, name: str) -> None:
        """One of the two is through, or given up. With the last one the turn ends."""
        with self._guard:
            self._running.pop(name, None)
            last = not self._running
        self._sentences.close(discard=name == "synthesize")
        if last:
            self.parts.close()

    def _put(self, name: str, part: _Part) -> bool:
        """Report something, unless this thread was given up meanwhile."""
        return name in self._running and self.parts.put(part)

    def _understand_and_write(self) -> None:
        """Hear, think, cut sentences."""
        chunker, directions = SentenceChunker(self._request.persona.language), DirectionFilter()

        def write(text: str) -> None:
            if text:
                self._put("understand", text)
                for sentence in chunker.push(text):
                    self._sentences.put(replace(sentence, directions=directions.take(len(sentence.text))))

        try:
            for delta in self._deltas():
                if self.cancel.cancelled or "understand" not in self._running:
                    return
                write(directions.push(delta.text))
        except Exception as error:
            self._report("understand", error, ChatModelError, "The language model stopped with an error")
        finally:
            write(directions.finish())
            rest = list(chunker.finish())  # also what was written before a failure is spoken
            for sentence in rest:
                self._sentences.put(replace(sentence, directions=directions.take(len(sentence.text), rest=sentence is rest[-1])))
            self._leave("understand")

    def _deltas(self) -> Iterator[TextDelta]:
        if self._request.reply is not None:
            yield TextDelta(self._request.reply)
            return
        words = self._hear()
        if not words or self.cancel.cancelled:
            return
        persona, llm = self._request.persona, self._engines.llm
        messages = messages_for(persona, self._request.history, words)
        late = ChatModelError(
            f"{llm.info.title} fell silent. Ask again, or choose another model.", code="timeout", retryable=True, counts_against_engine=True
        )
        steps = llm.open().stream(messages, persona)
        empty = True
        for delta in self._deadlines.steps("understand", self._request.limits.llm, late, steps, exclusive(llm.info.accelerator)):
            empty = empty and not delta.text.strip()
            yield delta
        if empty and not self.cancel.cancelled:
            message = f"{llm.info.title} answered nothing; ask again or choose another model."
            raise ChatModelError(message, code="empty_reply", retryable=True)

    def _hear(self) -> str:
        """The user's words; empty after a failure, which is reported."""
        utterance = self._request.utterance
        if utterance is None or utterance.audio is None:
            transcript = Transcript((utterance.text or "") if utterance else "")
        else:
            try:
                transcript = self._transcribed(utterance.audio)
                if not transcript.text.strip():
                    message = "No words could be made out in that recording; speak a little closer to the microphone."
                    raise SpeechToTextError(message, code="no_words", retryable=True)
            except Exception as error:
                self._report("understand", error, SpeechToTextError, "The recording could not be understood")
                return ""
        self._put("understand", transcript)
        return transcript.text

    def _transcribed(self, audio: AudioChunk) -> Transcript:
        stt = self._engines.stt
        late = SpeechToTextError(
            f"{stt.info.title} did not come to an end with that recording.", code="timeout", retryable=True, counts_against_engine=True
        )
        ears = stt.open()

        def hear() -> Transcript:
            with exclusive(stt.info.accelerator):
                return ears.transcribe(audio, self._request.input_language)

        return self._deadlines.step("understand", self._request.limits.stt, late, hear)

    def _synthesize(self) -> None:
        """Give every sentence a voice and a mouth."""
        request, limit_s = self._request, self._request.limits.tts
        try:
            for segment in segments(
                self._sentences, request.persona, self._engines.tts, deadlines=self._deadlines, worker="synthesize", limit_s=limit_s
            ):
                if self.cancel.cancelled or not self._put("synthesize", segment):
                    break
        except Exception as error:
            self._report("synthesize", error, TextToSpeechError, "The voice stopped with an error; the text of the answer remains")
        self._leave("synthesize")

    def _report(self, name: str, error: Exception, kind: type[EngineError], what: str) -> None:
        if not isinstance(error, EngineError):
            log.error("turn %s: %s", self._request.turn_id, what, exc_info=error)
            then = "Try again; if it happens again, the terminal that the app runs in says why."
            code = "crashed"
            if isinstance(error, MemoryError):
                then, code = "There is not enough memory for it: choose a smaller model, or close other programs.", "out_of_memory"
            error = kind(f"{what}. {then}", code=code, retryable=True, counts_against_engine=True)
        else:
            log.warning("turn %s: %s: %s", self._request.turn_id, error.stage, error.message)
        self._put(name, error)


def _merged(parts: list[_Part]) -> Iterator[_Part]:
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

"""One turn, from what was heard to the last sound: the only place where the stages meet. Start reading here.

Two threads work behind the generator: one hears, thinks and cuts sentences, one speaks. They are joined by bounded channels, so the model
runs ahead of the voice but never far, and both stop within one engine step of a cancel.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.channel import Cancel, Channel
from engines.device import exclusive, stepwise
from engines.errors import ChatModelError, EngineError, SpeechToTextError, TextToSpeechError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted, TurnStarted
from engines.personas import system_prompt
from engines.registry import Engines
from engines.text.sentences import SentenceChunker
from engines.text.speakable import speakable
from engines.types import ChatMessage, Persona, Sentence, Speech, SpeechSegment, TextDelta, Transcript, TurnTimings, Utterance
from engines.visemes.timeline import timeline

log = logging.getLogger(__name__)

SENTENCES_AHEAD = 16
"""How many sentences the model may write before the voice takes the first."""
PARTS_AHEAD = 64
"""How many parts of the reply may wait for whoever consumes the turn."""

_Part = str | Transcript | SpeechSegment | EngineError
"""What the two threads report: reply text, the transcript, a spoken segment, a failure."""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Everything one turn needs to know."""

    turn_id: str
    persona: Persona
    utterance: Utterance | None
    """What the user handed over; None when the persona speaks first."""
    history: tuple[ChatMessage, ...] = ()
    """Earlier messages, oldest first, without the system prompt."""
    reply: str | None = None
    """Say this instead of asking the model: a greeting."""


def run_turn(request: TurnRequest, engines: Engines, cancel: Cancel | None = None) -> Iterator[TurnEvent]:
    """Answer one utterance; the events come as they happen and end with `TurnCompleted`, `TurnInterrupted` or `TurnFailed`.

    Calling `cancel` from any thread, or closing the generator, ends the turn within one engine step. A failing engine never raises here.
    """
    work = _Work(request, engines, cancel or Cancel())
    number = itertools.count()
    text = ""
    failure: EngineError | None = None
    timings = TurnTimings()
    handed_over = time.perf_counter()

    def now() -> float:
        return (time.perf_counter() - handed_over) * 1000

    try:
        work.start()
        yield TurnStarted(turn_id=request.turn_id, seq=next(number))
        while parts := work.parts.get():
            for part in _merged(parts):
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
        work.cancel()  # whoever stops listening ends the engines' work


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
    )


class _Work:
    """The two threads of one turn and the channels between them."""

    def __init__(self, request: TurnRequest, engines: Engines, cancel: Cancel) -> None:
        self.parts: Channel[_Part] = Channel(PARTS_AHEAD)
        self.cancel = cancel
        self._request = request
        self._engines = engines
        self._sentences: Channel[Sentence] = Channel(SENTENCES_AHEAD)
        self._thinker = threading.Thread(target=self._think, name=f"think-{request.turn_id}", daemon=True)
        self._speaker = threading.Thread(target=self._speak, name=f"speak-{request.turn_id}", daemon=True)
        cancel.tell(lambda: self._sentences.close(discard=True))
        cancel.tell(lambda: self.parts.close(discard=True))

    def start(self) -> None:
        self._thinker.start()
        self._speaker.start()

    def _think(self) -> None:
        """Hear, think, cut sentences."""
        chunker = SentenceChunker(self._request.persona.language)
        try:
            for delta in self._deltas():
                if self.cancel.cancelled:
                    return
                if delta.text:
                    self.parts.put(delta.text)
                    for sentence in chunker.push(delta.text):
                        self._sentences.put(sentence)
        except Exception as error:
            self._report(error, ChatModelError, "The language model stopped with an error")
        finally:
            for sentence in chunker.finish():  # also what was written before a failure is spoken
                self._sentences.put(sentence)
            self._sentences.close()

    def _deltas(self) -> Iterator[TextDelta]:
        if self._request.reply is not None:
            yield TextDelta(self._request.reply)
            return
        words = self._hear()
        if not words or self.cancel.cancelled:
            return
        persona = self._request.persona
        messages = [ChatMessage("system", system_prompt(persona)), *self._request.history, ChatMessage("user", words)]
        llm = self._engines.llm
        empty = True
        for delta in stepwise(llm.engine.stream(_joined(messages), persona), exclusive(llm.info.accelerator)):
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
            stt = self._engines.stt
            try:
                with exclusive(stt.info.accelerator):
                    transcript = stt.engine.transcribe(utterance.audio, self._request.persona.language)
                if not transcript.text.strip():
                    message = "No words could be made out in that recording; speak a little closer to the microphone."
                    raise SpeechToTextError(message, code="no_words", retryable=True)
            except Exception as error:
                self._report(error, SpeechToTextError, "The recording could not be understood")
                return ""
        self.parts.put(transcript)
        return transcript.text

    def _speak(self) -> None:
        """Give every sentence a voice and a mouth, then close the turn."""
        try:
            for index, (text, piece) in enumerate(self._pieces()):
                self.parts.put(SpeechSegment(index, text, piece.audio, timeline(piece)))
        except Exception as error:
            self._report(error, TextToSpeechError, "The voice stopped with an error; the text of the answer remains")
            self._sentences.close(discard=True)
        self._thinker.join()
        self.parts.close()

    def _pieces(self) -> Iterator[tuple[str, Speech]]:
        persona, tts = self._request.persona, self._engines.tts
        voice, lock = persona.voice_for(tts.info.name), exclusive(tts.info.accelerator)
        unspoken = ""  # text without words (an emoji, a rule) goes along with what is said next
        while sentences := self._sentences.get():
            for sentence in sentences:
                text, words = unspoken + sentence.text, speakable(sentence.text, persona.language)
                unspoken = text
                for piece in stepwise(tts.engine.synthesize(words, voice), lock) if words else ():
                    if self.cancel.cancelled:
                        return
                    yield unspoken, _sound(piece, tts.info.title)
                    unspoken = ""
                if words and unspoken:
                    raise TextToSpeechError(f"{tts.info.title} made no sound; choose another voice.", code="no_sound")

    def _report(self, error: Exception, kind: type[EngineError], what: str) -> None:
        if not isinstance(error, EngineError):
            log.error("turn %s: %s", self._request.turn_id, what, exc_info=error)
            error = kind(
                f"{what}. Try again; if it happens again, the terminal that the app runs in says why.", code="crashed", retryable=True
            )
        else:
            log.warning("turn %s: %s: %s", self._request.turn_id, error.stage, error.message)
        self.parts.put(error)


def _sound(piece: Speech, title: str) -> Speech:
    if not len(piece.audio.samples) or not bool(np.isfinite(piece.audio.samples).all()):
        raise TextToSpeechError(f"{title} made a sound that cannot be played; choose another voice.", code="bad_sound")
    return piece


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


def _joined(messages: list[ChatMessage]) -> list[ChatMessage]:
    """The same conversation with neighbouring messages of one role joined: an answer that was never heard leaves two questions in a row."""
    return [
        ChatMessage(role, "\n".join(message.content for message in group))
        for role, group in itertools.groupby(messages, key=lambda message: message.role)
    ]

"""Pipeline of one turn: the two worker threads in which the engines work, and the channels between them.

One worker understands the user and writes the reply (stt, llm, sentences), one synthesizes it (tts, lip sync). `turn.py` reads what they
report.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from engines.concurrency.channel import CancelToken, Channel
from engines.concurrency.deadlines import Deadlines, Limits
from engines.concurrency.fair_queue import Place
from engines.conversation.prompt import History, messages_for
from engines.conversation.reply_writer import ReplyWriter
from engines.conversation.speech import opened, segments
from engines.errors import ChatModelError, EngineError, SpeechToTextError, TextToSpeechError, not_wanted
from engines.protocols import Killable
from engines.registry.languages import answering, priors_of
from engines.registry.registry import Engines
from engines.speaking.pacing import Speed
from engines.speaking.synthesis import SPEEDS
from engines.text.languages import written_in
from engines.text.reply_limiter import ReplyLimiter
from engines.text.surrogates import SurrogateJoiner, well_formed
from engines.types import AudioChunk, Persona, Sentence, SpeechSegment, Stage, TextDelta, Transcript, Utterance

log = logging.getLogger(__name__)

SENTENCES_AHEAD = 16
"""How many sentences the model may write before the first is synthesized."""
PARTS_AHEAD = 64
"""How many parts of the reply may wait for whoever consumes the turn."""
MAX_REPLY_CHARACTERS = 8_000
"""Most that a model may write in one reply, code and stage directions included; what is said of it, `ReplyLimiter` bounds."""
_MAX_DELTAS = 50_000
"""Most steps of a model in one reply; those that only read or think write nothing."""

_UNDERSTAND, _SYNTHESIZE = "understand", "synthesize"
"""The two workers."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What the user said, and in which language it is answered."""

    transcript: Transcript
    answer_language: str
    """BCP 47."""
    notices: tuple[str, ...]
    """What the user should know about that, in sentences."""


Part = str | Understood | SpeechSegment | EngineError
"""What the workers report: reply text, what was understood, a spoken segment, a failure."""


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
    silent: bool = False
    """Only text is wanted: no sound is made."""
    input_language: str | None = None
    """The language that the user speaks (BCP 47); None lets the engine find out."""
    conversation: str = ""
    """Whose turn it is: one recording of each is heard at a time."""
    spoken_before: str | None = None
    """The language that they spoke last: likely again, and taken for that of typed words."""
    max_text_chars: int = 4_000
    """Longest transcript."""
    limits: Limits = field(default_factory=Limits)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have work in it: typed text needs no speech-to-text engine, a given reply no chat model."""
        heard: tuple[Stage, ...] = ("stt",) if self.utterance and self.utterance.audio is not None else ()
        thought: tuple[Stage, ...] = ("llm",) if self.reply is None else ()
        return (*heard, *thought) if self.silent else (*heard, *thought, "tts")


class Pipeline:
    """The two worker threads of one turn and the channels between them."""

    def __init__(self, request: TurnRequest, engines: Engines, cancel: CancelToken, deadlines: Deadlines) -> None:
        self.parts: Channel[Part] = Channel(PARTS_AHEAD)
        self.cancel = cancel
        self.deadlines = deadlines
        self._request, self._engines = request, engines
        self._persona = request.persona
        """Who answers, with the language of the answer once that is settled."""
        self._settled = threading.Event()
        self._sentences: Channel[Sentence] = Channel(SENTENCES_AHEAD)
        self._guard = threading.Lock()
        self._workers: dict[str, Callable[[], None]] = {_UNDERSTAND: self._understand_and_write}
        if not request.silent:
            self._workers[_SYNTHESIZE] = self._synthesize
        self._running = set(self._workers)
        self._place: Place | None = None
        """Where the recording is heard."""
        self._idle = threading.Event()
        """Set when no worker runs that was not given up."""

    def start(self) -> None:
        """Begin; a worker whose thread cannot be started has failed."""
        self.cancel.on_cancel(lambda: self._sentences.close(discard=True))
        self.cancel.on_cancel(lambda: self.parts.close(discard=True))
        self.cancel.on_cancel(self._settled.set)
        for name in self._workers:
            try:
                threading.Thread(target=self._run, args=(name,), name=f"{name}-{self._request.turn_id}", daemon=True).start()
            except RuntimeError as error:
                log.error("turn %s: %s", self._request.turn_id, error)
                message = "The answer could not be begun: this machine has no more threads for it. Close other programs, then try again."
                self._put(name, EngineError(message, code="no_threads", retryable=True))
                self._leave(name)

    def close(self) -> None:
        """Cancel what still runs, for nobody reads the events any more. Never blocks."""
        self.cancel.cancel()
        if not self._idle.is_set():  # nobody looks at the deadlines any more, and a step that hangs must still be ended
            threading.Thread(target=self._watch_the_rest, name=f"watch-{self._request.turn_id}", daemon=True).start()

    def give_up_expired(self) -> EngineError | None:
        """End the engine whose step has expired, or leave its thread behind: what it still does is thrown away. The error of that step."""
        if not (step := self.deadlines.expired()):
            return None
        log.error("turn %s: %s: %s", self._request.turn_id, step.timeout_error.stage, step.timeout_error.message)
        self._leave(step.worker)
        if self._place and step.worker == _UNDERSTAND:
            self._place.leave()
        if isinstance(step.engine, Killable):
            step.engine.kill()
        return step.timeout_error

    def _watch_the_rest(self) -> None:
        while not self._idle.wait(self.deadlines.watch_every_s):
            self.give_up_expired()

    def _run(self, name: str) -> None:
        try:
            self._workers[name]()
        finally:
            self._leave(name)

    def _leave(self, name: str) -> None:
        """A worker is through, or given up. With the last one the turn ends."""
        with self._guard:
            self._running.discard(name)
            last = not self._running
        self._sentences.close(discard=name == _SYNTHESIZE)
        self._settled.set()
        if last:
            self._idle.set()
            self.parts.close()

    def _is_over(self, name: str) -> bool:
        """Whether a worker need not go on: the turn was cancelled, or the worker given up."""
        return self.cancel.cancelled or name not in self._running

    def _put(self, name: str, part: Part) -> bool:
        """Report something, unless this worker was given up meanwhile."""
        return name in self._running and self.parts.put(part)

    def _put_sentence(self, sentence: Sentence) -> None:
        if not self._request.silent:
            self._sentences.put(sentence)

    def _understand_and_write(self) -> None:
        """Transcribe, ask the model, cut its reply into sentences."""
        request = self._request
        words = self._question() if request.utterance else ""
        self._settled.set()
        language = self._persona.language
        limiter = ReplyLimiter(language, request.persona.max_sentences) if request.reply is None else None
        writer = ReplyWriter(
            language, limiter, lambda text: self._put(_UNDERSTAND, text), self._put_sentence, speed=self._speed, name=self._persona.name
        )
        what = "The language model stopped with an error"
        with self._reporting(_UNDERSTAND, ChatModelError, what), closing(self._reply(words)) as reply:
            for text in reply:
                if self._is_over(_UNDERSTAND):
                    return
                writer.write(text)
                if limiter and limiter.over:
                    break
            if limiter and limiter.broken_off:
                message = "The answer did not come to an end and was cut off. Ask again, or choose another model."
                raise ChatModelError(message, code="reply_too_long", retryable=True)
        with self._reporting(_UNDERSTAND, ChatModelError, what):
            writer.finish()  # also what was written before a failure is spoken

    def _speed(self) -> Speed | None:
        return SPEEDS.of(self._engines.tts.info.name)

    def _reply(self, words: str) -> Generator[str]:
        """The reply as it is written, well-formed and bounded."""
        if self._request.reply is not None:
            yield well_formed(self._request.reply)
            return
        if not words or self._is_over(_UNDERSTAND):
            return
        room, empty, joiner = MAX_REPLY_CHARACTERS, True, SurrogateJoiner()
        with closing(self._deltas(words)) as deltas:
            for delta in deltas:
                empty = empty and not delta.text.strip()
                yield joiner.push(delta.text[:room])
                room -= len(delta.text)
                if room < 0:
                    message = f"The answer was longer than {MAX_REPLY_CHARACTERS} characters and was cut off there. Ask for a shorter one."
                    raise ChatModelError(message, code="reply_too_long", retryable=True)
        yield joiner.finish()
        if empty and not self.cancel.cancelled:
            message = f"{self._engines.llm.info.title} answered nothing; ask again or choose another model."
            raise ChatModelError(message, code="empty_reply", retryable=True)

    def _deltas(self, words: str) -> Generator[TextDelta]:
        request, llm = self._request, self._engines.llm
        message = f"{llm.info.title} fell silent. Ask again, or choose another model."
        late = ChatModelError(message, code="timeout", retryable=True, counts_against_engine=True)
        engine = opened(llm, self.deadlines, _UNDERSTAND, request.limits.load)
        messages = messages_for(self._persona, request.history, words)
        steps = self.deadlines.steps(_UNDERSTAND, request.limits.llm, late, lambda: engine.stream(messages, self._persona), engine)
        with closing(steps):
            yield from itertools.islice(steps, _MAX_DELTAS)

    def _question(self) -> str:
        """The user's words; empty after a failure, which is reported."""
        utterance = self._request.utterance
        if utterance is None or utterance.audio is None:
            before, text = self._request.spoken_before, well_formed((utterance.text or "") if utterance else "")
            told = written_in(text, [tag for tag in (before, self._persona.language) if tag])
            return self._understood(Transcript(text, told), told or before)
        with self._reporting(_UNDERSTAND, SpeechToTextError, "The recording could not be understood"):
            transcript = self._transcribed(utterance.audio)
            return self._understood(transcript, transcript.language)
        return ""

    def _understood(self, transcript: Transcript, language: str | None) -> str:
        """Settle in which language the persona answers, and report both; the words."""
        self._persona, notices = answering(self._request.persona, language, self._engines)
        self._put(_UNDERSTAND, Understood(transcript, self._persona.language, notices))
        return transcript.text

    def _transcribed(self, audio: AudioChunk) -> Transcript:
        """The words of a recording, never empty."""
        request, stt = self._request, self._engines.stt
        message = f"{stt.info.title} did not come to an end with that recording."
        late = SpeechToTextError(message, code="timeout", retryable=True, counts_against_engine=True)
        engine = opened(stt, self.deadlines, _UNDERSTAND, request.limits.load)
        limit_s = request.limits.stt + audio.duration_ms / 1000
        given = (audio, request.input_language, priors_of(request.persona, request.spoken_before), self.cancel)
        with stt.queue.enter(request.conversation, self.cancel) as self._place:
            if not self._place.is_held:
                raise not_wanted()
            transcript = self.deadlines.step(_UNDERSTAND, limit_s, late, lambda: engine.transcribe(*given), engine)
        transcript = Transcript(well_formed(transcript.text), transcript.language)
        if not transcript.text.strip():
            message = "No words could be made out in that recording; speak a little closer to the microphone."
            raise SpeechToTextError(message, code="no_words", retryable=True)
        if len(transcript.text) > request.max_text_chars:
            message = f"That recording became more than {request.max_text_chars} characters of text; please record a shorter one."
            raise SpeechToTextError(message, code="too_long")
        return transcript

    def _synthesize(self) -> None:
        """Synthesize every sentence, with its mouth."""
        request, what = self._request, "The voice stopped with an error; the text of the answer remains"
        self._settled.wait()
        spoken = segments(
            self._sentences, self._persona, self._engines.tts, deadlines=self.deadlines, worker=_SYNTHESIZE, limits=request.limits
        )
        with self._reporting(_SYNTHESIZE, TextToSpeechError, what), closing(spoken):
            for segment in spoken:
                if self._is_over(_SYNTHESIZE) or not self._put(_SYNTHESIZE, segment):
                    return

    @contextmanager
    def _reporting(self, name: str, kind: type[EngineError], what: str) -> Iterator[None]:
        """Whatever is raised inside becomes a failure of the turn, the panics of compiled libraries (no `Exception`) included."""
        try:
            yield
        except BaseException as error:
            self._report(name, error, kind, what)

    def _report(self, name: str, error: BaseException, kind: type[EngineError], what: str) -> None:
        if not isinstance(error, EngineError):
            log.error("turn %s: %s", self._request.turn_id, what, exc_info=error)
            then = "Try again; if it happens again, the terminal that the app runs in says why."
            code = "crashed"
            if isinstance(error, MemoryError):
                then, code = "There is not enough memory for it: choose a smaller model, or close other programs.", "out_of_memory"
            error = kind(f"{what}. {then}", code=code, retryable=True, counts_against_engine=True)
        elif not self.cancel.cancelled:
            log.warning("turn %s: %s: %s", self._request.turn_id, error.stage, well_formed(error.message))
        self._put(name, error)

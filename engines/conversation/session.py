"""One person's conversation: who they talk with, what was said, the turn that is running, and how much of it was really heard."""

from __future__ import annotations

import logging
import re
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from engines.audio import require_sound
from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Limits
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.journal import Journal
from engines.conversation.turn import TurnRequest, failed, run_turn
from engines.errors import AudioError, EngineError, InputError
from engines.events import SegmentReady, TranscriptReady, TurnCompleted, TurnEnded, TurnEvent, TurnFailed, TurnInterrupted
from engines.registry.registry import Engines, Registry
from engines.types import ChatMessage, Persona, Utterance, WordTiming

log = logging.getLogger(__name__)

_TURN_ID = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a reply was heard when it was cut off."""

    turn_id: str
    index: int
    """The segment that was playing; -1 if none was."""
    ms: float
    """How much of it, in ms."""


@dataclass(slots=True)
class _Exchange:
    """One turn as the conversation remembers it; the sound itself is let go."""

    turn_id: str
    question: str = ""
    answer: str = ""
    pieces: list[tuple[str, tuple[WordTiming, ...]]] = field(default_factory=list)
    heard: Heard | None = None
    cancel_token: CancelToken = field(default_factory=CancelToken)

    def follow(self, event: TurnEvent) -> None:
        """Remember what an event of this turn adds to the conversation."""
        match event:
            case TranscriptReady():
                self.question = event.transcript.text
            case SegmentReady():
                self.pieces.append((event.segment.text, event.segment.timeline.words))
            case TurnCompleted() | TurnFailed() if self.heard is None:
                self.answer = event.text
            case TurnInterrupted() if self.heard is None:
                self.answer = "".join(text for text, _ in self.pieces)

    def cut(self, heard: Heard) -> None:
        """Keep of the answer what was heard by then."""
        self.heard = heard
        whole = "".join(text for text, _ in self.pieces[: max(heard.index, 0)])
        begun = self.pieces[heard.index][1] if 0 <= heard.index < len(self.pieces) else ()
        last = "".join(word.text for word in begun if word.start_ms + word.duration_ms / 2 <= heard.ms)
        self.answer = (whole + last).rstrip()

    def messages(self) -> Iterator[ChatMessage]:
        if self.question:
            yield ChatMessage("user", self.question)
        if self.answer.strip():
            yield ChatMessage("assistant", self.answer)


class Session:
    """Belongs to one browser tab or API client; every method may be called from any thread."""

    def __init__(self, registry: Registry, book: PersonaBook, settings: Settings, journal: Journal) -> None:
        self._registry, self._book, self._settings, self._journal = registry, book, settings, journal
        self._limits = Limits(settings.stt_timeout_s, settings.llm_timeout_s, settings.tts_timeout_s)
        self._guard = threading.Lock()
        self._exchanges: list[_Exchange] = []
        self._stopped: deque[str] = deque(maxlen=32)
        self._persona = book.first(settings.persona)

    @property
    def persona(self) -> Persona:
        """Who is being talked with, as the persona file describes them now."""
        people = self._book.all()
        if self._persona.id in people:  # else they have just been deleted from the file: the conversation goes on with them
            self._persona = people[self._persona.id]
        return self._persona

    def history(self) -> tuple[ChatMessage, ...]:
        """What was said and heard so far, oldest first."""
        with self._guard:
            return self._messages()

    def answer(self, utterance: Utterance, turn_id: str = "", heard: Heard | None = None) -> Iterator[TurnEvent]:
        """Answer what the user said. A turn that is still running is interrupted first; `heard` says how much of it was heard.

        What cannot be used (no words, silence, too long) becomes a `TurnFailed`, never an exception.
        """
        turn_id = _usable(turn_id)
        self.stop(heard)
        self.stop()
        try:
            self._check(utterance)
        except EngineError as error:
            return iter([failed(turn_id, error)])
        exchange, persona, history = self._begin(turn_id)
        language = {"persona": persona.language, "auto": None}.get(self._settings.stt_language, self._settings.stt_language)
        return self._run(exchange, TurnRequest(turn_id, persona, utterance, history, input_language=language, limits=self._limits))

    def greet(self, turn_id: str = "") -> Iterator[TurnEvent]:
        """Let the persona speak first."""
        turn_id = _usable(turn_id)
        exchange, persona, _ = self._begin(turn_id)
        return self._run(exchange, TurnRequest(turn_id, persona, None, reply=persona.greeting, limits=self._limits))

    def stop(self, heard: Heard | None = None) -> None:
        """End the turn that `heard` names and remember of its answer only what was heard; without `heard`, end whatever runs.

        A turn may be stopped before it has begun: its id is remembered. Never blocks.
        """
        with self._guard:
            for exchange in self._exchanges:
                if heard is None or heard.turn_id == exchange.turn_id:
                    exchange.cancel_token.cancel()
                    if heard is not None:
                        exchange.cut(heard)
            if heard is not None and _TURN_ID.fullmatch(heard.turn_id):
                self._stopped.append(heard.turn_id)

    def clear(self) -> None:
        """Forget the conversation; the persona stays."""
        with self._guard:
            self._forget()

    def switch(self, persona_id: str) -> Persona:
        """Talk with somebody else, from the beginning.

        Raises:
            InputError: nobody is called that; says who there is.
        """
        persona = self._book.get(persona_id)
        with self._guard:
            self._forget()
            self._persona = persona
        return persona

    def _forget(self) -> None:
        for exchange in self._exchanges:
            exchange.cancel_token.cancel()
        self._exchanges = []

    def _messages(self) -> tuple[ChatMessage, ...]:
        return tuple(message for exchange in self._exchanges for message in exchange.messages())

    def _begin(self, turn_id: str) -> tuple[_Exchange, Persona, tuple[ChatMessage, ...]]:
        """End what runs and take up a turn in one step, so that whatever comes next (stop, clear, another turn) finds it; what it knows."""
        exchange, count = _Exchange(turn_id), self._settings.history_messages
        with self._guard:
            for running in self._exchanges:
                running.cancel_token.cancel()
            if turn_id in self._stopped:
                exchange.cancel_token.cancel()
            while self._exchanges and (len(self._messages()) > count or len(self._exchanges) > max(count, 1)):
                # half at once: as long as the beginning stays the same, a model need not read it again
                self._exchanges = self._exchanges[(len(self._exchanges) + 1) // 2 :]
            history = self._messages()
            self._exchanges = [*self._exchanges, exchange]
            return exchange, self.persona, history

    def _check(self, utterance: Utterance) -> None:
        if utterance.audio is not None:
            if utterance.audio.duration_ms > self._settings.max_utterance_ms:
                seconds, limit = utterance.audio.duration_ms / 1000, self._settings.max_utterance_ms / 1000
                raise AudioError(f"That recording lasts {seconds:.0f} seconds; please keep it under {limit:.0f}.", code="too_long")
            require_sound(utterance.audio)
            return
        text = utterance.text or ""
        if not text.strip():
            raise InputError("Type or say something first.", code="empty")
        if len(text) > self._settings.max_text_chars:
            message = f"That message has {len(text)} characters; please keep it under {self._settings.max_text_chars}."
            raise InputError(message, code="too_long")

    def _run(self, exchange: _Exchange, request: TurnRequest) -> Iterator[TurnEvent]:
        try:
            engines = self._registry.engines(request.persona.language)
        except EngineError as error:
            yield failed(request.turn_id, error)
            return
        for event in run_turn(request, engines, exchange.cancel_token):
            with self._guard:
                exchange.follow(event)
            if isinstance(event, TurnEnded):
                self._note(event, request.persona.id, engines)
            yield self._judged(event, request, engines)

    def _judged(self, event: TurnEvent, request: TurnRequest, engines: Engines) -> TurnEvent:
        """The same event; where it tells of a failure that costs an engine its place, its message says so."""
        if isinstance(event, TurnCompleted):
            self._registry.record_success(engines, request.stages)
        elif isinstance(event, TurnFailed) and (news := self._registry.record_failure(engines, event)):
            return replace(event, message=f"{event.message} {news}")
        return event

    def _note(self, end: TurnEnded, persona: str, engines: Engines) -> None:
        try:
            self._journal.write(end, persona, engines)
        except OSError:
            log.exception("turn %s: the journal cannot be written", end.turn_id)


def _usable(turn_id: str) -> str:
    """The id that a client gave its turn, or a new one in place of what is no id."""
    return turn_id if _TURN_ID.fullmatch(turn_id) else secrets.token_hex(8)


class Sessions:
    """All conversations of this process, each reachable only by its own id; the one unused for longest makes room."""

    def __init__(self, registry: Registry, book: PersonaBook, settings: Settings) -> None:
        self._make = partial(Session, registry, book, settings, Journal(settings.journal))
        self._limit = settings.max_sessions
        self._guard = threading.Lock()
        self._open: OrderedDict[str, Session] = OrderedDict()

    def get(self, session_id: str) -> Session:
        """The conversation with that id, begun if it is new."""
        with self._guard:
            if session_id not in self._open:
                while len(self._open) >= self._limit:
                    self._open.popitem(last=False)[1].stop()
                self._open[session_id] = self._make()
            self._open.move_to_end(session_id)
            return self._open[session_id]

    def close(self, session_id: str) -> None:
        """End a conversation and free everything it holds; unknown ids are ignored."""
        with self._guard:
            session = self._open.pop(session_id, None)
        if session is not None:
            session.stop()

    def __len__(self) -> int:
        return len(self._open)

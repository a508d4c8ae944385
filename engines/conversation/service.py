"""Application service: every use case of a conversation once. The page, the command line and the API are thin adapters over it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator

from engines.audio import decode, require_sound
from engines.config.personas import MOODS, PersonaBook
from engines.config.settings import Settings
from engines.conversation.conversation import Conversation, ConversationStore, PlaybackPosition
from engines.conversation.journal import Journal
from engines.conversation.session import TURN_ID, Adjustment, RunningTurn, Session, Sessions
from engines.conversation.single_turns import SingleTurns
from engines.conversation.speculation import SpeculativeTurn
from engines.conversation.status import EngineOrder, ServiceStatus, stage_status
from engines.conversation.turn import TurnRequest, failed, judged
from engines.errors import AudioError, ConfigError, EngineError, InputError
from engines.events import TurnEnded, TurnEvent
from engines.registry.registry import Engines, Registry
from engines.storage.memory import MemoryStore
from engines.text.surrogates import well_formed
from engines.types import STAGES, AudioChunk, ChatMessage, Persona, Utterance
from engines.voices.tempo import FASTEST, SLOWEST

log = logging.getLogger(__name__)


class ConversationService:
    """All conversations of this process; every method may be called from any thread.

    A client is known by a session id that it keeps to itself. Whatever it does wrong becomes a `TurnFailed`, never an exception, where a
    turn is what it asked for. Only for a client that is new there may be no room: an InputError with the code ``full``.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        book: PersonaBook,
        store: ConversationStore | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody talks yet.

        Args:
            settings: limits, time-outs, who greets first.
            registry: the engines.
            book: the personas.
            store: where conversations are kept; None keeps them in memory.
            clock: counts the seconds that conversations are idle.
        """
        self.settings = settings
        self._registry, self._book = registry, book
        self.single = SingleTurns(settings, registry, book)
        """What can be asked for without a session."""
        self.on_turn_end: list[Callable[[TurnEnded], None]] = []
        """Told of every turn of a conversation that has ended."""
        self._journal = Journal(settings.journal)
        self._sessions = Sessions(
            settings.max_sessions, store or MemoryStore[Conversation](settings.max_sessions), lambda: book.first(settings.persona), clock
        )

    # ---- a conversation

    def greet(self, session_id: str, turn_id: str = "") -> Iterator[TurnEvent]:
        """Let the persona speak first."""
        session = self._open(session_id)
        turn = session.begin(_usable(turn_id))
        return self._run(
            session, turn, TurnRequest(turn.turn_id, turn.persona, None, reply=turn.persona.greeting, limits=self.settings.limits)
        )

    def say(self, session_id: str, text: str, turn_id: str = "", position: PlaybackPosition | None = None) -> Iterator[TurnEvent]:
        """Answer a typed message."""
        return self.answer(session_id, lambda: Utterance(text=text), turn_id, position)

    def hear(
        self, session_id: str, recording: AudioChunk | bytes, turn_id: str = "", position: PlaybackPosition | None = None
    ) -> Iterator[TurnEvent]:
        """Answer a recording: sound, or the bytes of an audio file of any common format."""

        def utterance() -> Utterance:
            if isinstance(recording, bytes):
                return Utterance(audio=decode(recording, max_ms=self.settings.max_utterance_ms))
            return Utterance(audio=recording)

        return self.answer(session_id, utterance, turn_id, position)

    def answer(
        self,
        session_id: str,
        utterance: Callable[[], Utterance],
        turn_id: str = "",
        position: PlaybackPosition | None = None,
        persona_id: str = "",
    ) -> Iterator[TurnEvent]:
        """Answer what the user typed or said. A turn that is still running is interrupted first.

        Args:
            session_id: whose conversation it is.
            utterance: makes what the user handed over; what it raises, and what cannot be used (no words, silence, too long), becomes a
                `TurnFailed`.
            turn_id: what the client calls this turn; it gets an id where that is none.
            position: how far the interrupted turn was heard, as far as it is known by now; `stop` may correct it a moment later.
            persona_id: who is spoken to, where the client knows; should it be another than who is on stage here, they change.

        Returns:
            The turn's events, as they happen.

        Raises:
            InputError: there is no room for another conversation (code ``full``).
        """
        turn_id, session = _usable(turn_id), self._open(session_id)
        if persona_id != session.persona.id and (called := self._book.all().get(persona_id)):
            session.forget(called)
        try:
            given = utterance()
            self._check(given)
        except EngineError as error:
            session.interrupt(position)
            return iter([failed(turn_id, error)])
        turn = session.begin(turn_id, position)
        return self._run(session, turn, self._request(session, turn_id, turn.persona, given))

    def speculate(self, session_id: str, recording: AudioChunk, *, only_hear: bool) -> SpeculativeTurn:
        """Begin to answer what may not be finished yet; nobody hears it and nothing is remembered until `take_up`.

        Args:
            session_id: whose conversation it is.
            recording: the utterance so far.
            only_hear: let the chat model wait until then.

        Raises:
            EngineError: it cannot be used, or no engine can work here.
        """
        session, given = self._open(session_id), Utterance(audio=recording)
        self._check(given)
        request = self._request(session, secrets.token_hex(8), session.persona, given)
        return SpeculativeTurn(session.persona, request, self._engines_for(request), only_hear=only_hear)

    def take_up(self, session_id: str, guess: SpeculativeTurn) -> Iterator[TurnEvent]:
        """Let a speculative turn count: it interrupts what is running and becomes the session's turn."""
        session = self._open(session_id)
        session.begin(guess.turn_id, turn=guess)
        guess.take_up()
        return self._run(session, guess, guess.request, guess.engines)

    def stop(self, session_id: str, position: PlaybackPosition | None = None) -> None:
        """End the turn that `position` names and remember of its answer only what was heard; without `position`, end whatever runs.

        May come before the turn has begun, while it runs, and after the next one has begun. Never blocks.
        """
        session = self._sessions.get(session_id)
        if position is None:
            session.interrupt()
        else:
            session.stop(position)

    def clear(self, session_id: str) -> None:
        """Forget the conversation; the persona stays. Until something is said, `recall` undoes it."""
        self._sessions.get(session_id).forget()

    def recall(self, session_id: str) -> bool:
        """Undo `clear`; whether that was still possible."""
        return self._sessions.get(session_id).recall()

    def switch(self, session_id: str, persona_id: str) -> Persona:
        """Talk with somebody else, from the beginning.

        Raises:
            InputError: nobody is called that (code ``unknown_persona``); says who there is.
        """
        persona = self._book.get(persona_id)
        self._sessions.get(session_id).forget(persona)
        return persona

    def adjust(
        self,
        session_id: str,
        persona_id: str | None = None,
        *,
        voice: str | None = None,
        speed: float | None = None,
        mood: str | None = None,
    ) -> Persona:
        """Change who is talked with, which ends the conversation, and how they speak and look, until somebody else is talked with.

        Args:
            session_id: whose conversation it is.
            persona_id: who; None stays with whoever it is.
            voice: an id of the voice engine's.
            speed: 0.5 to 2; 1 is the voice's own.
            mood: one of `MOODS`.

        Raises:
            InputError: code ``unknown_persona``, ``unknown_mood`` or ``bad_speed``.
        """
        if mood is not None and mood not in MOODS:
            raise InputError(f"There is no such mood; choose one of: {', '.join(MOODS)}.", code="unknown_mood")
        if speed is not None and not SLOWEST <= speed <= FASTEST:
            raise InputError(f"That speed is none; choose one from {SLOWEST:g} to {FASTEST:g}.", code="bad_speed")
        session = self._open(session_id)
        if persona_id and persona_id != session.persona.id:
            self.switch(session_id, persona_id)
        voices = tuple((info.name, voice) for info in self._registry.infos("tts")) if voice else None
        session.adjust(Adjustment(voices, speed, mood))
        return session.persona

    def persona(self, session_id: str) -> Persona:
        """Who is being talked with, as the persona file describes them now."""
        return self._open(session_id).persona

    def conversation(self, session_id: str) -> Conversation:
        """What was said and heard so far."""
        return self._sessions.get(session_id).conversation

    def leave(self, session_id: str) -> None:
        """The client is gone: end its turn and forget its conversation; unknown ids are ignored."""
        self._sessions.close(session_id)

    # ---- the engines and the service itself

    def status(self) -> ServiceStatus:
        """Who can be talked with, which engines work, and what the service takes."""
        people = self._book.all()  # first: reading the file finds out what is wrong with it
        return ServiceStatus(
            personas=tuple(people.values()),
            first=self._book.first(self.settings.persona),
            personas_problem=self._book.problem,
            stages=tuple(stage_status(self._registry, stage) for stage in STAGES),
            max_utterance_ms=self.settings.max_utterance_ms,
            max_text_chars=self.settings.max_text_chars,
            max_upload_mb=self.settings.max_upload_mb,
        )

    def order(self, order: EngineOrder, *, choosable: bool) -> None:
        """Choose an engine, stop a download, or try again what failed; for everybody.

        Args:
            order: what is wanted.
            choosable: whether the client that wants it may choose engines; any may have one tried again that was set aside.

        Raises:
            ConfigError: it may not do that.
            EngineError: there is no such engine, it cannot work here, or that is no name of a model.
        """
        if not choosable and order.action == "retry":
            self._registry.retry_set_aside(order.stage)  # which is good for everybody
            return
        if not choosable:
            raise ConfigError("Here only whoever started the app chooses the engines.")
        match order.action:
            case "choose":
                self._registry.choose(order.stage, order.selection, keep=order.keep)
            case "stop":
                self._registry.stop(order.stage, order.selection or None)
            case "retry":
                self._registry.retry(order.stage)
            case "yes" | "no" | "later" as answer:
                self._registry.answer(order.stage, order.selection, answer)

    def prepare(self) -> None:
        """Load what the first turn needs, then better engines; may take minutes, never raises."""
        self._registry.prepare()

    def wait_for_first(self, timeout_s: float) -> None:
        """Wait until `prepare` has loaded what the first turn needs, at most so long."""
        self._registry.wait_for_first(timeout_s)

    def close(self) -> None:
        """End every turn, download and engine."""
        self._sessions.close_all()
        self._registry.close()

    def __len__(self) -> int:
        return len(self._sessions)

    def _open(self, session_id: str) -> Session:
        """The session, with the persona as the file describes them now; who was deleted from the file stays on stage."""
        session, people = self._sessions.get(session_id), self._book.all()
        if newest := people.get(session.persona.id):
            session.update(newest)
        return session

    def _check(self, utterance: Utterance) -> None:
        if utterance.audio is not None:
            if utterance.audio.duration_ms > self.settings.max_utterance_ms:
                seconds, limit = utterance.audio.duration_ms / 1000, self.settings.max_utterance_ms / 1000
                raise AudioError(f"That recording lasts {seconds:.0f} seconds; please keep it under {limit:.0f}.", code="too_long")
            require_sound(utterance.audio)
            return
        text = well_formed(utterance.text or "")
        if not text.strip():
            raise InputError("Type or say something first.", code="empty")
        if len(text) > self.settings.max_text_chars:
            message = f"That message has {len(text)} characters; please keep it under {self.settings.max_text_chars}."
            raise InputError(message, code="too_long")

    def _request(self, session: Session, turn_id: str, persona: Persona, given: Utterance) -> TurnRequest:
        language = {"persona": persona.language, "auto": None}.get(self.settings.stt_language, self.settings.stt_language)

        def history() -> tuple[ChatMessage, ...]:
            conversation = session.conversation
            return conversation.window(self.settings.history_messages, before=turn_id if conversation.turn(turn_id) else None)

        return TurnRequest(
            turn_id,
            persona,
            given,
            history,
            conversation=session.id,
            input_language=language,
            spoken_before=session.conversation.language,
            max_text_chars=self.settings.max_text_chars,
            limits=self.settings.limits,
        )

    def _engines_for(self, request: TurnRequest) -> Engines:
        heard = request.input_language or request.persona.language  # the likeliest, where it is to be found out
        return self._registry.engines(request.persona.language, heard if "stt" in request.stages else None)

    def _run(self, session: Session, turn: RunningTurn, request: TurnRequest, engines: Engines | None = None) -> Iterator[TurnEvent]:
        try:
            engines = engines or self._engines_for(request)
        except EngineError as error:
            yield failed(request.turn_id, error)
            return
        for event in turn.events(request, engines):
            session.follow(event)
            if isinstance(event, TurnEnded):
                self._note(event, request.persona.id, engines)
            yield judged(event, request, engines, self._registry, session.id)

    def _note(self, end: TurnEnded, persona: str, engines: Engines) -> None:
        for tell in self.on_turn_end:
            tell(end)
        try:
            self._journal.write(end, persona, engines)
        except OSError as error:
            log.error("The journal %s cannot be written: %s", self.settings.journal, error.strerror)


def _usable(turn_id: str) -> str:
    """The id that a client gave its turn, or a new one in place of what is no id."""
    return turn_id if TURN_ID.fullmatch(turn_id) else secrets.token_hex(8)

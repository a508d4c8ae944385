"""Single turns, outside of any conversation that is kept here: a text read aloud, a recording transcribed, a chat that its client keeps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from engines.audio import require_sound
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.turn import TurnRequest, judged, run_turn
from engines.errors import InputError
from engines.events import TurnEvent
from engines.registry.registry import Registry
from engines.types import AudioChunk, ChatMessage, Persona, Utterance, Voice


class SingleTurns:
    """What can be asked for without a session; every method may be called from any thread. Closing the events ends the turn."""

    def __init__(self, settings: Settings, registry: Registry, book: PersonaBook) -> None:
        self._settings, self._registry, self._book = settings, registry, book

    def persona(self, name: str | None, *, speed: float = 1.0) -> Persona:
        """Who speaks: a persona by their id, or the first persona in a voice of the engine's.

        Raises:
            InputError: code ``unknown_persona``: it is neither.
        """
        people = self._book.all()
        first = self._book.first(self._settings.persona)
        person = people.get(name or "") or (first if not name or name in {voice.id for voice in self.voices()} else None)
        if person is None:
            raise InputError(
                f"There is nobody and no voice called {str(name)[:80]!r}; choose one of: {', '.join(people)}.", code="unknown_persona"
            )
        voices = person.voices if not name or name in people else tuple((info.name, name) for info in self._registry.infos("tts"))
        return replace(person, voices=voices, speed=min(max(person.speed * speed, 0.5), 2.0))

    def voices(self) -> Sequence[Voice]:
        """The voices of the engine that speaks."""
        return self._registry.engines(self._book.first(self._settings.persona).language).tts.open().voices()

    def read_aloud(self, turn_id: str, text: str, persona: Persona, client: str) -> Iterator[TurnEvent]:
        """A text in somebody's voice.

        Raises:
            InputError: code ``empty`` or ``too_long``.
            ConfigError: no engine can work here.
        """
        self._require(text)
        return self._run(TurnRequest(turn_id, persona, None, reply=text, conversation=client, limits=self._settings.limits))

    def transcribe(self, turn_id: str, recording: AudioChunk, language: str | None, client: str) -> Iterator[TurnEvent]:
        """The words of a recording, as a `TranscriptReady`.

        Args:
            turn_id: its name.
            recording: the sound.
            language: what is spoken (BCP 47); None lets the engine find out.
            client: whose recording it is: one of each is heard at a time.

        Raises:
            AudioError: it is too short, or silent.
            ConfigError: no engine can work here.
        """
        require_sound(recording)
        persona, settings = self._book.first(self._settings.persona), self._settings
        said = Utterance(audio=recording)
        request = TurnRequest(
            turn_id, persona, said, reply="", silent=True, input_language=language, conversation=client, limits=settings.limits
        )
        return self._run(replace(request, max_text_chars=settings.max_text_chars))

    def complete(self, turn_id: str, messages: Sequence[ChatMessage], persona: Persona, client: str) -> Iterator[TurnEvent]:
        """Somebody's answer to the last message, as text.

        Raises:
            InputError: code ``empty`` or ``too_long``: of the last message, which must be the user's.
            ConfigError: no engine can work here.
        """
        *before, last = messages or [ChatMessage("assistant", "")]
        if last.role != "user":
            raise InputError("The last message must be the user's.", code="no_question")
        self._require(last.content)
        history = tuple(before)[-self._settings.history_messages :] if self._settings.history_messages else ()
        said = Utterance(text=last.content)
        return self._run(TurnRequest(turn_id, persona, said, history, silent=True, conversation=client, limits=self._settings.limits))

    def _require(self, text: str) -> None:
        if not text.strip():
            raise InputError("There is no text.", code="empty")
        if len(text) > self._settings.max_text_chars:
            message = f"That text has {len(text)} characters; please keep it under {self._settings.max_text_chars}."
            raise InputError(message, code="too_long")

    def _run(self, request: TurnRequest) -> Generator[TurnEvent]:
        engines = self._registry.engines(request.persona.language, request.input_language or request.persona.language)
        with closing(run_turn(request, engines)) as events:
            for event in events:
                yield judged(event, request, engines, self._registry, request.conversation)

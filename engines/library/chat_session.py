"""Chat session: a conversation with a persona for programs, blocking or streaming; and a speech-to-speech pipeline from file to file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engines.audio import decode
from engines.config.personas import PersonaBook
from engines.config.settings import Settings, load_settings
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.events import TurnEvent
from engines.library.preparation import Tell, prepared
from engines.library.reply import Reply, reply_of, save
from engines.registry.registry import Registry
from engines.types import STAGES, AudioChunk, ChatMessage, Persona, Stage

Said = str | Path | bytes | AudioChunk
"""What a user hands over: words; an audio file of any common format, or its bytes; sound."""


class ChatSession:
    """A conversation with one persona; as a context manager it ends itself. One thread at a time may talk.

    The engines are those that the app would use, got ready, and fetched if they must be, before the first turn that needs them.
    """

    def __init__(
        self,
        persona: str | None = None,
        *,
        voice: str | None = None,
        system_prompt: str | None = None,
        profile: Path | None = None,
        tell: Tell = lambda _: None,
        **settings: Any,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            persona: an id of `personas.yaml`; None is the first person in it.
            voice: an id of the voice engine's, in place of the persona's own.
            system_prompt: who the persona is, in place of what the file says.
            profile: a YAML file of settings.
            tell: is told in words while engines get ready.
            settings: by field, as `engines.config.settings` lists them: ``stt``, ``llm``, ``tts``, ``max_tokens`` …

        Raises:
            ConfigError: a setting, an engine or the persona file cannot be used.
            InputError: there is no such persona.
        """
        self.settings: Settings = load_settings(profile, persona=persona, **settings)
        self.registry = Registry(self.settings)
        self.registry.check()

        def changed(one: Persona) -> Persona:
            voices = tuple((info.name, voice) for info in self.registry.infos("tts")) if voice else one.voices
            return replace(one, voices=voices, prompt=system_prompt or one.prompt)

        book = PersonaBook(self.settings.personas_file, changed)
        if self.settings.persona:
            book.get(self.settings.persona)
        self._service = ConversationService(self.settings, self.registry, book)
        self._session_id, self._tell, self._prepared = secrets.token_hex(16), tell, set[Stage]()
        self.notices: list[str] = []
        """Sentences about engines that would have been better and cannot work here."""

    @property
    def persona(self) -> Persona:
        """Who is talked with."""
        return self._service.persona(self._session_id)

    @property
    def history(self) -> tuple[ChatMessage, ...]:
        """What was said so far, oldest first."""
        return self._service.conversation(self._session_id).window(1_000_000)

    def prepare(self, *stages: Stage) -> None:
        """Load the engines of these stages, or of all; later calls cost nothing.

        Raises:
            EngineError: one that was asked for by name cannot work here.
        """
        missing = [stage for stage in stages or STAGES if stage not in self._prepared]
        if missing:
            self.notices += prepared(self.registry, missing, self._tell)
            self._prepared.update(missing)

    def greet(self) -> Reply:
        """Let the persona speak first."""
        self.prepare("tts")
        return _spoken(self._service.greet(self._session_id))

    def send(self, said: Said) -> Reply:
        """Say something, and wait for the whole answer.

        Raises:
            EngineError: what was said cannot be used, or an engine failed before there was an answer.
        """
        return _spoken(self.stream(said))

    def stream(self, said: Said) -> Iterator[TurnEvent]:
        """Say something, and get the answer's events as they happen (`engines.events`); closing the iterator stops the answer.

        Raises:
            EngineError: an engine that was asked for by name cannot work here, or the file cannot be used.
        """
        if isinstance(said, str):
            self.prepare("llm", "tts")
            return self._service.say(self._session_id, said)
        self.prepare()
        recording = decode(said, max_ms=self.settings.max_utterance_ms) if isinstance(said, Path) else said
        return self._service.hear(self._session_id, recording)

    def clear(self) -> None:
        """Forget the conversation."""
        self._service.clear(self._session_id)

    def close(self) -> None:
        """End the engines; nothing can be said any more."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Answered:
    """Reply of a pipeline, and the files that were written."""

    reply: Reply
    wav: Path | None = None
    visemes: Path | None = None


class SpeechToSpeechPipeline:
    """Speech-to-speech pipeline: sound or text in; text, a WAV file and a JSON file of visemes out."""

    def __init__(self, session: ChatSession, folder: Path | None = None, *, audio: bool = True, visemes: bool = True) -> None:
        """Nothing is said yet.

        Args:
            session: the conversation that everything belongs to.
            folder: of ``response_YYYYMMDD_HHMMSS.wav`` and ``visemes_YYYYMMDD_HHMMSS.json``; None writes no files.
            audio: whether the sound is written.
            visemes: whether the timeline is written.
        """
        self.session, self._folder, self._audio, self._visemes = session, folder, audio, visemes

    def process_audio_file(self, path: Path) -> Answered:
        """Answer a recording.

        Raises:
            EngineError: it cannot be used, an engine failed, or nothing can be written.
        """
        return self.saved(self.session.send(path))

    def process_message(self, text: str) -> Answered:
        """Answer a typed message.

        Raises:
            EngineError: it cannot be used, an engine failed, or nothing can be written.
        """
        return self.saved(self.session.send(text))

    def saved(self, reply: Reply) -> Answered:
        """Write a reply's files.

        Raises:
            InputError: code ``unwritable``.
        """
        folder = self._folder
        if folder is None or not len(reply.audio.samples):
            return Answered(reply)
        stamp = time.strftime("%Y%m%d_%H%M%S")
        stamps = (stamp if number == 1 else f"{stamp}_{number}" for number in count(1))  # two answers within a second
        name = next(one for one in stamps if not any((folder / file).exists() for file in (f"response_{one}.wav", f"visemes_{one}.json")))
        wav = folder / f"response_{name}.wav" if self._audio else None
        visemes = folder / f"visemes_{name}.json" if self._visemes else None
        save(reply, wav, visemes)
        return Answered(reply, wav, visemes)


def _spoken(events: Iterator[TurnEvent]) -> Reply:
    reply = reply_of(events)
    if reply.failure and not reply.text:
        failure = reply.failure
        raise EngineError(failure.message, code=failure.code, retryable=failure.retryable)
    return reply

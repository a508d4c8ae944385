"""Synthesizer: text in a persona's voice, with visemes, without a conversation; and the mouth shapes of phonemes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from engines.concurrency.deadlines import Limits
from engines.config.personas import PersonaBook
from engines.config.settings import load_settings
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import InputError, TextToSpeechError
from engines.events import SegmentReady, TurnFailed
from engines.library.preparation import Tell, prepared
from engines.library.reply import Spoken, joined
from engines.lipsync.oculus import visemes_of
from engines.registry.registry import Engines, Registry
from engines.types import EngineInfo, Persona, SpeechSegment, VisemeName, Voice


class Synthesizer:
    """Text to speech with visemes, as the app would say it: the same engines, sentences, stage directions and people."""

    def __init__(self, persona: str | None = None, *, voice: str | None = None, tell: Tell = lambda _: None, **settings: Any) -> None:
        """Nothing is loaded yet.

        Args:
            persona: who speaks, an id of `personas.yaml`; None is the first person in it.
            voice: an id of the voice engine's, in place of the persona's own.
            tell: is told in words while the engine gets ready.
            settings: by field; ``tts`` names the engine, ``profile`` a YAML file of settings.

        Raises:
            ConfigError: a setting or the persona file cannot be used.
            InputError: there is no such persona.
        """
        self.settings = load_settings(settings.pop("profile", None), persona=persona, **settings)
        book = PersonaBook(self.settings.personas_file)
        self.persona: Persona = book.get(self.settings.persona) if self.settings.persona else book.first(None)
        self.registry = Registry(self.settings)
        self.registry.check()
        if voice:
            self.persona = replace(self.persona, voices=tuple((info.name, voice) for info in self.registry.infos("tts")))
        self._tell = tell
        self.notices: tuple[str, ...] | None = None
        """Sentences about engines that would have been better and cannot work here; None before anything was asked for."""

    def prepare(self) -> None:
        """Load the engine; later calls cost nothing.

        Raises:
            EngineError: the one that was asked for by name cannot work here.
        """
        if self.notices is None:
            self.notices = (*prepared(self.registry, ["tts"], self._tell), *self._engines().notices)

    def voices(self) -> tuple[Voice, ...]:
        """Every voice of the engine, the default first."""
        self.prepare()
        return tuple(self._engines().tts.open().voices())

    @property
    def engine(self) -> EngineInfo:
        """The engine that speaks now."""
        return self._engines().tts.info

    def segments(self, text: str) -> Iterator[SpeechSegment]:
        """Say a text, piece by piece; raises what `speak` raises."""
        self.prepare()
        yield from speak(text, self.persona, self._engines(), self.settings.limits)

    def say(self, text: str) -> Spoken:
        """Say a text as a whole; raises what `segments` raises."""
        return joined(list(self.segments(text)))

    def batch(self, texts: Iterable[str]) -> Iterator[Spoken | InputError | TextToSpeechError]:
        """Say many texts, one after the other; one that cannot be said is an error in its place, and the others go on."""
        for text in texts:
            try:
                yield self.say(text)
            except (InputError, TextToSpeechError) as error:
                yield error

    def close(self) -> None:
        """End the engine."""
        self.registry.close()

    def _engines(self) -> Engines:
        return self.registry.engines(self.persona.language)


def speak(text: str, persona: Persona, engines: Engines, limits: Limits) -> Iterator[SpeechSegment]:
    """A text in the persona's voice, by way of a turn: what the app would say of it, and how.

    Raises:
        InputError: code ``empty``: there are no words in it.
        TextToSpeechError: the voice failed.
    """
    silent = True
    for event in run_turn(TurnRequest("say", persona, None, reply=text, limits=limits), engines):
        if isinstance(event, TurnFailed):
            raise TextToSpeechError(event.message, code=event.code, retryable=event.retryable)
        if isinstance(event, SegmentReady):
            silent = False
            yield event.segment
    if silent:
        raise InputError("There are no words in that text to be said.", code="empty")


def visemes_of_phonemes(phonemes: Iterable[str]) -> tuple[VisemeName, ...]:
    """The mouth shapes of phonemes (IPA, as eSpeak NG and Kokoro write it), in order, equal neighbours once; ``""`` is a pause, ``sil``."""
    shapes: list[VisemeName] = []
    for phoneme in phonemes:
        shapes += [name for name in visemes_of(phoneme) if not shapes or shapes[-1] != name]
    return tuple(shapes)

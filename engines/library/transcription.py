"""Recognizer: speech to text for programs, with the times of words where they are asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engines.audio import require_sound
from engines.config.settings import load_settings
from engines.errors import SpeechToTextError
from engines.library.preparation import Tell, prepared
from engines.lipsync.forced_alignment import timed
from engines.registry.registry import Registry
from engines.types import AudioChunk, TimingSource, WordTiming


@dataclass(frozen=True, slots=True)
class Transcription:
    """Transcript of a recording, and when its words are said."""

    text: str
    language: str | None
    """BCP 47 tag, if the engine knows it."""
    duration_ms: float
    words: tuple[WordTiming, ...] = ()
    """In ms; empty where they were not asked for."""
    timing: TimingSource = "estimated"
    """Where the words' times come from."""

    def fields(self) -> dict[str, Any]:
        """The same for JSON."""
        words = [
            {"word": word.text.strip(), "start_ms": round(word.start_ms), "duration_ms": round(word.duration_ms)} for word in self.words
        ]
        about = {"text": self.text, "language": self.language, "duration_ms": round(self.duration_ms)}
        return {**about, **({"words": words, "timing": self.timing} if words else {})}

    def json(self) -> str:
        """The same as a JSON document."""
        return json.dumps(self.fields(), ensure_ascii=False, indent=1) + "\n"


class Recognizer:
    """Speech to text, by the engine that the app would use."""

    def __init__(self, *, language: str | None = None, tell: Tell = lambda _: None, **settings: Any) -> None:
        """Nothing is loaded yet.

        Args:
            language: the BCP 47 tag of what is spoken; None lets the engine find out.
            tell: is told in words while the engine gets ready.
            settings: by field; ``stt`` names the engine, ``profile`` a YAML file of settings.

        Raises:
            ConfigError: a setting cannot be used.
        """
        self.settings = load_settings(settings.pop("profile", None), **settings)
        self.registry = Registry(self.settings)
        self.registry.check()
        self._language, self._tell, self._prepared = language, tell, False

    def prepare(self) -> tuple[str, ...]:
        """Load the engine; later calls cost nothing. Sentences about engines that would have been better and cannot work here.

        Raises:
            EngineError: the one that was asked for by name cannot work here.
        """
        if self._prepared:
            return ()
        notices = prepared(self.registry, ["stt"], self._tell)
        self._prepared = True
        return notices

    def hear(self, audio: AudioChunk, *, words: bool = False) -> Transcription:
        """The words of a recording; with `words`, also when each is said.

        Raises:
            AudioError: it is too short, or silent.
            SpeechToTextError: the engine failed, or heard no words (code ``no_words``).
        """
        self.prepare()
        require_sound(audio)
        handle = self.registry.engines(input_language=self._language).stt
        transcript = handle.open().transcribe(audio, self._language)
        if not transcript.text.strip():
            raise SpeechToTextError(f"{handle.info.title} could make out no words in that recording.", code="no_words")
        language = transcript.language or self._language
        if not words:
            return Transcription(transcript.text, language, audio.duration_ms)
        aligned = timed(audio, transcript.text, language or "en")
        return Transcription(transcript.text, language, audio.duration_ms, aligned.words, aligned.timing)

    def close(self) -> None:
        """End the engine."""
        self.registry.close()

"""Protocols: the three kinds of engine, and the shape of an adapter module. All are synchronous: `turn.py` owns the threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from engines.types import AudioChunk, ChatMessage, EngineInfo, Persona, Speech, TextDelta, Transcript, Voice


class Cancellation(Protocol):
    """Whether something is still wanted: a `CancelToken`."""

    @property
    def cancelled(self) -> bool:
        """Whether it is not."""
        ...

    def on_cancel(self, callback: Callable[[], object], /) -> None:
        """Call back once, when it is not wanted any more, or now."""
        ...


@runtime_checkable
class SpeechToText(Protocol):
    """Speech-to-text engine."""

    def transcribe(
        self,
        audio: AudioChunk,
        language: str | None = None,
        priors: Mapping[str, float] | None = None,
        cancel: Cancellation | None = None,
    ) -> Transcript:
        """Turn a whole utterance (mono float32, any sample rate) into words; empty text when nothing was said.

        Args:
            audio: the utterance.
            language: the BCP 47 tag of what is spoken; None lets the engine find out, and the transcript says which it was, if it can.
            priors: languages that are more likely than others before anything is heard, by BCP 47 tag: how many times as likely.
            cancel: looked at between steps; what is cancelled ends with an error that nobody is shown.

        Raises:
            SpeechToTextError: the engine failed, or was not wanted any more (code ``cancelled``).
        """
        ...


@runtime_checkable
class ChatModel(Protocol):
    """Chat model: a language model that answers a conversation."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        """Answer the last message. `messages` begins with the system prompt; closing the iterator stops the engine within one step.

        Raises:
            ChatModelError: the engine failed.
        """
        ...


@runtime_checkable
class TextToSpeech(Protocol):
    """Text-to-speech engine with the times of what it says."""

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say speakable text in one or more pieces, in order, each with its own times from 0 ms.

        `voice` is an id from `voices()`; None is the engine's default. Closing the iterator stops the engine within one step.

        Raises:
            TextToSpeechError: unknown voice, or the engine failed.
        """
        ...

    def voices(self) -> Sequence[Voice]:
        """Every voice there is, the default first."""
        ...


@runtime_checkable
class Killable(Protocol):
    """Engine in a process of its own, beside one of the three protocols."""

    def kill(self) -> None:
        """End the process at once, whatever it does; never blocks. The step under way fails; the next call starts the engine again."""
        ...


class Adapter(Protocol):
    """Adapter module: what a file in `stt/`, `llm/` or `tts/` must hold. Heavy imports belong inside `load`.

    One that works with files of a model also holds ``files(options, device)``, which returns a `CatalogModel`, a `hub.Model` or None: these
    are fetched before `load` is called, with progress and a way to stop.
    """

    INFO: EngineInfo
    Options: type[Any]
    """A frozen dataclass with a default for every field."""

    def load(self, options: Any, device: str, folder: Path | None) -> SpeechToText | ChatModel | TextToSpeech:
        """Make the engine ready to work.

        Args:
            options: an `Options`.
            device: ``auto`` (what suits the engine best), ``cpu``, ``cuda`` or ``mps``.
            folder: with the files that `files` names; None where it names none.

        Raises:
            MissingDependency: a package is not installed.
            EngineError: anything else that keeps it from working.
        """
        ...

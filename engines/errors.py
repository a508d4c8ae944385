"""Exceptions: one class per stage; each says what happened, where, and what to do next, and whether it counts against the engine.

`message` is one plain sentence for the page; `code` is for programs; the cause is chained with ``raise … from``. Every error can be
pickled, so that an engine's process can hand it over.
"""

from __future__ import annotations

from typing import Any, ClassVar

LONGEST_MESSAGE = 1_000
"""Characters of a message: what is longer is no sentence, but somebody's file or a server's page."""


class EngineError(Exception):
    """Anything this package raises on purpose."""

    stage: ClassVar[str] = "engine"
    """Where it happened: ``stt``, ``llm``, ``tts``, ``audio``, ``config`` …"""

    def __init__(self, message: str, *, code: str, retryable: bool = False, counts_against_engine: bool = False) -> None:
        """Describe a failure.

        Args:
            message: one plain sentence for the user.
            code: what happened, for programs: ``timeout``, ``busy`` …
            retryable: whether the same request may succeed when it is made again.
            counts_against_engine: whether it is the engine that failed (a crash, a time-out, a server that cannot be reached), so that the
                circuit breaker counts it. False for whatever depends on one user: their words, their recording, their key, a rate limit.
        """
        message = message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.counts_against_engine = counts_against_engine

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)  # subclasses have other parameters than `args`


def _rebuilt(kind: type[EngineError], args: tuple[Any, ...], attributes: dict[str, Any]) -> EngineError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class AudioError(EngineError):
    """A recording or file that cannot be used: empty, silent, too long, not audio."""

    stage = "audio"


class InputError(EngineError):
    """Text or a choice that cannot be used: empty, too long, an unknown persona."""

    stage = "input"


class SpeechToTextError(EngineError):
    """A speech-to-text engine failed."""

    stage = "stt"


def not_wanted() -> SpeechToTextError:
    """The error of a recording that nobody wants to be understood any more."""
    return SpeechToTextError("That recording was not wanted any more.", code="cancelled")


class ChatModelError(EngineError):
    """A chat model failed."""

    stage = "llm"


class TextToSpeechError(EngineError):
    """A text-to-speech engine failed; the text of the reply remains."""

    stage = "tts"


class MissingDependency(EngineError):  # noqa: N818 - reads as what it says: raise MissingDependency(…)
    """An engine's package is not installed."""

    stage = "setup"

    def __init__(self, engine: str, install: str) -> None:
        super().__init__(f"{engine} needs a package that is not installed. Install it: {install}", code="missing_dependency")
        self.install = install


class ConfigError(EngineError):
    """A setting or a file written by a person is not right; names the file and, where known, the line."""

    stage = "config"

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = f"{file}, line {line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message, code="config")
        self.file = file
        self.line = line

"""What can go wrong, one class per place: each error says what happened, where, and what to do next.

`message` is one plain sentence for the page; `code` is for programs; the cause is chained with ``raise … from``.
"""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """Anything this package raises on purpose."""

    stage: ClassVar[str] = "engine"
    """Where it happened: ``stt``, ``llm``, ``tts``, ``audio``, ``config`` …"""

    def __init__(self, message: str, *, code: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable


class AudioError(EngineError):
    """A recording or file that cannot be used: empty, silent, too long, not audio."""

    stage = "audio"


class InputError(EngineError):
    """Text or a choice that cannot be used: empty, too long, an unknown persona."""

    stage = "input"


class SpeechToTextError(EngineError):
    """The ears failed."""

    stage = "stt"


class ChatModelError(EngineError):
    """The mind failed."""

    stage = "llm"


class TextToSpeechError(EngineError):
    """The voice failed; the text of the reply remains."""

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

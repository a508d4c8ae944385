"""Consent to large downloads: asked once for each model, and kept in a file beside the weights."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Literal, get_args

log = logging.getLogger(__name__)

ASK_ABOVE_BYTES = 1_000_000_000
"""Downloads up to here are begun without a question."""

Answer = Literal["yes", "no", "later"]


class Consent:
    """What was answered, by model. Every method may be called from any thread."""

    def __init__(self, file: Path) -> None:
        """`file` is read at once and written with every answer; one that cannot be used is as good as none."""
        self._file, self._guard = file, threading.Lock()
        self._answers: dict[str, Answer] = {}
        try:
            written = json.loads(file.read_text(encoding="utf-8"))
            self._answers = {str(model): answer for model, answer in written.items() if answer in get_args(Answer)}
        except (OSError, ValueError, AttributeError):
            pass

    def answer_of(self, model: str) -> Answer | None:
        """What was answered about that model; None where it is still to be asked."""
        with self._guard:
            return self._answers.get(model)

    def answer(self, model: str, answer: Answer) -> None:
        """Keep an answer; ``later`` only until the app ends."""
        with self._guard:
            self._answers[model] = answer
            self._write()

    def ask_again(self, model: str) -> None:
        """Forget that it was not wanted."""
        with self._guard:
            if self._answers.get(model, "yes") != "yes":
                del self._answers[model]
                self._write()

    def _write(self) -> None:
        kept = {model: answer for model, answer in self._answers.items() if answer != "later"}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part = self._file.with_name(f"{self._file.name}.part")
            part.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            part.replace(self._file)
        except OSError as error:
            log.warning("The answer about a download cannot be kept: %s.", error.strerror)

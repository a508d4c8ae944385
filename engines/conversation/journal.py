"""Journal: one JSON line per turn with its timings and how it ended, never what was said."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from engines.events import TurnEnded, TurnFailed
from engines.registry.registry import Engines

LARGEST_BYTES = 10_000_000
"""A file that is larger is kept under its name with ``.1`` behind it, and another one begun."""


class Journal:
    """Appends to a file, which does not grow for ever; without a file it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, end: TurnEnded, persona: str, engines: Engines) -> None:
        """Add the line of a finished turn.

        Raises:
            OSError: the file cannot be written.
        """
        if self._path is None:
            return
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "turn": end.turn_id,
            "persona": persona,
            "engines": [engines.stt.info.name, engines.llm.info.name, engines.tts.info.name],
            "end": type(end).__name__,
            "code": end.code if isinstance(end, TurnFailed) else None,
            **{name: None if value is None else round(value, 1) for name, value in asdict(end.timings).items()},
        }
        with self._lock:
            with suppress(FileNotFoundError):
                if self._path.stat().st_size >= LARGEST_BYTES:
                    self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

"""Logs: one line per record on standard error, none of them long, and none repeated for ever."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

LONGEST = 4_000
"""Characters of a record, its traceback included."""
MOST_ALIKE, APART_S = 20, 60.0
"""How many records with the same text are written within so many seconds: a server without file descriptors wrote 18 000 a second."""
_MOST_KINDS = 1_000


def log_to_standard_error(level: int | str) -> None:
    """Set up the root logger of this process."""
    handler = logging.StreamHandler()
    handler.setFormatter(ShortLines("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(NotForEver())
    logging.basicConfig(level=level, handlers=[handler])


def open_standard_streams() -> None:
    """Give a process without standard streams, as of a program without a window, some that lead nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115 - to the end


class ShortLines(logging.Formatter):
    """Formatter that leaves out the middle of long records and shows control characters of the message as escapes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line without a traceback."""
        record.message = "".join(one if one.isprintable() else repr(one)[1:-1] for one in _short(record.message))
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """The whole record."""
        return _short(super().format(record))


class NotForEver(logging.Filter):
    """Filter that passes a number of records of one kind in a while, and says when it drops some."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        kind, now = (record.name, str(record.msg)[:LONGEST]), self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since >= APART_S:
            since, count = now, 0
        if kind not in self._seen and len(self._seen) >= _MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = since, count + 1
        if count == MOST_ALIKE:
            record.msg, record.args = f"{record.getMessage()[:200]} (more of these are left out for a minute)", ()
        return count <= MOST_ALIKE


def _short(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"

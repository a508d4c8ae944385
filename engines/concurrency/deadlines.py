"""How long an engine may take for one step, and what is said of one that takes longer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from engines.errors import EngineError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Longest time of one engine step, in seconds; the time that loading an engine takes does not count, that spent in a queue does."""

    stt: float = 60
    """Hearing a whole utterance."""
    llm: float = 120
    """Reading a part of the conversation, or writing a token."""
    tts: float = 60
    """Making one piece of sound."""


class Patience:
    """Notes when each worker's present step must be over. Nothing can end a step from outside: who is late can only be left behind."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, EngineError]] = {}

    def step(self, worker: str, limit_s: float, late: EngineError, make: Callable[[], T]) -> T:
        """What `make` returns; should it take longer than `limit_s`, `overdue` will say that the worker is `late`."""
        self._due[worker] = (time.monotonic() + limit_s, late)
        try:
            return make()
        finally:
            self._due.pop(worker, None)

    def steps(self, worker: str, limit_s: float, late: EngineError, items: Iterator[T], lock: AbstractContextManager[None]) -> Iterator[T]:
        """The same items, each of them a step, with the lock held only while it is being made."""

        def one() -> list[T]:
            with lock:
                return list(itertools.islice(items, 1))

        while item := self.step(worker, limit_s, late, one):
            yield item[0]

    def overdue(self) -> tuple[str, EngineError] | None:
        """A worker that is late, told once, and the error of its step."""
        now = time.monotonic()
        for worker, (due, late) in list(self._due.items()):
            if now > due and self._due.pop(worker, None) is not None:
                return worker, late
        return None

"""Deadlines: how long an engine may take for one step, and which worker's step has expired."""

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
    """Transcribing a whole utterance."""
    llm: float = 120
    """Reading a part of the conversation, or writing a token."""
    tts: float = 60
    """Synthesizing one piece of sound."""


class Deadlines:
    """Deadline watchdog: notes when each worker's present step must be over. It ends nothing itself: whoever asks decides what to do."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, EngineError]] = {}

    def step(self, worker: str, limit_s: float, timeout_error: EngineError, make: Callable[[], T]) -> T:
        """What `make` returns; should it take longer than `limit_s`, `expired` reports the worker with its `timeout_error`."""
        self._due[worker] = (time.monotonic() + limit_s, timeout_error)
        try:
            return make()
        finally:
            self._due.pop(worker, None)

    def steps(
        self, worker: str, limit_s: float, timeout_error: EngineError, items: Iterator[T], lock: AbstractContextManager[None]
    ) -> Iterator[T]:
        """The same items, each of them a step, with the lock held only while it is being made."""

        def one() -> list[T]:
            with lock:
                return list(itertools.islice(items, 1))

        while item := self.step(worker, limit_s, timeout_error, one):
            yield item[0]

    def expired(self) -> tuple[str, EngineError] | None:
        """A worker whose step has expired, reported once, and the error of that step."""
        now = time.monotonic()
        for worker, (due, timeout_error) in list(self._due.items()):
            if now > due and self._due.pop(worker, None) is not None:
                return worker, timeout_error
        return None

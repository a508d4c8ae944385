"""Deadlines: how long an engine may take for one step, and which step has expired."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from engines.errors import EngineError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Longest time of one engine step, in seconds. A recording that waits until those of others are heard is not late."""

    stt: float = 60
    """Transcribing an utterance; its own length comes on top."""
    llm: float = 120
    """Reading a part of the conversation, or writing a token."""
    tts: float = 60
    """Synthesizing one piece of sound."""
    load: float = 600
    """Getting an engine ready inside a turn, its download included."""


@dataclass(frozen=True, slots=True)
class Step:
    """An engine's step that is under way."""

    worker: str
    """Who waits for it."""
    due: float
    """When it must be over, by the clock of its `Deadlines`."""
    timeout_error: EngineError
    """What the step failed with if it is not."""
    engine: object
    """Whose step it is; None while it is being loaded."""


class Deadlines:
    """Deadline watchdog: notes when each worker's present step must be over. It ends nothing itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, watch_every_s: float = 0.25) -> None:
        """`clock` counts seconds; `expired` is to be called every `watch_every_s` seconds of real time."""
        self.clock, self.watch_every_s = clock, watch_every_s
        self._steps: dict[str, Step] = {}

    def step(self, worker: str, limit_s: float, timeout_error: EngineError, make: Callable[[], T], engine: object = None) -> T:
        """What `make` returns; should it take longer than `limit_s`, `expired` reports the step."""
        self._steps[worker] = Step(worker, self.clock() + limit_s, timeout_error, engine)
        try:
            return make()
        finally:
            self._steps.pop(worker, None)

    def steps(
        self, worker: str, limit_s: float, timeout_error: EngineError, make: Callable[[], Iterable[T]], engine: object = None
    ) -> Generator[T]:
        """The items of what `make` returns, each of them a step; calling `make` belongs to the first, and closing the iterator is one."""
        items: Iterator[T] = iter(())

        def first() -> list[T]:
            nonlocal items
            items = iter(make())
            return following()

        def following() -> list[T]:
            for item in items:
                return [item]
            return []

        advance = first
        try:
            while item := self.step(worker, limit_s, timeout_error, advance, engine):
                yield item[0]
                advance = following
        finally:
            close: Any = getattr(items, "close", None)
            if close is not None:
                self.step(worker, limit_s, timeout_error, close, engine)

    def expired(self) -> Step | None:
        """A step that has expired, reported once."""
        now = self.clock()
        for worker, step in list(self._steps.items()):
            if now > step.due and self._steps.pop(worker, None) is not None:
                return step
        return None

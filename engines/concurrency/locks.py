"""One lock per accelerator, taken for one engine step at a time, so that models that share a GPU never meet on it."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType


class FairLock:
    """A lock that is given in the order in which it was asked for.

    `threading.Lock` may hand the lock back to the thread that just released it: a model that generates text step after step would then
    starve the voice.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()  # the lock stays held and changes hands
            else:
                self._held = False


_locks: dict[str, FairLock] = {}
_locks_guard = threading.Lock()


def exclusive(accelerator: str) -> AbstractContextManager[None]:
    """The lock of an accelerator (``mlx``, ``cuda``); the CPU needs none."""
    if accelerator == "cpu":
        return nullcontext()
    with _locks_guard:
        return _locks.setdefault(accelerator, FairLock())

"""Event log: the numbered events of one client's event stream, kept for a while, so that a connection can go on where one broke off."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from engines.api.frames import frame
from engines.api.wire import Json

T = TypeVar("T")

CAPACITY_BYTES = 8_000_000
"""Frames of a client that are kept: two to three minutes of speech."""
KEPT_S = 60.0
"""How long frames are kept that were sent: longer than it takes to notice that a connection is dead."""


class EventLog(Generic[T]):
    """Bounded replay buffer; every method may be called from any thread. What was not sent yet is never dropped: `append` waits."""

    def __init__(
        self,
        capacity: int = CAPACITY_BYTES,
        kept_s: float = KEPT_S,
        clock: Callable[[], float] = time.monotonic,
        *,
        encode: Callable[[Json, bytes], T],
        size: Callable[[T], int],
    ) -> None:
        """Nothing has happened yet.

        Args:
            capacity: most bytes that wait to be sent, give or take a frame; and most that are kept of what was sent.
            kept_s: how long frames are kept that were sent, in seconds.
            clock: counts seconds.
            encode: makes of an event and its sound what is kept.
            size: of that, in bytes.
        """
        self.capacity = capacity
        """May be changed while others wait."""
        self._kept_s, self._clock, self._encode, self._size = kept_s, clock, encode, size
        self._frames: deque[tuple[float, T]] = deque()  # of the numbers up to `_last`, without a gap
        self._last = self._sent = 0
        self._bytes = self._unsent = 0
        self._closed = False
        self._changed = threading.Condition()

    def append(self, message: Json, data: bytes = b"") -> None:
        """Number an event, from 1 on, and keep it; waits while nobody fetches what is there. Nothing happens once the log is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._unsent < self.capacity)
            if self._closed:
                return
            one = self._encode({"number": self._last + 1, **message}, data)
            self._last += 1
            self._frames.append((self._clock(), one))
            self._bytes += self._size(one)
            self._unsent += self._size(one)
            self._trim()

    def after(self, number: int, most_bytes: int) -> tuple[list[T], int]:
        """The frames behind an event's number, oldest first, about as many bytes as asked for; and the number of the last of them.

        Where some are no longer there, those that are; the client sees the gap in the numbers.
        """
        with self._changed:
            first = self._last + 1 - len(self._frames)
            number = max(min(number, self._last), first - 1)
            found: list[T] = []
            size = 0
            for _, one in islice(self._frames, number + 1 - first, None):
                if size >= most_bytes:
                    break
                found.append(one)
                size += self._size(one)
                number += 1
                if number > self._sent:
                    self._sent = number
                    self._unsent -= self._size(one)
            self._trim()
            self._changed.notify_all()
            return found, number

    def close(self) -> None:
        """Forget everything and take no more; whoever waits in `append` goes on."""
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()

    def _trim(self) -> None:
        """Drop what was sent and is too old or too much."""
        oldest, first = self._clock() - self._kept_s, self._last + 1 - len(self._frames)
        while self._frames and first <= self._sent and (self._bytes > self.capacity or self._frames[0][0] < oldest):
            self._bytes -= self._size(self._frames.popleft()[1])
            first += 1


def frame_log(capacity: int = CAPACITY_BYTES, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic) -> EventLog[bytes]:
    """A log of frames (`engines.api.frames`), as the page's stream takes them."""
    return EventLog(capacity, kept_s, clock, encode=frame, size=len)

"""Channel and cancel token: the bounded pipe between the stages of a turn, closed from either side without waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """Bounded queue that can be closed. `queue.Queue` can only be closed from Python 3.13 on, and never wakes a blocked `put` before."""

    def __init__(self, capacity: int) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Wait for room and add the item; False when the channel is closed and the item was not taken."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def offer(self, item: T) -> bool:
        """Add the item if there is room now; False when it was not taken."""
        with self._changed:
            if self._closed or len(self._items) >= self._capacity:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self, timeout_s: float | None = None) -> list[T] | None:
        """Wait, then take everything that lies ready, oldest first; an empty list means closed and drained, None that time is up."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, timeout_s):
                return None
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items

    def close(self, *, discard: bool = False) -> None:
        """Take no more items; `discard` also throws away what lies ready. Never blocks, may be called twice."""
        with self._changed:
            self._closed = True
            if discard:
                self._items.clear()
            self._changed.notify_all()


class CancelToken:
    """One-way cancellation flag that calls back everybody who registered."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Cancel; safe from any thread, never blocks, may be called twice."""
        with self._guard:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Register a callback: it is called once, when cancelled, or now if that has happened already."""
        with self._guard:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

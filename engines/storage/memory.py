"""In-memory store: values by id, bounded; the one unused for longest makes room. Nothing outlives the process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class MemoryStore(Generic[T]):
    """A bounded map; every method may be called from any thread and takes microseconds."""

    def __init__(self, capacity: int) -> None:
        """An empty store.

        Args:
            capacity: most values that are kept.
        """
        self._capacity = capacity
        self._guard = threading.Lock()
        self._values: OrderedDict[str, T] = OrderedDict()

    def load(self, key: str) -> T | None:
        """The value with that id; None if there is none, or none any more."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def save(self, key: str, value: T) -> None:
        """Keep a value in place of the one with the same id."""
        with self._guard:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)

    def delete(self, key: str) -> None:
        """Forget a value; unknown ids are ignored."""
        with self._guard:
            self._values.pop(key, None)

    def __len__(self) -> int:
        return len(self._values)

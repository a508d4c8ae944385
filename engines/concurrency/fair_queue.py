"""Fair queue: the few places at an engine, given round robin to the users who wait, to each one at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from types import TracebackType

from engines.protocols import Cancellation


class FairQueue:
    """Places at an engine. Every method may be called from any thread.

    Somebody who asks for many things gets as many turns as anybody else, and what is cancelled gives up its place at once.
    """

    def __init__(self, places: int = 1) -> None:
        """All places are free."""
        self._free = places
        self._guard = threading.Lock()
        self._waiting: OrderedDict[object, deque[Place]] = OrderedDict()
        """By user; whoever comes next first."""
        self._served: set[object] = set()

    def enter(self, user: str, cancel: Cancellation) -> Place:
        """A place, waited for: see `Place.is_held`.

        Args:
            user: whose turn it is; empty for somebody who comes once.
            cancel: gives the place up, also while it is waited for.
        """
        place = Place(self, user or object())
        with self._guard:
            self._waiting.setdefault(place.user, deque()).append(place)
            self._admit()
        cancel.on_cancel(place.leave)
        place.wait()
        return place

    def leave(self, place: Place) -> None:
        """Give a place back, or up."""
        with self._guard:
            if place.is_held:
                place.is_held = False
                self._served.discard(place.user)
                self._free += 1
                self._admit()
            elif place in (theirs := self._waiting.get(place.user, deque())):
                theirs.remove(place)
                if not theirs:
                    del self._waiting[place.user]

    def _admit(self) -> None:
        while self._free and (user := next((user for user in self._waiting if user not in self._served), None)) is not None:
            theirs = self._waiting[user]
            place = theirs.popleft()
            if theirs:
                self._waiting.move_to_end(user)
            else:
                del self._waiting[user]
            self._free -= 1
            self._served.add(user)
            place.is_held = True
            place.ready()


class Place:
    """A place in a `FairQueue`, as a context manager that gives it back."""

    def __init__(self, queue: FairQueue, user: object) -> None:
        self.user = user
        self.is_held = False
        """Whether it is ours; not after `leave`."""
        self._queue = queue
        self._ready = threading.Event()

    def wait(self) -> None:
        """Wait until it is held, or given up."""
        self._ready.wait()

    def ready(self) -> None:
        """Let whoever waits go on."""
        self._ready.set()

    def leave(self) -> None:
        """Give it back, or up; may be called twice, and from any thread."""
        self._queue.leave(self)
        self._ready.set()

    def __enter__(self) -> Place:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()

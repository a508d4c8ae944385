"""Kept things: bytes under random ids for a limited time, so that nothing that a client names ever reaches a path."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from engines.api.v1.problems import ApiError


class Kept:
    """A bounded store in memory; every method may be called from any thread. The oldest make room."""

    def __init__(self, what: str, *, kept_s: float, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is kept.

        Args:
            what: for the sentence that says that it is gone.
            kept_s: how long something is kept, in seconds.
            most_bytes: of all together.
            clock: counts seconds.
        """
        self._what, self._kept_s, self._most, self._clock = what, kept_s, most_bytes, clock
        self._guard = threading.Lock()
        self._things: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def put(self, data: bytes) -> str:
        """Keep something; its id.

        Raises:
            ApiError: code ``too_large``.
        """
        if len(data) > self._most:
            raise ApiError(f"That {self._what} is too large.", code="too_large")
        name = secrets.token_hex(16)
        with self._guard:
            self._things[name] = (self._clock(), data)
            self._bytes += len(data)
            self._trim()
        return name

    def get(self, name: str, *, once: bool = False) -> bytes:
        """What was kept under that id; with `once` it is gone afterwards.

        Raises:
            ApiError: code ``unknown_audio``: there is no such thing, or not any more.
        """
        with self._guard:
            self._trim()
            if found := self._things.get(name):
                if once:
                    self._drop(name)
                return found[1]
        raise ApiError(f"There is no such {self._what}, or not any more.", code="unknown_audio")

    def _trim(self) -> None:
        oldest = self._clock() - self._kept_s
        while self._things and (self._bytes > self._most or next(iter(self._things.values()))[0] < oldest):
            self._drop(next(iter(self._things)))

    def _drop(self, name: str) -> None:
        self._bytes -= len(self._things.pop(name)[1])

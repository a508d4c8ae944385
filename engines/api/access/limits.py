"""Limits on requests: the bytes of a body while it arrives, all bodies that are in memory at once, and responses that stay open."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from starlette.types import Message, Receive

BODIES_BYTES = 64_000_000
"""Bodies of requests that are in memory at once; whoever comes then waits."""
SMALL_BYTES = 64_000
"""Bodies up to this size do not wait."""
WAIT_S = 20.0
"""How long a body waits for room, and how long one may take to arrive, besides its size at `SLOWEST_BYTES_PER_S`."""
SLOWEST_BYTES_PER_S = 32_000


class BodyTooLargeError(Exception):
    """More bytes came than the route takes."""


class BodyTooSlowError(Exception):
    """A body did not arrive in time."""


class BodyRoom:
    """Memory for bodies, given out first come, first served. Lives on one event loop."""

    def __init__(self, total: int = BODIES_BYTES) -> None:
        self._total = self._free = total
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, size: int) -> bool:
        """Room for a body of that size, to be given back; False where there was none within `WAIT_S`."""
        if size <= SMALL_BYTES:
            return True
        size = min(size, self._total)
        try:
            async with asyncio.timeout(WAIT_S), self._turn:
                while self._free < size:
                    self._freed.clear()
                    await self._freed.wait()
                self._free -= size
        except TimeoutError:
            return False
        return True

    def give_back(self, size: int) -> None:
        """The body of that size is not in memory any more."""
        if size > SMALL_BYTES:
            self._free += min(size, self._total)
            self._freed.set()


def counted(receive: Receive, most_bytes: int) -> Receive:
    """The same messages, counted and timed; raises `BodyTooLargeError`, `BodyTooSlowError`."""
    seen, ended = 0, False
    begun: float | None = None

    async def take() -> Message:
        nonlocal seen, ended, begun
        if ended:
            return await receive()  # which waits until the client goes
        begun = begun or asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(begun + WAIT_S + seen / SLOWEST_BYTES_PER_S):
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlowError from error
        seen += len(message.get("body", b""))
        ended = not message.get("more_body", False)
        if seen > most_bytes:
            raise BodyTooLargeError
        return message

    return take


class OpenResponses:
    """Counts responses that stay open, in all and for each client. Lives on one event loop."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_of(self, client: str | None) -> Iterator[bool]:
        """Whether there is room for one more; a `client` that is None counts in all only."""
        name = client or ""
        room = self._open.total() < self._most and (client is None or self._open[name] < self._most_of_one)
        self._open[name] += room
        try:
            yield room
        finally:
            self._open[name] -= room
            if not self._open[name]:
                del self._open[name]

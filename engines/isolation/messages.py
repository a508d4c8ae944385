"""Messages between the app and an engine's process, and the stream that carries them: one pickle after another, through two pipes.

Both ends run this program's own code with the same version of it, so nothing that comes through is a stranger's.
"""

from __future__ import annotations

import pickle
import threading
from collections import deque
from typing import IO, Any, NamedTuple

LARGEST_BYTES = 256 * 2**20
"""Of one message: ten minutes of sound are a quarter of it."""


class Setup(NamedTuple):
    """App → process, first of all."""

    adapter: str
    """The adapter's module (``engines.tts.espeak_ng``)."""
    file: str
    """Where it lies, in case it cannot be found by its name."""
    log_level: int


class Call(NamedTuple):
    """App → process: run something. An iterator makes its first step at once."""

    number: int
    """Which call it is; all that belongs to it carries the same number."""
    method: str
    """``files`` or ``load`` of the adapter, or a method of the loaded engine."""
    arguments: tuple[Any, ...]
    cancellable: bool = False
    """Whether the method has one more argument, `cancel`, and ends soon after `Close`."""


class Next(NamedTuple):
    """App → process: make the next step. A process never makes one that nobody has asked for."""

    number: int


class Close(NamedTuple):
    """App → process: nobody wants more of it."""

    number: int


class Ready(NamedTuple):
    """Process → app, first of all: the adapter's module is imported."""


class Yielded(NamedTuple):
    """Process → app: one step of an iterator."""

    number: int
    value: Any


class Returned(NamedTuple):
    """Process → app: the call is over; of an iterator, `value` is None."""

    number: int
    value: Any


class Raised(NamedTuple):
    """Process → app: the call is over, with an exception that can be pickled."""

    number: int
    error: Exception


Answer = Yielded | Returned
"""What comes of a call that goes well."""


class MessageStream:
    """Both directions of one connection: any thread may send, one receives."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source, self._sink = source, sink
        self._outbox: deque[bytes] = deque()
        self._writing = threading.Lock()

    def send(self, message: Any) -> None:
        """Write a message, or leave it to the thread that is just writing. A connection that has ended swallows it.

        It waits for no lock, so that it may be called by the garbage collector at any point, in the midst of another `send` too.

        Raises:
            ValueError: the message is larger than `LARGEST_BYTES`.
        """
        data = pickle.dumps(message, protocol=5)
        if len(data) > LARGEST_BYTES:
            raise ValueError(f"a message of {len(data) / 2**20:.0f} MB is too large")
        self._outbox.append(data)
        while self._outbox and self._writing.acquire(blocking=False):
            try:
                while self._outbox:
                    self._sink.write(self._outbox.popleft())
                self._sink.flush()
            except (OSError, ValueError):  # whoever receives is told of the end
                self._outbox.clear()
            finally:
                self._writing.release()

    def receive(self) -> Any:
        """The next message, waited for.

        Raises:
            EOFError, OSError: the other end is gone.
        """
        return pickle.load(self._source)  # noqa: S301 - our own program's

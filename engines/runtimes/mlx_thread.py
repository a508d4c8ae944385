"""MLX's compute thread, one in a process: in MLX every thread has streams, compiled functions and a random seed of its own.

An array that waits to be computed can be used by the thread that made it only; every new thread would draw the same random numbers; and a
thread that ends without clearing its streams can bring the program down as it quits (ml-explore/mlx, pull requests 4110 and 4373).
"""

from __future__ import annotations

import atexit
import queue
import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from functools import cache
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE_S = 5.0
"""How long quitting waits for a step that is under way."""


def compute(work: Callable[[], T]) -> T:
    """What `work` returns or raises, run in MLX's thread; whoever comes meanwhile waits."""
    return _worker().run(work)


def steps(items: Generator[T, None, None]) -> Iterator[T]:
    """The same items, each of them made in MLX's thread."""
    try:
        while made := compute(lambda: list(islice(items, 1))):
            yield made[0]
    finally:
        items.close()


@cache
def _worker() -> _Worker:
    return _Worker()


class _Worker:
    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="mlx", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def run(self, work: Callable[[], T]) -> T:
        if threading.current_thread() is self._thread:
            return work()
        future: Future[T] = Future()
        self._jobs.put((work, future))
        return future.result()

    def _serve(self) -> None:
        import mlx.core as mx  # noqa: PLC0415 - heavy

        mx.random.seed(secrets.randbits(64))
        while job := self._jobs.get():
            work, future = job
            try:
                future.set_result(work())
            except BaseException as error:  # it is whoever waits for the result who has to deal with it
                future.set_exception(error)
            del job, work, future  # or they would live until the next one comes
        mx.clear_streams()

    def _end(self) -> None:
        self._jobs.put(None)
        self._thread.join(_PATIENCE_S)

"""Engine host: the program of an engine's process. It loads one adapter and works off the calls that come through standard input.

It ends with whoever started it: at the end of its input, when its parent's id changes, or when Python stands still for long (a call in C
that never returns and holds the interpreter's lock).
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import ModuleType
from typing import Any

from engines.concurrency.channel import CancelToken
from engines.config.logs import log_to_standard_error
from engines.errors import EngineError
from engines.isolation.messages import Call, Close, MessageStream, Next, Raised, Ready, Returned, Setup, Yielded

log = logging.getLogger(__name__)

_CALLS_AT_ONCE = 512
_LOOK_S = 2.0
"""How often the process looks whether its parent is still there."""
_FROZEN_S = 120.0
"""After so many seconds in which no Python ran, the process ends itself."""


def main() -> None:
    """Serve until the app ends or ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches every process of a terminal; it is the app that ends this one
    faulthandler.enable()
    threading.Thread(target=_watch, args=(os.getppid(),), name="watch", daemon=True).start()
    stream = _standard_streams()
    try:
        setup: Setup = stream.receive()
        log_to_standard_error(setup.log_level)
        host = _Host(_adapter(setup.adapter, setup.file), stream)
        stream.send(Ready())
        while True:
            host.take(stream.receive())
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)  # at once, whatever its threads do: there is nothing to save


class _Host:
    """One adapter, its engine once it is loaded, and the calls that are under way: each has a thread and an inbox."""

    def __init__(self, adapter: Any, stream: MessageStream) -> None:
        self._adapter, self._stream = adapter, stream
        self._engine: Any = None
        self._inboxes: dict[int, SimpleQueue[Next | Close]] = {}
        self._cancels: dict[int, CancelToken] = {}
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE, "call")

    def take(self, message: Call | Next | Close) -> None:
        if isinstance(message, Call):
            self._inboxes[message.number] = SimpleQueue()
            self._cancels[message.number] = CancelToken()
            self._threads.submit(self._serve, message)
        elif inbox := self._inboxes.get(message.number):
            inbox.put(message)
            if isinstance(message, Close) and (cancel := self._cancels.get(message.number)):
                cancel.cancel()

    def _serve(self, call: Call) -> None:
        number, inbox = call.number, self._inboxes[call.number]
        try:
            cancel = (self._cancels[number],) if call.cancellable else ()
            result = self._target(call.method)(*call.arguments, *cancel)
            if isinstance(result, Iterator):
                self._steps(number, result, inbox)
                result = None
            answer: Returned | Raised = Returned(number, result)
        except BaseException as error:  # an engine may raise SystemExit, or what a library in Rust panics with
            answer = Raised(number, _portable(error))
        del self._inboxes[number], self._cancels[number]
        self._stream.send(answer)

    def _target(self, method: str) -> Any:
        return {"load": self._load, "files": getattr(self._adapter, "files", None)}.get(method) or getattr(self._engine, method)

    def _load(self, *arguments: Any) -> Any:
        """What the app needs to know of the engine: the voices of one that speaks."""
        self._engine = self._adapter.load(*arguments)
        return tuple(self._engine.voices()) if self._adapter.INFO.stage == "tts" else None

    def _steps(self, number: int, items: Iterator[Any], inbox: SimpleQueue[Next | Close]) -> None:
        try:
            for item in items:
                self._stream.send(Yielded(number, item))
                if isinstance(inbox.get(), Close):
                    return
        finally:
            if close := getattr(items, "close", None):
                close()


def _adapter(name: str, file: str) -> ModuleType:
    """The module, found as the app found it, or, where the app's path of its package was another, by its file."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def _standard_streams() -> MessageStream:
    """The two pipes from and to the app. Whatever an engine prints goes to standard error from now on, and what it reads is empty."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # the app has no standard error: a program without a window on Windows
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    return MessageStream(source, sink)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        faulthandler.dump_traceback_later(_FROZEN_S, exit=True)
        time.sleep(_LOOK_S)
    os._exit(1)


def _portable(error: BaseException) -> Exception:
    """An exception that the app can be given: its own kinds as they are, others by their words; these are logged here, with their trace."""
    if isinstance(error, EngineError):
        return error
    log.error("The engine stopped with an error", exc_info=error)
    words = str(error) or type(error).__name__
    return MemoryError(words) if isinstance(error, MemoryError) else RuntimeError(words)


if __name__ == "__main__":
    sys.exit("This program is started by the app; it cannot be used by itself.")

"""Engine process: one child process with one engine, from its start to its end, as the app sees it."""

from __future__ import annotations

import itertools
import logging
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

from engines.config.settings import child_environment
from engines.errors import EngineError
from engines.isolation.messages import Answer, Call, Close, MessageStream, Next, Raised, Ready, Setup, Yielded

_PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from engines.isolation.host import main; main()"
"""Started this way, the child never imports the app's main module."""
_SPIN = "5000"
"""How often threads of GNU's OpenMP look before they sleep. Engines have as many as there are cores: beside a busy one, two threads of
llama.cpp wrote 7 tokens a second spinning as by default, and 70 this way."""
_END_S = 1.0
"""How long a process whose connection has ended may take to be gone before it is killed."""


class ProcessDied(Exception):  # noqa: N818 - reads as what it says
    """The process has ended in the middle of a call."""

    def __init__(self, how: str, *, culprit: bool) -> None:
        """Say how it ended.

        Args:
            how: ``SIGSEGV``, or ``status 1``.
            culprit: whether it must be this call that the process died of: it was the only one, or its step took too long.
        """
        super().__init__(how)
        self.how, self.culprit = how, culprit


_Inbox = queue.SimpleQueue[Answer | Raised | ProcessDied]


class EngineProcess:
    """A running engine host. Any thread may call it; the answers are handed out by a thread of its own."""

    def __init__(self, adapter: ModuleType, on_death: Callable[[EngineProcess], object] = lambda _: None) -> None:
        """Start it; returns at once.

        Args:
            adapter: the adapter's module.
            on_death: called with it, from another thread, when the process has ended by itself.

        Raises:
            OSError: no process can be started.
        """
        command = [sys.executable, "-c", _PROGRAM, adapter.__name__, *sys.path]
        environment = child_environment(GOMP_SPINCOUNT=_SPIN)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 - for mypy: they are pipes
        self._stream = MessageStream(self._process.stdout, self._process.stdin)
        self._on_death = on_death
        self._guard = threading.Lock()
        self._numbers = itertools.count()
        self._inboxes: dict[int, _Inbox] = {}
        self._working: dict[int, None] = {}
        """Calls of which a step is being made, the one first that began first."""
        self._culprit: int | None = None
        self._started = threading.Event()
        self._dead = threading.Event()
        self._how = ""
        self._ended = False
        """By us: nobody is to be told."""
        threading.Thread(target=self._read, name=f"{adapter.__name__}-answers", daemon=True).start()
        self._stream.send(Setup(adapter.__name__, adapter.__file__ or "", logging.getLogger().getEffectiveLevel()))

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def how(self) -> str:
        """How it has ended: ``SIGSEGV``, ``status 1``, ``a deadline``."""
        return self._how

    @property
    def dead(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._ended or self._dead.is_set()

    def wait_started(self, limit_s: float) -> bool:
        """Whether the adapter's module is imported within that time."""
        return self._started.wait(limit_s) and not self.dead

    def call(self, method: str, *arguments: Any, cancellable: bool = False) -> RunningCall:
        """Begin a call; its first answer is on its way.

        Raises:
            ProcessDied: it has ended already.
            ValueError: the arguments are too large.
        """
        inbox: _Inbox = queue.SimpleQueue()
        number = next(self._numbers)
        with self._guard:
            if self.dead:
                raise ProcessDied(self._how, culprit=False)
            self._inboxes[number] = inbox
            self._working[number] = None
        try:
            self._stream.send(Call(number, method, arguments, cancellable))
        except Exception:  # what cannot be pickled, or is too large
            self._working.pop(number, None)
            self._inboxes.pop(number, None)
            raise
        return RunningCall(self, number, inbox)

    def step(self, number: int) -> None:
        """A call wants its next step."""
        self._working[number] = None
        self._stream.send(Next(number))

    def close(self, number: int) -> None:
        """A call is over, or nobody wants more of it. It takes no lock: the garbage collector, too, closes calls."""
        if self._inboxes.pop(number, None) is not None:
            self._stream.send(Close(number))

    def kill(self) -> None:
        """End the process, for the step that began first takes too long; never blocks."""
        self._culprit, self._how = next(iter(list(self._working)), None), "a deadline"
        self._process.kill()

    def end(self) -> None:
        """End the process, for nobody needs it any more; never blocks."""
        self._ended = True
        self._process.kill()

    def _read(self) -> None:
        try:
            while True:
                message = self._stream.receive()
                if isinstance(message, Ready):
                    self._started.set()
                else:
                    self._working.pop(message.number, None)
                    if not isinstance(message, Yielded):
                        inbox = self._inboxes.pop(message.number, None)
                    else:
                        inbox = self._inboxes.get(message.number)
                    if inbox is not None:
                        inbox.put(message)
        except Exception:  # noqa: S110 - its end, or an answer that nobody can read: it is of no use any more either way
            pass
        try:
            how = _name_of(self._process.wait(_END_S))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            how = "a broken connection"
        with self._guard:
            self._how = self._how or how
            self._dead.set()
            inboxes, working = dict(self._inboxes), list(self._working)
        culprit = working[0] if self._culprit is None and len(working) == 1 else self._culprit
        for number, inbox in inboxes.items():
            inbox.put(ProcessDied(self._how, culprit=number == culprit))
        self._started.set()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if not self._ended:
            self._on_death(self)


class RunningCall:
    """One call of one thread: it asks for a step and waits for it."""

    def __init__(self, process: EngineProcess, number: int, inbox: _Inbox) -> None:
        self._process, self._number, self._inbox = process, number, inbox

    def answer(self, limit_s: float | None = None) -> Answer:
        """What the process says next to this call, waited for; an exception of the engine is raised here.

        Raises:
            ProcessDied: the process has ended.
            EngineError: of the engine.
            TimeoutError: it took longer than `limit_s`; the process is ended.
            MemoryError, RuntimeError: the engine stopped with an error of its own.
        """
        try:
            answer = self._inbox.get(timeout=limit_s)
        except queue.Empty:
            self.close()
            self._process.end()
            raise TimeoutError from None
        if isinstance(answer, ProcessDied):
            raise answer
        if isinstance(answer, Raised):
            raise answer.error
        return answer

    def next(self) -> Answer:
        """Ask for another step; see `answer`."""
        self._process.step(self._number)
        return self.answer()

    def close(self) -> None:
        """Want no more of it; may be called twice, and after its end."""
        self._process.close(self._number)

    def give_up(self, error: EngineError) -> None:
        """Want no more of it, and raise that error where its answer is waited for."""
        self.close()
        self._inbox.put(Raised(self._number, error))


def _name_of(status: int) -> str:
    """An exit status in words: ``SIGSEGV``, ``status 3``."""
    return signal.Signals(-status).name if -status in set(signal.Signals) else f"status {status}"

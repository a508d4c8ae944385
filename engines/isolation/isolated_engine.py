"""Isolated engine: an adapter and its engine as the app uses them, while they work in a process of their own.

An engine whose process dies costs the call that it died of one sentence. It is started again at once, and what else was under way is done
again; only a reply of a chat model that has begun cannot be, for it would be another one.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from engines.errors import ChatModelError, EngineError, SpeechToTextError, TextToSpeechError, not_wanted
from engines.isolation.engine_process import EngineProcess, ProcessDied, RunningCall
from engines.isolation.messages import Answer, Yielded
from engines.protocols import Adapter, Cancellation, ChatModel, SpeechToText, TextToSpeech
from engines.types import AudioChunk, ChatMessage, EngineInfo, Persona, Speech, Stage, TextDelta, Tool, Transcript, Voice

log = logging.getLogger(__name__)

_START_S = 60.0
"""How long a process may take to begin."""
_LOAD_S, _LOAD_EMBEDDED_S = 900.0, 60.0
"""How long an engine may take to load: a large model comes from a slow disk."""
_ATTEMPTS = 3
"""How often a call is made that an engine's process died in, though perhaps not of it."""
_RESTARTS_APART_S = 10.0
"""An engine that dies again so soon is not started again before somebody needs it."""

_FAILURES: dict[Stage, type[EngineError]] = {"stt": SpeechToTextError, "llm": ChatModelError, "tts": TextToSpeechError}
_THEN: dict[Stage, str] = {"stt": "Please say it again.", "llm": "Ask again.", "tts": "The text of the answer remains."}


def isolated(adapter: Adapter) -> Adapter:
    """The same adapter, but what it loads works in a process of its own.

    An adapter that says it is light (`EngineInfo.in_process`) stays as it is, and so does one that is no module: no other process could
    import it.
    """
    return adapter if adapter.INFO.in_process or not isinstance(adapter, ModuleType) else IsolatedAdapter(adapter)


class IsolatedAdapter:
    """An `Adapter` that asks another process for everything."""

    def __init__(self, adapter: ModuleType) -> None:
        self.INFO: EngineInfo = adapter.INFO
        self.Options: type[Any] = adapter.Options
        self._module = adapter
        self._has_files = hasattr(adapter, "files")
        self._asked: tuple[Any, str] | None = None
        self._files: Any = None
        """What the adapter answered to what it was asked last."""

    def files(self, options: Any, device: str) -> Any:
        """What the adapter's `files` says; it may import a heavy library to find out."""
        if not self._has_files:
            return None
        if self._asked != (options, device):
            process = _started(self._module, self.INFO)
            try:
                self._files = _answer(process, self.INFO, _LOAD_EMBEDDED_S, "files", options, device)
            finally:
                process.end()
            self._asked = (options, device)
        return self._files

    def load(self, options: Any, device: str, folder: Path | None) -> SpeechToText | ChatModel | TextToSpeech:
        """The engine, loaded in its process.

        Raises:
            EngineError: the adapter's, or code ``load_failed``: the process died or took too long.
            MemoryError, RuntimeError: the adapter stopped with an error of its own.
        """
        engine = EngineSupervisor(self._module, self.INFO, (options, device, folder))
        engine.start()
        kinds: dict[Stage, Any] = {"stt": IsolatedSpeechToText, "llm": IsolatedChatModel, "tts": IsolatedTextToSpeech}
        made: SpeechToText | ChatModel | TextToSpeech = kinds[self.INFO.stage](engine)
        return made


class EngineSupervisor:
    """Keeps one engine running: starts its process, again when it has died, and ends it when nobody holds the engine any more."""

    def __init__(self, module: ModuleType, info: EngineInfo, arguments: tuple[Any, ...]) -> None:
        """Nothing is started yet.

        Args:
            module: the adapter's module.
            info: of the engine.
            arguments: of the adapter's `load`.
        """
        self.info, self._module, self._arguments = info, module, arguments
        self.loaded: Any = None
        """What loading it returned: the voices of one that speaks."""
        self._starting = threading.Lock()
        self._process: EngineProcess | None = None
        self._ending: Any = None
        self._restarted_at = -_RESTARTS_APART_S
        self._suspects = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The id of its process; None while there is none."""
        return None if self._process is None or self._process.dead else self._process.pid

    @property
    def is_restarting(self) -> bool:
        """Whether its process has died and another one is being started."""
        return self._process is not None and self._process.dead and self._starting.locked()

    def start(self) -> EngineProcess:
        """Its process, started and loaded if it is not running; whoever comes meanwhile waits.

        Raises:
            EngineError, MemoryError, RuntimeError: see `IsolatedAdapter.load`.
        """
        with self._starting:
            if self._process is None or self._process.dead:
                process = _started(self._module, self.info, _weakly(self._restart))
                ending = weakref.finalize(self, process.end)  # also when the app quits
                try:
                    limit_s = _LOAD_EMBEDDED_S if self.info.embedded else _LOAD_S
                    self.loaded = _answer(process, self.info, limit_s, "load", *self._arguments)
                except BaseException:
                    ending()
                    raise
                if self._ending is not None:
                    self._ending.detach()
                self._process, self._ending = process, ending
            return self._process

    def kill(self) -> None:
        """End its process, for a step takes too long; it is started again at once. Never blocks."""
        if self._process is not None:
            self._process.kill()

    def begin(self, method: str, *arguments: Any, skip: int = 0, cancel: Cancellation | None = None) -> tuple[RunningCall, Answer]:
        """Begin a call; its first answer, after as many steps as are to be skipped, has come.

        When the process dies before that while it worked at other calls too, nobody knows which of them it died of: each is made again,
        these one after another, so that the one to blame is found. A call whose process was killed from outside, perhaps before the call
        reached it, is made again once.

        Raises:
            EngineError: of the engine; code ``crashed`` if its process died.
        """
        for attempt in range(_ATTEMPTS):
            with self._suspects if attempt else nullcontext():
                try:
                    return self._begun(method, arguments, skip, cancel)
                except ProcessDied as death:
                    from_outside = death.how == "SIGKILL" and not attempt
                    if (death.culprit and not from_outside) or attempt == _ATTEMPTS - 1:
                        raise self.crashed(death) from death
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _begun(self, method: str, arguments: tuple[Any, ...], skip: int, cancel: Cancellation | None) -> tuple[RunningCall, Answer]:
        call = self.start().call(method, *arguments, cancellable=cancel is not None)
        if cancel:
            cancel.on_cancel(lambda: call.give_up(not_wanted()))
        answer = call.answer()
        for _ in range(skip):
            answer = call.next() if isinstance(answer, Yielded) else answer
        return call, answer

    def crashed(self, death: ProcessDied) -> EngineError:
        """The sentence for a call that the process died of."""
        info = self.info
        why = "was ended by the system, perhaps because the memory is full," if death.how == "SIGKILL" else "crashed"
        message = f"{info.title} {why} and is started again. {_THEN[info.stage]}"
        return _FAILURES[info.stage](message, code="crashed", retryable=True, counts_against_engine=True)

    def _restart(self, process: EngineProcess) -> None:
        if process is not self._process:
            return  # it died while it was loaded: whoever waits for that is told
        log.error("The process of the %s engine %s has died: %s", self.info.stage, self.info.name, process.how)
        if time.monotonic() - self._restarted_at >= _RESTARTS_APART_S:
            self._restarted_at = time.monotonic()
            with suppress(EngineError, MemoryError, RuntimeError):  # the next turn tries again, and says why it cannot be
                self.start()


class _Isolated:
    def __init__(self, supervisor: EngineSupervisor) -> None:
        self.supervisor = supervisor

    @property
    def is_restarting(self) -> bool:
        """Whether a call would wait until it is started again."""
        return self.supervisor.is_restarting

    def kill(self) -> None:
        """See `Killable.kill`."""
        self.supervisor.kill()

    def _steps(self, method: str, *arguments: Any, repeatable: bool) -> Iterator[Any]:
        """The steps of a call. A `repeatable` one, whose steps are always cut alike, goes on where another call ended the process."""
        call, answer = self.supervisor.begin(method, *arguments)
        delivered = 0
        try:
            while isinstance(answer, Yielded):
                yield answer.value
                delivered += 1
                try:
                    answer = call.next()
                except ProcessDied as death:
                    if (death.culprit and death.how != "SIGKILL") or not repeatable:
                        raise self.supervisor.crashed(death) from death
                    call, answer = self.supervisor.begin(method, *arguments, skip=delivered)
        finally:
            call.close()


class IsolatedSpeechToText(_Isolated):
    """A `SpeechToText` in a process of its own."""

    def transcribe(
        self,
        audio: AudioChunk,
        language: str | None = None,
        priors: Mapping[str, float] | None = None,
        cancel: Cancellation | None = None,
    ) -> Transcript:
        """See `SpeechToText.transcribe`; what is cancelled is not waited for."""
        _, answer = self.supervisor.begin("transcribe", audio, language, priors, cancel=cancel)
        transcript: Transcript = answer.value
        return transcript


class IsolatedChatModel(_Isolated):
    """A `ChatModel` in a process of its own."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona, tools: Sequence[Tool] = ()) -> Iterator[TextDelta]:
        """See `ChatModel.stream`; `tools` are for engines that know any."""
        return self._steps("stream", tuple(messages), persona, *([tuple(tools)] if tools else []), repeatable=False)


class IsolatedTextToSpeech(_Isolated):
    """A `TextToSpeech` in a process of its own."""

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """See `TextToSpeech.synthesize`; an unknown voice is noticed with the first step."""
        return self._steps("synthesize", text, voice, repeatable=True)

    def voices(self) -> Sequence[Voice]:
        """See `TextToSpeech.voices`."""
        voices: tuple[Voice, ...] = self.supervisor.loaded
        return voices


def _started(module: ModuleType, info: EngineInfo, on_death: Callable[[EngineProcess], object] = lambda _: None) -> EngineProcess:
    try:
        process = EngineProcess(module, on_death)
    except OSError as error:
        raise _cannot_start(info, str(error.strerror)) from error
    if not process.wait_started(_START_S):
        process.end()
        raise _cannot_start(info, "its process did not begin")
    return process


def _answer(process: EngineProcess, info: EngineInfo, limit_s: float, method: str, *arguments: Any) -> Any:
    """What a call of the adapter returns."""
    try:
        return process.call(method, *arguments).answer(limit_s).value
    except ProcessDied as death:
        raise _cannot_start(info, f"its process ended with {death.how}") from death
    except TimeoutError as error:
        raise _cannot_start(info, f"it was not ready after {limit_s:.0f} s") from error


def _cannot_start(info: EngineInfo, why: str) -> EngineError:
    message = f"{info.title} cannot be started: {why}. Choose another engine, or install this one again."
    return _FAILURES[info.stage](message, code="load_failed", counts_against_engine=True)


def _weakly(method: Callable[[EngineProcess], None]) -> Callable[[EngineProcess], None]:
    """A bound method that does not keep its object alive, and does nothing once that is gone."""
    weak = weakref.WeakMethod(method)

    def call(process: EngineProcess) -> None:
        if alive := weak():
            alive(process)

    return call

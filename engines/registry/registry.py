"""Engine registry: decides which engine works in the next turn: the best that is ready, while better ones get ready behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from engines.concurrency.fair_queue import FairQueue
from engines.config.settings import Settings
from engines.errors import ConfigError
from engines.events import TurnFailed
from engines.protocols import ChatModel, SpeechToText, TextToSpeech
from engines.registry.consent import Answer, Consent
from engines.registry.discovery import EngineDiscovery, EngineOption, split_selection
from engines.registry.managed_engine import ManagedEngine
from engines.registry.stage_engines import EngineStatus, StageEngines
from engines.types import STAGES, EngineInfo, Stage
from engines.weights import store
from engines.weights.store import home_of

__all__ = ["EngineHandle", "EngineStatus", "Engines", "Registry"]

E = TypeVar("E", SpeechToText, ChatModel, TextToSpeech)


@dataclass(frozen=True, slots=True)
class EngineHandle(Generic[E]):
    """Handle of the engine of one stage of one turn."""

    info: EngineInfo
    open: Callable[[], E]
    """Gives the engine, loading it if it must; raises EngineError where it cannot be loaded."""
    selection: str = ""
    """``NAME`` or ``NAME:MODEL``."""
    queue: FairQueue = field(default_factory=FairQueue)
    """Who may use it now, where not everybody can."""


@dataclass(slots=True)
class Engines:
    """The engines of one turn. Which of them speaks is settled once it is known in which language."""

    stt: EngineHandle[SpeechToText]
    llm: EngineHandle[ChatModel]
    tts: EngineHandle[TextToSpeech]
    notices: tuple[str, ...] = ()
    """What the user should know about them, in sentences."""
    speaking: Callable[[str], tuple[EngineHandle[TextToSpeech], str] | None] | None = None
    """The text-to-speech engine for a language, and what to say about it; None where there is none. Without it, `tts` speaks any."""

    def speak(self, language: str) -> str | None:
        """Let an engine speak that knows the language (BCP 47).

        Returns:
            What the user should know about it, or empty; None where none knows it: then all stays as it is.
        """
        if self.speaking is None:
            return ""
        if (found := self.speaking(language)) is None:
            return None
        self.tts, notice = found
        return notice


def _later(delay_s: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(delay_s, call)
    timer.daemon = True
    timer.start()


class Registry:
    """All engines, each loaded once for everybody.

    Conversations begin at once on the embedded engines; `prepare` fetches and loads better ones behind them, and the next turn uses these.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], object] = _later,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            settings: say which engines are wanted.
            clock: counts the seconds of the circuit breakers.
            later: calls a function after so many seconds, in another thread.
        """
        self._discovery = EngineDiscovery(settings)
        consent = Consent(home_of(settings.weights) / "answers.json")
        self._stages = {
            stage: StageEngines(stage, self._discovery, settings, clock=clock, later=later, consent=consent) for stage in STAGES
        }
        self._first_ready = threading.Event()

    # ---- what there is

    def infos(self, stage: Stage) -> tuple[EngineInfo, ...]:
        """All engines of a stage, the preferred first."""
        return tuple(adapter.INFO for adapter in self._discovery.of(stage))

    def options(self, stage: Stage) -> tuple[EngineOption, ...]:
        """All engines of a stage, the preferred first, judged without importing anything."""
        return self._discovery.options(stage)

    def files(self, stage: Stage, name: str) -> store.Model | None:
        """The files of the model that an engine would work with; None where it needs none.

        Raises:
            ConfigError: there is no such engine, or an option does not fit.
        """
        selection = self.selection(stage)
        return self._stages[stage].engine(selection if split_selection(selection)[0] == name else name).files()

    def wanted(self, stage: Stage) -> tuple[tuple[EngineInfo, store.Model], ...]:
        """The engines that would be used on this machine, the best first, each with the files that it needs; those without are left out."""
        return self._stages[stage].wanted()

    def selection(self, stage: Stage) -> str:
        """What was asked for, ``NAME`` or ``NAME:MODEL``; empty means the best that can be loaded."""
        return self._stages[stage].selection

    def chosen(self, stage: Stage) -> EngineStatus:
        """The engine of the next turn: the first choice that is loaded; before any is, an embedded one.

        Where all of them failed to load, it is the first of these: it tells why, and the next turn tries it again.

        Raises:
            ConfigError: nothing is called what the settings name, an option does not fit, or no engine can work here.
        """
        return self._stages[stage].chosen()

    def awaited(self, stage: Stage) -> tuple[EngineStatus, ...]:
        """Engines that would be used before the chosen one, and why they are not yet."""
        return self._stages[stage].awaited()

    def downloads(self, stage: Stage) -> tuple[EngineStatus, ...]:
        """Downloads that go on for later, though another engine was chosen meanwhile; also those of them that failed."""
        return self._stages[stage].downloads()

    def check(self) -> None:
        """Look over what the settings say of engines.

        Raises:
            ConfigError: an engine or an option that does not exist, or a value that it cannot have.
        """
        for stage in STAGES:
            name, model = split_selection(self.selection(stage))
            if name:
                self._discovery.options_of(stage, self._discovery.named(stage, name), model)

    # ---- a turn

    def engines(self, language: str = "", input_language: str | None = None) -> Engines:
        """The engines of one turn; each is loaded, if it must be, when the turn first needs it. Where a stage has none that can work here,
        the turn is told so then (ConfigError): a film needs no ears.

        Where the chosen one does not know the language and the next in line does, that one is taken and a notice says so.

        Args:
            language: what the persona speaks (BCP 47); empty means any.
            input_language: what the user speaks (BCP 47); None means any.
        """
        needed: dict[Stage, str] = {"stt": input_language or "", "llm": language, "tts": language}
        handles, notices = dict[Stage, EngineHandle[Any]](), list[str]()
        for stage in STAGES:
            try:
                engine, notice = self._stages[stage].next_for(needed[stage])
                handles[stage] = _handle(engine)
                notices += [notice] if notice else []
            except ConfigError as error:
                handles[stage] = _none(stage, error)
        return Engines(handles["stt"], handles["llm"], handles["tts"], tuple(notices), self._speaking)

    def record_success(self, engines: Engines, stages: Iterable[Stage], source: str = "") -> None:
        """A turn of the conversation `source` went well with the engines of these stages."""
        for stage in stages:
            if engine := self._used(stage, engines):
                engine.breaker.record_success(source)

    def record_failure(self, engines: Engines, failure: TurnFailed, source: str = "") -> str:
        """A turn of the conversation `source` failed. An engine that keeps failing is set aside for the next in line.

        Returns:
            The sentence that says so; empty where nothing changes.
        """
        stage = next((stage for stage in STAGES if stage == failure.stage), None)
        if stage is None or not failure.counts_against_engine:
            return ""
        if (engine := self._used(stage, engines)) is None or not engine.breaker.record_failure(source):
            return ""
        order = self._stages[stage].order()
        if engine not in order:
            return ""  # somebody has asked for another one meanwhile
        if not any(other.usable and other.state.name != "failed" for other in order if other is not engine):
            return ""  # the last one stays: it may recover, and it is all there is
        self._stages[stage].set_aside(engine, failure.message)
        minutes = round(engine.breaker.pause_s / 60)
        when = "a minute" if minutes == 1 else f"{minutes} minutes"
        place = f"from the next turn on {self.chosen(stage).info.title} takes its place"
        return f"{engine.info.title} keeps failing and is set aside; {place}. It is tried again in {when}."

    # ---- getting ready

    def prepare(self) -> None:
        """Load what the first turn needs, then the best engine of every stage that can be loaded. May take minutes; never raises."""
        preparations = {stage: self._stages[stage].begin() for stage in STAGES}
        _at_once({f"load-{stage}": engines.load_first for stage, engines in self._stages.items()})
        self._first_ready.set()
        _at_once({f"prepare-{stage}": partial(self._stages[stage].improve, preparations[stage]) for stage in STAGES})

    def wait_for_first(self, timeout_s: float) -> None:
        """Wait until `prepare` has loaded what the first turn needs, at most so long."""
        self._first_ready.wait(timeout_s)

    def answer(self, stage: Stage, selection: str, answer: Answer) -> None:
        """Somebody answered whether the files of an engine that asks shall be downloaded; ``no`` is kept, ``later`` until the app ends."""
        self._stages[stage].answer(selection, answer)

    def choose(self, stage: Stage, selection: str, *, keep: bool = False) -> None:
        """Ask for another engine, ``NAME`` or ``NAME:MODEL``, or with ``""`` for the best; it gets ready behind the one at work.

        A download for an engine that was chosen before is stopped (what has come of it stays), or with `keep` goes on for later.

        Raises:
            EngineError: there is no such engine, it cannot work here, that is no name of a model, or too many downloads are kept already.
        """
        self._stages[stage].choose(selection, keep=keep)

    def retry(self, stage: Stage) -> None:
        """Try again, in the background, what failed, was set aside or was stopped."""
        self._stages[stage].retry()

    def retry_set_aside(self, stage: Stage) -> None:
        """Try again what was set aside, for whoever may not choose: at most once in 10 s, and no download that was stopped."""
        self._stages[stage].retry_set_aside()

    def stop(self, stage: Stage, selection: str | None = None) -> None:
        """End the downloads that are under way for that stage, or that of one engine; who works stays, and what has arrived is kept."""
        self._stages[stage].stop(selection)

    def close(self) -> None:
        """End every download, for the app ends."""
        for engines in self._stages.values():
            engines.begin()
            engines.stop()

    def _speaking(self, language: str) -> tuple[EngineHandle[TextToSpeech], str] | None:
        """See `Engines.speaking`."""
        engine, notice = self._stages["tts"].next_for(language)
        return (_handle(engine), notice) if engine.knows(language) else None

    def _used(self, stage: Stage, engines: Engines) -> ManagedEngine | None:
        """The engine that a turn worked with."""
        handle: EngineHandle[Any] = getattr(engines, stage)
        return self._stages[stage].find(handle.selection)


def _at_once(works: dict[str, Callable[[], None]]) -> None:
    """Do all of it side by side; most engines work in a process of their own, so that together they take as long as the slowest."""
    threads = [threading.Thread(target=work, name=name, daemon=True) for name, work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _none(stage: Stage, error: ConfigError) -> EngineHandle[Any]:
    """Handle of an engine that there is not; whoever opens it is told why."""

    def refuse() -> Any:
        raise error

    return EngineHandle(EngineInfo(name="none", stage=stage, title="No engine", summary=""), refuse)


def _handle(engine: ManagedEngine) -> EngineHandle[Any]:
    return EngineHandle(engine.info, engine.open, engine.selection, engine.queue)

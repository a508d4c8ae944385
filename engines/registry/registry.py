"""Engine registry: decides which engine works in the next turn: the best that is ready, while better ones get ready behind it."""

from __future__ import annotations

import itertools
import logging
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from engines.config.settings import Settings
from engines.errors import ConfigError, EngineError
from engines.events import TurnFailed
from engines.isolation.isolated_engine import isolated
from engines.protocols import Adapter, ChatModel, SpeechToText, TextToSpeech
from engines.registry.discovery import EngineDiscovery, EngineOption, split_selection
from engines.registry.managed_engine import EngineState, ManagedEngine
from engines.types import STAGES, EngineInfo, Stage
from engines.weights import hub

log = logging.getLogger(__name__)
E = TypeVar("E", SpeechToText, ChatModel, TextToSpeech)

_TYPED_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(:[\w.*-]+)?")
"""What a model may be called that is typed on the page: ``owner/name`` on a hub, ``name:tag`` on a server, never a path."""


@dataclass(frozen=True, slots=True)
class EngineHandle(Generic[E]):
    """The engine of one stage of one turn."""

    info: EngineInfo
    open: Callable[[], E]
    """Gives the engine, loading it if it must; raises EngineError where it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one turn."""

    stt: EngineHandle[SpeechToText]
    llm: EngineHandle[ChatModel]
    tts: EngineHandle[TextToSpeech]
    notices: tuple[str, ...] = ()
    """What the user should know about them, in sentences."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How one engine stands, for people."""

    info: EngineInfo
    model: str
    state: EngineState


class Registry:
    """All engines, each loaded once for everybody.

    Conversations begin at once on the embedded engines; `prepare` fetches and loads better ones behind them, and the next turn uses these.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._discovery = EngineDiscovery(settings)
        self._selection: dict[Stage, str] = {stage: getattr(settings, stage) or "" for stage in STAGES}
        self._managed: dict[tuple[Stage, str, str], ManagedEngine] = {}
        self._at_work: dict[Stage, ManagedEngine] = {}
        """What got ready last: it works on until what was asked for since is ready too."""
        self._guard = threading.Lock()
        self._preparing = {stage: threading.Lock() for stage in STAGES}

    # ---- what there is

    def infos(self, stage: Stage) -> tuple[EngineInfo, ...]:
        """All engines of a stage, the preferred first."""
        return tuple(adapter.INFO for adapter in self._discovery.of(stage))

    def options(self, stage: Stage) -> tuple[EngineOption, ...]:
        """All engines of a stage, the preferred first, judged without importing anything."""
        return self._discovery.options(stage)

    def files(self, stage: Stage, name: str) -> hub.Model | None:
        """The files of the model that an engine would work with; None where it needs none.

        Raises:
            ConfigError: there is no such engine, or an option does not fit.
        """
        named, model = split_selection(self._selection[stage])
        return self._engine(stage, self._discovery.named(stage, name), model if name == named else "").files()

    def selection(self, stage: Stage) -> str:
        """What was asked for, ``NAME`` or ``NAME:MODEL``; empty means the best that can be loaded."""
        return self._selection[stage]

    def chosen(self, stage: Stage) -> EngineStatus:
        """The engine of the next turn: the first choice that is loaded; before any is, an embedded one.

        Where all of them failed to load, it is the first of these: it tells why, and the next turn tries it again.

        Raises:
            ConfigError: nothing is called what the settings name, an option does not fit, or no engine can work here.
        """
        return _status(self._next(stage))

    def awaited(self, stage: Stage) -> tuple[EngineStatus, ...]:
        """Engines that would be used before the chosen one, and why they are not yet."""
        chosen = self._next(stage)
        return tuple(map(_status, itertools.takewhile(lambda engine: engine is not chosen, self._order(stage))))

    def check(self) -> None:
        """Look over what the settings say of engines.

        Raises:
            ConfigError: an engine or an option that does not exist, or a value that it cannot have.
        """
        for stage in STAGES:
            name, model = split_selection(self._selection[stage])
            if name:
                self._discovery.options_of(stage, self._discovery.named(stage, name), model)

    # ---- a turn

    def engines(self, language: str = "") -> Engines:
        """The engines of one turn in that language (BCP 47); each is loaded, if it must be, when the turn first needs it.

        Where the chosen one does not know the language and the next in line does, that one is taken and a notice says so.

        Raises:
            ConfigError: what `chosen` raises.
        """
        chosen: dict[Stage, ManagedEngine] = {stage: self._next(stage, language) for stage in STAGES}
        notices = tuple(
            f"{usual.info.title} does not know the language {language!r}; {engine.info.title} takes its place."
            for stage, engine in chosen.items()
            if (usual := self._next(stage)) is not engine
        )
        return Engines(
            stt=cast(EngineHandle[SpeechToText], _handle(chosen["stt"])),
            llm=cast(EngineHandle[ChatModel], _handle(chosen["llm"])),
            tts=cast(EngineHandle[TextToSpeech], _handle(chosen["tts"])),
            notices=notices,
        )

    def record_success(self, engines: Engines, stages: Iterable[Stage], source: str = "") -> None:  # noqa: ARG002 - the circuit breaker will
        """A turn of the conversation `source` went well with the engines of these stages."""
        for stage in stages:
            if engine := self._of(stage, engines):
                engine.record_success()

    def record_failure(self, engines: Engines, failure: TurnFailed, source: str = "") -> str:  # noqa: ARG002 - the circuit breaker will
        """A turn of the conversation `source` failed. An engine that keeps failing is set aside for the next in line.

        Returns:
            The sentence that says so; empty where nothing changes.
        """
        stage = next((stage for stage in STAGES if stage == failure.stage), None)
        if stage is None or not failure.counts_against_engine:
            return ""
        if (engine := self._of(stage, engines)) is None or not engine.record_failure():
            return ""
        order = self._order(stage)
        if engine not in order:
            return ""  # somebody has asked for another one meanwhile
        fallbacks = [other for other in order if other is not engine and other.usable and other.state.name != "failed"]
        if not fallbacks:
            return ""  # the last one stays: it may recover, and it is all there is
        engine.trip(failure.message)
        fallback = self._next(stage)
        log.warning("%s is set aside: %s", engine.info.title, failure.message)
        return f"{engine.info.title} keeps failing and is set aside; from the next turn on {fallback.info.title} takes its place."

    # ---- getting ready

    def prepare(self) -> None:
        """Load what the first turn needs, then, stage by stage, the best engine that can be loaded. May take minutes; never raises."""
        loading = [threading.Thread(target=_attempt, args=(self._next(stage),), name=f"prepare-{stage}", daemon=True) for stage in STAGES]
        for thread in loading:  # each in a process of its own: together they take as long as the slowest
            thread.start()
        for thread in loading:
            thread.join()
        for stage in STAGES:
            self._improve(stage)

    def choose(self, stage: Stage, selection: str) -> None:
        """Ask for another engine, ``NAME`` or ``NAME:MODEL``, or with ``""`` for the best; it gets ready behind the one at work.

        Raises:
            EngineError: there is no such engine, it cannot work here, or that is no name of a model.
        """
        name, model = split_selection(selection)
        if name:
            adapter = self._discovery.named(stage, name)
            if (
                model
                and selection != (getattr(self._settings, stage) or "")
                and (not _TYPED_MODEL.fullmatch(model) or Path(model).exists())
            ):
                message = (
                    f"{model[:80]!r} is no name of a model. A folder can only be named where the app is started: --{stage} {name}:FOLDER"
                )
                raise ConfigError(message)
            self._engine(stage, adapter, model).require()
        self._selection[stage] = selection
        self.retry(stage)

    def retry(self, stage: Stage) -> None:
        """Try again, in the background, what failed or was stopped."""
        for engine in self._order(stage):
            engine.reset()
        threading.Thread(target=self._improve, args=(stage,), name=f"prepare-{stage}", daemon=True).start()

    def stop(self, stage: Stage) -> None:
        """End the download that is under way for that stage; the engine at work stays, and what has arrived is kept."""
        for engine in self._tried(stage):
            engine.stop()

    def close(self) -> None:
        """End every download, for the app ends."""
        for stage in STAGES:
            self.stop(stage)

    def _improve(self, stage: Stage) -> None:
        with self._preparing[stage]:
            for engine in self._order(stage):
                if engine.usable and _attempt(engine):
                    self._at_work[stage] = engine
                    for other in self._tried(stage):  # the embedded ones stay: they are small, and know languages that others do not
                        if other is not engine and not other.info.embedded:
                            other.release()
                    return
                if engine.state.name == "stopped":
                    return  # who stops one download does not ask for another

    # ---- who is next

    def _next(self, stage: Stage, language: str = "") -> ManagedEngine:
        order = self._order(stage)
        order = [engine for engine in order if _knows(engine.info, language)] or order
        if ready := next((engine for engine in order if engine.engine is not None), None):
            return ready
        able = [engine for engine in order if engine.usable]
        if not able:
            for engine in order:
                engine.require()
            raise ConfigError(f"No {stage} engine can work here. Reinstall: pip install -r requirements.txt")
        return min(able, key=lambda engine: (engine.state.name in {"failed", "stopped"}, not engine.info.embedded))

    def _order(self, stage: Stage) -> list[ManagedEngine]:
        """The engines that may come to work, the first choice first."""
        name, model = split_selection(self._selection[stage])
        everyone = [self._engine(stage, adapter, "") for adapter in self._discovery.of(stage)]
        if not name:
            return [engine for engine in everyone if engine.info.embedded or (engine.info.preference >= 0 and engine.usable)]
        named, before = self._engine(stage, self._discovery.named(stage, name), model), self._at_work.get(stage)
        order = [
            named,
            *([before] if before and before.engine is not None else []),
            *(engine for engine in everyone if engine.info.embedded),
        ]
        return list(dict.fromkeys(order))

    def _tried(self, stage: Stage) -> list[ManagedEngine]:
        with self._guard:
            return [engine for key, engine in self._managed.items() if key[0] == stage]

    def _of(self, stage: Stage, engines: Engines) -> ManagedEngine | None:
        """The engine that a turn worked with: one adapter may stand in two, with two models."""
        return next((engine for engine in self._tried(stage) if engine.open == getattr(engines, stage).open), None)

    def _engine(self, stage: Stage, adapter: Adapter, model: str) -> ManagedEngine:
        key = (stage, adapter.INFO.name, model)
        with self._guard:
            if key not in self._managed:
                self._managed[key] = ManagedEngine(
                    isolated(adapter) if self._settings.isolate else adapter,
                    lambda: self._discovery.options_of(stage, adapter, model),
                    self._settings.device,
                )
            return self._managed[key]


def _knows(info: EngineInfo, language: str) -> bool:
    """Whether the engine works in that language, by the first part of the tags."""
    known = {tag.partition("-")[0].lower() for tag in info.languages}
    return not language or not known or language.partition("-")[0].lower() in known


def _handle(engine: ManagedEngine) -> EngineHandle[Any]:
    return EngineHandle(engine.info, engine.open)


def _status(engine: ManagedEngine) -> EngineStatus:
    return EngineStatus(engine.info, engine.model, engine.state)


def _attempt(engine: ManagedEngine) -> bool:
    try:
        engine.open()
    except EngineError as error:
        log.warning("%s", error.message)  # the page shows the same sentence
        return False
    return True

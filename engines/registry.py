"""Finds adapters by file name, loads them lazily and once, and reports honestly what state each is in."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import itertools
import logging
import pkgutil
import platform
import sys
import threading
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import Adapter, ChatModel, SpeechToText, TextToSpeech
from engines.settings import Settings
from engines.types import STAGES, EngineInfo, Stage

log = logging.getLogger(__name__)
E = TypeVar("E", SpeechToText, ChatModel, TextToSpeech)

StateName = Literal["idle", "loading", "ready", "needs", "unfit", "failed"]


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine is: `idle` could be loaded, `needs` a package, is `unfit` for this machine, or `failed` to load."""

    name: StateName
    detail: str = ""
    """What to do about it, for people: an install command, the platforms, the error's sentence."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[E]):
    """An engine that is ready to work, with what it says about itself."""

    info: EngineInfo
    engine: E


@dataclass(frozen=True, slots=True)
class Engines:
    """The three engines of one turn."""

    stt: Loaded[SpeechToText]
    llm: Loaded[ChatModel]
    tts: Loaded[TextToSpeech]


class _Slot:
    """One adapter, found but perhaps not loaded."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.info = adapter.INFO
        self.lock = threading.Lock()
        self.state = _fitness(adapter.INFO)
        self.loaded: SpeechToText | ChatModel | TextToSpeech | None = None


class Registry:
    """Every adapter in `stt/`, `llm/` and `tts/`. A new file there is found without being listed anywhere.

    Conversations begin at once on the embedded engines; `prepare` loads better ones behind them, and the next turn uses these.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = {stage: _find(stage) for stage in STAGES}

    def infos(self, stage: Stage) -> tuple[EngineInfo, ...]:
        """All engines of a stage, the preferred first."""
        return tuple(slot.info for slot in self._slots[stage].values())

    def state(self, stage: Stage, name: str) -> EngineState:
        """How one engine is right now."""
        return self._slot(stage, name).state

    def chosen(self, stage: Stage) -> EngineInfo:
        """The engine of the next turn: the first choice that is loaded; before any is, an embedded one.

        Where all of them failed to load, it is the first of these: it tells why, and the next turn tries it again.

        Raises:
            ConfigError: nothing is called what the settings name, an option does not fit, or no engine can work here.
        """
        return self._next(stage).info

    def awaited(self, stage: Stage) -> tuple[tuple[EngineInfo, EngineState], ...]:
        """Engines that would be used before the chosen one, and why they are not yet."""
        chosen = self._next(stage)
        return tuple((slot.info, slot.state) for slot in itertools.takewhile(lambda slot: slot is not chosen, self._order(stage)))

    def engines(self) -> Engines:
        """The chosen engines, loaded; the first call may take a second.

        Raises:
            EngineError: one cannot be loaded; says why.
        """
        return Engines(
            stt=cast(Loaded[SpeechToText], self._load("stt", self._next("stt"))),
            llm=cast(Loaded[ChatModel], self._load("llm", self._next("llm"))),
            tts=cast(Loaded[TextToSpeech], self._load("tts", self._next("tts"))),
        )

    def check(self) -> None:
        """Look over what the settings say of engines.

        Raises:
            ConfigError: an engine or an option that does not exist, or a value that it cannot have.
        """
        for stage in STAGES:
            self._options(stage, self._order(stage)[0])

    def prepare(self) -> None:
        """Load what the first turn needs, then, stage by stage, the best engine that can be loaded. May take minutes; never raises."""
        for stage in STAGES:
            self._attempt(stage, self._next(stage))
        for stage in STAGES:
            for slot in self._order(stage):
                if slot.state.name not in {"needs", "unfit"} and self._attempt(stage, slot):
                    break

    def _attempt(self, stage: Stage, slot: _Slot) -> bool:
        try:
            self._load(stage, slot)
        except EngineError as error:
            log.warning("%s", error.message)  # the page shows the same sentence
            return False
        return True

    def _next(self, stage: Stage) -> _Slot:
        order = self._order(stage)
        if ready := next((slot for slot in order if slot.loaded is not None), None):
            return ready
        able = [slot for slot in order if slot.state.name not in {"needs", "unfit"}]
        if not able:
            for slot in order:
                _require(slot)
            raise ConfigError(f"No {stage} engine can work here. Reinstall: pip install -r requirements.txt")
        return min(able, key=lambda slot: (slot.state.name == "failed", not slot.info.embedded))

    def _order(self, stage: Stage) -> list[_Slot]:
        """The slots that may come to work, the first choice first."""
        everyone = list(self._slots[stage].values())
        if (name := self._named(stage)[0]) is None:
            return [
                slot for slot in everyone if slot.info.embedded or (slot.info.preference >= 0 and slot.state.name not in {"needs", "unfit"})
            ]
        named = self._slot(stage, name)
        return [named, *(slot for slot in everyone if slot.info.embedded and slot is not named)]

    def _named(self, stage: Stage) -> tuple[str | None, str]:
        """Engine and model as the settings name them: ``NAME`` or ``NAME:MODEL``."""
        setting: str | None = getattr(self._settings, stage)
        name, _, model = (setting or "").partition(":")
        return name or None, model

    def _options(self, stage: Stage, slot: _Slot) -> Any:
        """The adapter's options: its defaults, and for the engine that the settings name, what they say.

        Raises:
            ConfigError: there is no such option, or it cannot have that value.
        """
        named, model = self._named(stage)
        if slot.info.name != named:
            return slot.adapter.Options()
        given: dict[str, Any] = {**getattr(self._settings, f"{stage}_options"), **({"model": model} if model else {})}
        known = [field.name for field in dataclasses.fields(slot.adapter.Options)]
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(f"{slot.info.title} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}.")
        try:
            return TypeAdapter(slot.adapter.Options).validate_python(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][-1])
            secret = any(field.name == name and not field.repr for field in dataclasses.fields(slot.adapter.Options))
            value = "" if secret else f", but it is {first['input']!r}"
            raise ConfigError(f"{slot.info.title}, option {name}: {first['msg']}{value}.") from (None if secret else error)

    def _load(self, stage: Stage, slot: _Slot) -> Loaded[SpeechToText] | Loaded[ChatModel] | Loaded[TextToSpeech]:
        with slot.lock:
            if slot.loaded is None:
                _require(slot)
                options = self._options(stage, slot)
                slot.state = EngineState("loading")
                try:
                    slot.loaded = slot.adapter.load(options, self._settings.device)
                except EngineError as error:
                    slot.state = EngineState("failed", error.message)
                    raise
                except Exception as error:
                    log.exception("%s engine %s cannot be loaded", stage, slot.info.name)
                    slot.state = EngineState("failed", str(error))
                    why = str(error).rstrip(".")
                    message = f"{slot.info.title} cannot be started: {why}. Choose another engine, or install this one again."
                    raise EngineError(message, code="load_failed") from error
                slot.state = EngineState("ready")
            return Loaded(slot.info, slot.loaded)  # type: ignore[return-value,type-var]  # the stage decides which protocol

    def _slot(self, stage: Stage, name: str) -> _Slot:
        slots = self._slots[stage]
        if name not in slots:
            raise ConfigError(f"There is no {stage} engine called {name!r}; there is {', '.join(slots)}.")
        return slots[name]


def _find(stage: Stage) -> dict[str, _Slot]:
    package = importlib.import_module(f"engines.{stage}")
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    slots = [_Slot(cast(Adapter, importlib.import_module(f"engines.{stage}.{name}"))) for name in names]
    return {slot.info.name: slot for slot in sorted(slots, key=lambda slot: -slot.info.preference)}


def _fitness(info: EngineInfo) -> EngineState:
    here = {sys.platform, f"{sys.platform}-{platform.machine()}"}
    if info.platforms and not here & set(info.platforms):
        return EngineState("unfit", f"runs on {' or '.join(info.platforms)}")
    if any(importlib.util.find_spec(module) is None for module in info.requires):
        return EngineState("needs", info.install)
    return EngineState("idle")


def _require(slot: _Slot) -> None:
    if slot.state.name == "needs":
        raise MissingDependency(slot.info.title, slot.info.install)
    if slot.state.name == "unfit":
        raise ConfigError(f"{slot.info.title} {slot.state.detail}, not on this machine. Choose another engine.")

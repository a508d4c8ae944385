"""Finds adapters by file name, loads them lazily and once, and reports honestly what state each is in."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import platform
import sys
import threading
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast

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
    """Every adapter in `stt/`, `llm/` and `tts/`. A new file there is found without being listed anywhere."""

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
        """The engine that the settings name, or else the preferred one among those that can work here.

        Where all of them failed to load, it is the preferred one of these: it tells why, and the next turn tries it again.

        Raises:
            ConfigError: nothing is called what the settings name, or no engine can work here.
        """
        name = getattr(self._settings, stage)
        if name is not None:
            return self._slot(stage, name).info
        able = [slot for slot in self._slots[stage].values() if slot.state.name not in {"needs", "unfit"}]
        if not able:
            raise ConfigError(f"No {stage} engine can work here. Reinstall: pip install -r requirements.txt")
        return min(able, key=lambda slot: slot.state.name == "failed").info

    def engines(self) -> Engines:
        """The chosen engines, loaded; the first call may take a second.

        Raises:
            EngineError: one cannot be loaded; says why.
        """
        return Engines(
            stt=cast(Loaded[SpeechToText], self._load("stt")),
            llm=cast(Loaded[ChatModel], self._load("llm")),
            tts=cast(Loaded[TextToSpeech], self._load("tts")),
        )

    def _load(self, stage: Stage) -> Loaded[SpeechToText] | Loaded[ChatModel] | Loaded[TextToSpeech]:
        slot = self._slot(stage, self.chosen(stage).name)
        with slot.lock:
            if slot.loaded is None:
                _require(slot)
                slot.state = EngineState("loading")
                try:
                    slot.loaded = slot.adapter.load(slot.adapter.Options(), self._settings.device)
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

"""Decides which engine works in the next turn: the best that is ready, while better ones get ready behind it."""

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
from engines.protocols import Adapter, ChatModel, SpeechToText, TextToSpeech
from engines.registry.discovery import Adapters, Offer, parts
from engines.registry.managed_engine import EngineState, Slot
from engines.types import STAGES, EngineInfo, Stage
from engines.weights import hub

log = logging.getLogger(__name__)
E = TypeVar("E", SpeechToText, ChatModel, TextToSpeech)

_TYPED_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(:[\w.*-]+)?")
"""What a model may be called that is typed on the page: ``owner/name`` on a hub, ``name:tag`` on a server, never a path."""


@dataclass(frozen=True, slots=True)
class Pick(Generic[E]):
    """The engine of one stage of one turn."""

    info: EngineInfo
    open: Callable[[], E]
    """Gives the engine, loading it if it must; raises EngineError where it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one turn."""

    stt: Pick[SpeechToText]
    llm: Pick[ChatModel]
    tts: Pick[TextToSpeech]
    notices: tuple[str, ...] = ()
    """What the user should know about them, in sentences."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one engine stands, for people."""

    info: EngineInfo
    model: str
    state: EngineState


class Registry:
    """All engines, each kept in its slot.

    Conversations begin at once on the embedded engines; `prepare` fetches and loads better ones behind them, and the next turn uses these.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._adapters = Adapters(settings)
        self._wish: dict[Stage, str] = {stage: getattr(settings, stage) or "" for stage in STAGES}
        self._slots: dict[tuple[Stage, str, str], Slot] = {}
        self._at_work: dict[Stage, Slot] = {}
        """What got ready last: it works on until what was asked for since is ready too."""
        self._guard = threading.Lock()
        self._preparing = {stage: threading.Lock() for stage in STAGES}

    # ---- what there is

    def infos(self, stage: Stage) -> tuple[EngineInfo, ...]:
        """All engines of a stage, the preferred first."""
        return tuple(adapter.INFO for adapter in self._adapters.of(stage))

    def offers(self, stage: Stage) -> tuple[Offer, ...]:
        """All engines of a stage, the preferred first, judged without importing anything."""
        return self._adapters.offers(stage)

    def files(self, stage: Stage, name: str) -> hub.Model | None:
        """The files of the model that an engine would work with; None where it needs none.

        Raises:
            ConfigError: there is no such engine, or an option does not fit.
        """
        named, model = parts(self._wish[stage])
        return self._slot(stage, self._adapters.named(stage, name), model if name == named else "").files()

    def wish(self, stage: Stage) -> str:
        """What was asked for, ``NAME`` or ``NAME:MODEL``; empty means the best that can be loaded."""
        return self._wish[stage]

    def chosen(self, stage: Stage) -> Standing:
        """The engine of the next turn: the first choice that is loaded; before any is, an embedded one.

        Where all of them failed to load, it is the first of these: it tells why, and the next turn tries it again.

        Raises:
            ConfigError: nothing is called what the settings name, an option does not fit, or no engine can work here.
        """
        return _standing(self._next(stage))

    def awaited(self, stage: Stage) -> tuple[Standing, ...]:
        """Engines that would be used before the chosen one, and why they are not yet."""
        chosen = self._next(stage)
        return tuple(map(_standing, itertools.takewhile(lambda slot: slot is not chosen, self._order(stage))))

    def check(self) -> None:
        """Look over what the settings say of engines.

        Raises:
            ConfigError: an engine or an option that does not exist, or a value that it cannot have.
        """
        for stage in STAGES:
            name, model = parts(self._wish[stage])
            if name:
                self._adapters.options(stage, self._adapters.named(stage, name), model)

    # ---- a turn

    def engines(self, language: str = "") -> Engines:
        """The engines of one turn in that language (BCP 47); each is loaded, if it must be, when the turn first needs it.

        Where the chosen one does not know the language and the next in line does, that one is taken and a notice says so.

        Raises:
            ConfigError: what `chosen` raises.
        """
        slots: dict[Stage, Slot] = {stage: self._next(stage, language) for stage in STAGES}
        notices = tuple(
            f"{usual.info.title} does not know the language {language!r}; {slot.info.title} takes its place."
            for stage, slot in slots.items()
            if (usual := self._next(stage)) is not slot
        )
        return Engines(
            stt=cast(Pick[SpeechToText], _pick(slots["stt"])),
            llm=cast(Pick[ChatModel], _pick(slots["llm"])),
            tts=cast(Pick[TextToSpeech], _pick(slots["tts"])),
            notices=notices,
        )

    def worked(self, engines: Engines, stages: Iterable[Stage]) -> None:
        """A turn went well with the engines of these stages."""
        for stage in stages:
            if slot := self._of(stage, engines):
                slot.worked()

    def spoiled(self, engines: Engines, stage: str, code: str, why: str) -> str:
        """A turn failed in that stage. An engine that keeps failing is set aside for the next in line.

        Returns:
            The sentence that says so; empty where nothing changes.
        """
        if stage not in STAGES or (slot := self._of(stage, engines)) is None or not slot.spoiled(code):
            return ""
        order = self._order(stage)
        if slot not in order:
            return ""  # somebody has asked for another one meanwhile
        heirs = [other for other in order if other is not slot and other.able and other.state.name != "failed"]
        if not heirs:
            return ""  # the last one stays: it may recover, and it is all there is
        slot.set_aside(why)
        heir = self._next(stage)
        log.warning("%s is set aside: %s", slot.info.title, why)
        return f"{slot.info.title} keeps failing and is set aside; from the next turn on {heir.info.title} takes its place."

    # ---- getting ready

    def prepare(self) -> None:
        """Load what the first turn needs, then, stage by stage, the best engine that can be loaded. May take minutes; never raises."""
        for stage in STAGES:
            _attempt(self._next(stage))
        for stage in STAGES:
            self._improve(stage)

    def choose(self, stage: Stage, wish: str) -> None:
        """Ask for another engine, ``NAME`` or ``NAME:MODEL``, or with an empty `wish` for the best; it gets ready behind the one at work.

        Raises:
            EngineError: there is no such engine, it cannot work here, or that is no name of a model.
        """
        name, model = parts(wish)
        if name:
            adapter = self._adapters.named(stage, name)
            if model and wish != (getattr(self._settings, stage) or "") and (not _TYPED_MODEL.fullmatch(model) or Path(model).exists()):
                message = (
                    f"{model[:80]!r} is no name of a model. A folder can only be named where the app is started: --{stage} {name}:FOLDER"
                )
                raise ConfigError(message)
            self._slot(stage, adapter, model).require()
        self._wish[stage] = wish
        self.retry(stage)

    def retry(self, stage: Stage) -> None:
        """Try again, in the background, what failed or was stopped."""
        for slot in self._order(stage):
            slot.again()
        threading.Thread(target=self._improve, args=(stage,), name=f"prepare-{stage}", daemon=True).start()

    def stop(self, stage: Stage) -> None:
        """End the download that is under way for that stage; the engine at work stays, and what has arrived is kept."""
        for slot in self._tried(stage):
            slot.stop()

    def _improve(self, stage: Stage) -> None:
        with self._preparing[stage]:
            for slot in self._order(stage):
                if slot.able and _attempt(slot):
                    self._at_work[stage] = slot
                    for other in self._tried(stage):  # the embedded ones stay: they are small, and know languages that others do not
                        if other is not slot and not other.info.embedded:
                            other.release()
                    return
                if slot.state.name == "stopped":
                    return  # who stops one download does not ask for another

    # ---- who is next

    def _next(self, stage: Stage, language: str = "") -> Slot:
        order = self._order(stage)
        order = [slot for slot in order if _knows(slot.info, language)] or order
        if ready := next((slot for slot in order if slot.engine is not None), None):
            return ready
        able = [slot for slot in order if slot.able]
        if not able:
            for slot in order:
                slot.require()
            raise ConfigError(f"No {stage} engine can work here. Reinstall: pip install -r requirements.txt")
        return min(able, key=lambda slot: (slot.state.name in {"failed", "stopped"}, not slot.info.embedded))

    def _order(self, stage: Stage) -> list[Slot]:
        """The slots that may come to work, the first choice first."""
        name, model = parts(self._wish[stage])
        everyone = [self._slot(stage, adapter, "") for adapter in self._adapters.of(stage)]
        if not name:
            return [slot for slot in everyone if slot.info.embedded or (slot.info.preference >= 0 and slot.able)]
        named, before = self._slot(stage, self._adapters.named(stage, name), model), self._at_work.get(stage)
        order = [named, *([before] if before and before.engine is not None else []), *(slot for slot in everyone if slot.info.embedded)]
        return list(dict.fromkeys(order))

    def _tried(self, stage: Stage) -> list[Slot]:
        with self._guard:
            return [slot for key, slot in self._slots.items() if key[0] == stage]

    def _of(self, stage: Stage, engines: Engines) -> Slot | None:
        """The slot that a turn worked with: one adapter may stand in two, with two models."""
        return next((slot for slot in self._tried(stage) if slot.open == getattr(engines, stage).open), None)

    def _slot(self, stage: Stage, adapter: Adapter, model: str) -> Slot:
        key = (stage, adapter.INFO.name, model)
        with self._guard:
            if key not in self._slots:
                self._slots[key] = Slot(adapter, lambda: self._adapters.options(stage, adapter, model), self._settings.device)
            return self._slots[key]


def _knows(info: EngineInfo, language: str) -> bool:
    """Whether the engine works in that language, by the first part of the tags."""
    known = {tag.partition("-")[0].lower() for tag in info.languages}
    return not language or not known or language.partition("-")[0].lower() in known


def _pick(slot: Slot) -> Pick[Any]:
    return Pick(slot.info, slot.open)


def _standing(slot: Slot) -> Standing:
    return Standing(slot.info, slot.model, slot.state)


def _attempt(slot: Slot) -> bool:
    try:
        slot.open()
    except EngineError as error:
        log.warning("%s", error.message)  # the page shows the same sentence
        return False
    return True

"""Engines of one stage: which one works in the next turn, what gets ready behind it, and what is set aside."""

from __future__ import annotations

import itertools
import logging
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engines.config.settings import Settings
from engines.errors import ConfigError, EngineError
from engines.isolation.isolated_engine import isolated
from engines.registry.consent import Answer, Consent
from engines.registry.discovery import EngineDiscovery, split_selection
from engines.registry.managed_engine import EngineState, ManagedEngine
from engines.types import EngineInfo, Stage
from engines.weights.store import Model

log = logging.getLogger(__name__)

MAX_KEPT_DOWNLOADS = 2
"""Most downloads that go on for later, besides the one of the chosen engine."""
RETRY_APART_S = 10.0
"""How often those who may not choose an engine can have it tried again."""
_COMING = frozenset({"idle", "asks", "downloading", "loading"})
"""States of an engine that would be used once it is ready: one that is idle behind it is not loaded."""
_UNFINISHED = frozenset({"downloading", "failed"})
_TYPED_MODEL = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(:[\w.*-]+)?")
"""What a model may be called that is typed on the page: ``owner/name`` on a hub, ``name:tag`` on a server, never a path."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Status of one engine, for people."""

    info: EngineInfo
    model: str
    state: EngineState
    retry_in_s: float | None = None
    """Seconds until an engine that was set aside is tried again by itself; None where it is not set aside."""
    selection: str = ""
    """``NAME`` or ``NAME:MODEL``: what `Registry.stop` knows it by."""


class StageEngines:
    """Every engine of a stage that was ever asked for, each loaded once for everybody. Methods may be called from any thread."""

    def __init__(
        self,
        stage: Stage,
        discovery: EngineDiscovery,
        settings: Settings,
        *,
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        consent: Consent,
    ) -> None:
        self.selection: str = getattr(settings, stage) or ""
        """What was asked for, ``NAME`` or ``NAME:MODEL``; empty means the best that can be loaded."""
        self._stage, self._discovery, self._settings, self._clock, self._later = stage, discovery, settings, clock, later
        self._consent = consent
        self._managed: dict[str, ManagedEngine] = {}
        self._at_work: ManagedEngine | None = None
        """What got ready last: it works on until what was asked for since is ready too."""
        self._kept: list[ManagedEngine] = []
        """What is downloaded for later while another engine was chosen."""
        self._preparation = object()
        """The newest preparation; older ones give up as soon as they can."""
        self._retried_at = -RETRY_APART_S
        self._guard = threading.Lock()

    # ---- who is next

    def find(self, selection: str) -> ManagedEngine | None:
        """An engine that was asked for before."""
        with self._guard:
            return self._managed.get(selection)

    def engine(self, selection: str) -> ManagedEngine:
        """The engine called ``NAME`` or ``NAME:MODEL``.

        Raises:
            ConfigError: there is none.
        """
        name, model = split_selection(selection)
        adapter = self._discovery.named(self._stage, name)
        with self._guard:
            if selection not in self._managed:
                self._managed[selection] = ManagedEngine(
                    isolated(adapter) if self._settings.isolate else adapter,
                    lambda: self._discovery.options_of(self._stage, adapter, model),
                    self._settings.device,
                    self._settings.weights,
                    selection=selection,
                    clock=self._clock,
                    consent=None if selection and selection == getattr(self._settings, self._stage) else self._consent,
                )
            return self._managed[selection]

    def order(self) -> list[ManagedEngine]:
        """The engines that may come to work, the first choice first."""
        everyone = [self.engine(adapter.INFO.name) for adapter in self._discovery.of(self._stage)]
        if not self.selection:
            return [engine for engine in everyone if engine.info.embedded or engine.is_offered]
        before = self._at_work
        worked = [before] if before is not None and (before.is_ready or before.breaker.retry_in_s is not None) else []
        return list(dict.fromkeys([self.engine(self.selection), *worked, *(engine for engine in everyone if engine.info.embedded)]))

    def wanted(self) -> tuple[tuple[EngineInfo, Model], ...]:
        """See `Registry.wanted`."""
        return tuple((engine.info, files) for engine in self.order() if engine.usable and (files := engine.files()))

    def next(self) -> ManagedEngine:
        """The engine of the next turn.

        Raises:
            ConfigError: none can work here.
        """
        return self._pick(self._snapshot())

    def next_for(self, language: str) -> tuple[ManagedEngine, str]:
        """The engine of the next turn in a language, and what to say about it: that it is not the usual one; else empty.

        Raises:
            ConfigError: none can work here.
        """
        candidates = self._snapshot()
        usual, engine = self._pick(candidates), self._pick(candidates, language)
        if usual is engine:
            return engine, ""
        return engine, f"{usual.info.title} does not know the language {language!r}; {engine.info.title} takes its place."

    def chosen(self) -> EngineStatus:
        """See `Registry.chosen`."""
        return _status(self.next())

    def awaited(self) -> tuple[EngineStatus, ...]:
        """See `Registry.awaited`."""
        chosen = self.next()
        before = list(itertools.takewhile(lambda engine: engine is not chosen, self.order()))
        coming = next((engine for engine in before if engine.state.name in _COMING), None)
        return tuple(_status(engine) for engine in before if engine.state.name != "idle" or engine is coming)

    def downloads(self) -> tuple[EngineStatus, ...]:
        """See `Registry.downloads`."""
        order = self.order() if self._kept else []
        return tuple(_status(engine) for engine in self._kept if engine not in order and engine.state.name in _UNFINISHED)

    def _snapshot(self) -> list[tuple[ManagedEngine, bool]]:
        """The order, and whether each engine is ready: looked at once, for that may change from one moment to the next."""
        return [(engine, engine.is_ready) for engine in self.order()]

    def _pick(self, candidates: Sequence[tuple[ManagedEngine, bool]], language: str = "") -> ManagedEngine:
        candidates = [(engine, ready) for engine, ready in candidates if engine.knows(language)] or candidates
        if chosen := next((engine for engine, ready in candidates if ready), None):
            return chosen
        usable = [engine for engine, _ in candidates if engine.usable]
        if not usable:
            for engine, _ in candidates:
                engine.require()
            raise ConfigError(f"No {self._stage} engine can work here. Reinstall: pip install -r requirements.txt")
        return min(usable, key=lambda engine: (engine.state.name in {"failed", "stopped", "asks"}, not engine.info.embedded))

    # ---- getting ready

    def begin(self) -> object:
        """A new preparation: older ones are not wanted any more."""
        self._preparation = preparation = object()
        return preparation

    def load_first(self) -> None:
        """Load what the first turn needs: the best engine, where its files are here, else what works without any; never raises."""
        try:
            best = next((engine for engine in self.order() if engine.usable), None)
            if best and not best.info.embedded and best.is_here and self._attempt(best):
                self._at_work = best
                return
            self._attempt(self.next())
        except EngineError as error:  # none can work here, which the next turn says
            log.warning("%s", error.message)

    def improve(self, preparation: object) -> None:
        """Load the best engine that can be loaded, while that preparation is the newest; may take minutes, never raises."""

        def wanted() -> bool:
            return self._preparation is preparation

        for engine in self.order():
            if engine.usable and self._attempt(engine, wanted):
                if wanted():
                    self._at_work = engine
                    for other in self._tried():  # the embedded ones stay: they are small, and know languages that others do not
                        if other is not engine and not other.info.embedded:
                            other.release()
                return
            if engine.state.name in {"stopped", "asks"} or not wanted():
                return  # who stops one download, or has still to answer, does not ask for another

    def choose(self, selection: str, *, keep: bool) -> None:
        """See `Registry.choose`."""
        self._require(selection)
        others = [engine for engine in self._tried() if engine.state.name == "downloading" and engine.selection != selection]
        kept = others if keep else [engine for engine in others if engine in self._kept]
        if keep and len(kept) > MAX_KEPT_DOWNLOADS:
            raise ConfigError(f"{len(kept)} downloads are under way already. Cancel one of them first.")
        self.selection, self._kept = selection, kept
        self.retry()
        wanted = [*kept, *self.order()]
        for engine in others:
            if engine not in wanted:
                engine.stop()

    def retry(self) -> None:
        """See `Registry.retry`."""
        for engine in self.order():
            engine.reset()
        self._background(partial(self.improve, self.begin()))

    def answer(self, selection: str, answer: Answer) -> None:
        """See `Registry.answer`."""
        engine = self.find(selection)
        if engine and engine.answer(answer):
            self._background(partial(self.improve, self.begin()))

    def retry_set_aside(self) -> None:
        """See `Registry.retry_set_aside`."""
        if self._clock() - self._retried_at < RETRY_APART_S:
            return
        self._retried_at = self._clock()
        for engine in self.order():
            if engine.breaker.retry_in_s is not None:
                self._background(partial(self._revive, engine))

    def stop(self, selection: str | None = None) -> None:
        """See `Registry.stop`."""
        for engine in self._tried():
            if selection is None or engine.selection == selection:
                engine.stop()

    def set_aside(self, engine: ManagedEngine, why: str) -> None:
        """Do not use an engine for a while; it is loaded again after the pause."""
        engine.trip(why)
        self._later(engine.breaker.pause_s, partial(self._revive, engine, automatic=True))
        log.warning("%s is set aside for %.0f s: %s", engine.info.title, engine.breaker.pause_s, why)

    def _revive(self, engine: ManagedEngine, *, automatic: bool = False) -> None:
        """Load an engine that was set aside, so that a turn can try it: after the pause, or on demand before."""
        rest_s = engine.breaker.retry_in_s
        if engine.state.name != "failed" or rest_s is None or (automatic and rest_s > 0) or engine not in self.order():
            return  # somebody else has seen to it meanwhile, or nobody wants it any more
        if not automatic:
            engine.reset()
        self._attempt(engine)

    def _attempt(self, engine: ManagedEngine, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Load an engine; whether it is loaded. One that may be well again by itself is tried again later."""
        try:
            return engine.load(wanted) is not None
        except EngineError as error:
            if engine.state.name == "failed" and (error.retryable or engine.breaker.retry_in_s is not None):
                self.set_aside(engine, error.message)
            else:
                log.warning("%s", error.message)  # the page shows the same sentence
            return False

    def _require(self, selection: str) -> None:
        name, model = split_selection(selection)
        if not name:
            return
        self._discovery.named(self._stage, name)
        of_settings = selection == (getattr(self._settings, self._stage) or "")
        if model and not of_settings and (not _TYPED_MODEL.fullmatch(model) or Path(model).exists()):
            folder = f"--{self._stage} {name}:FOLDER"
            raise ConfigError(f"{model[:80]!r} is no name of a model. A folder can only be named where the app is started: {folder}")
        self.engine(selection).require()

    def _tried(self) -> list[ManagedEngine]:
        with self._guard:
            return list(self._managed.values())

    def _background(self, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=f"prepare-{self._stage}", daemon=True).start()


def _status(engine: ManagedEngine) -> EngineStatus:
    retry_in_s = engine.breaker.retry_in_s if engine.state.name == "failed" else None
    state = EngineState("loading") if engine.is_restarting else engine.state
    return EngineStatus(engine.info, engine.model, state, retry_in_s, engine.selection)

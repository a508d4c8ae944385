"""Managed engine: one adapter with one model, fetched, loaded once for everybody, and set aside when it keeps failing."""

from __future__ import annotations

import importlib.util
import logging
import platform
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engines.concurrency.channel import CancelToken
from engines.concurrency.fair_queue import FairQueue
from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import Adapter
from engines.registry.circuit_breaker import CircuitBreaker
from engines.registry.consent import ASK_ABOVE_BYTES, Answer, Consent
from engines.types import EngineInfo
from engines.weights import store
from engines.weights.fetching import size as size_of

log = logging.getLogger(__name__)

StateName = Literal["idle", "asks", "downloading", "loading", "ready", "needs", "unfit", "failed", "stopped"]

_DECLINED = "was not wanted: a download of {size}."
_TELL_LEFT_AFTER_S = 2.0
_LOOK_EVERY_S = 0.5
"""How often a thread that waits for another's loading checks whether its own is still wanted."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Engine state: `idle` could be loaded, `asks` whether to be downloaded, `needs` a package, is `unfit` for this machine, `failed`, or
    its download was `stopped`, or not wanted."""

    name: StateName
    detail: str = ""
    """What to do about it, for people: an install command, the platforms, the error's sentence."""
    done: int = 0
    """While downloading: bytes that are here."""
    total: int = 0
    """Bytes of all its files; while it asks, those that are still to come."""
    source: str = ""
    """While downloading: where it comes from, a host or the program that asks a package registry."""
    left_s: float | None = None
    """While downloading: seconds that it will take at the speed so far; None before that can be said."""


class ManagedEngine:
    """One adapter with one model, and the circuit breaker of its engine. Every method may be called from any thread."""

    def __init__(
        self,
        adapter: Adapter,
        options: Callable[[], Any],
        device: str,
        weights: Path,
        *,
        selection: str = "",
        clock: Callable[[], float] = time.monotonic,
        consent: Consent | None = None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            adapter: the adapter's module.
            options: makes its `Options`; may raise ConfigError.
            device: where it shall compute.
            weights: the folder of the catalog's models.
            selection: ``NAME`` or ``NAME:MODEL``.
            clock: counts the seconds of the circuit breaker.
            consent: asked before a large download; None downloads whatever it takes.
        """
        self.adapter, self.info, self.selection = adapter, adapter.INFO, selection
        self.state = fitness(adapter.INFO)
        self.engine: Any = None
        """None while it is not loaded."""
        self.model = ""
        """What it works with, as the hub, a server or the disk calls it; empty before it was tried, or where there is no choice."""
        self.breaker = CircuitBreaker(clock)
        self.queue = FairQueue(adapter.INFO.at_once)
        self._options, self._device, self._weights = options, device, weights
        self._clock, self._consent = clock, consent
        self._begun: tuple[str | None, float, int] = (None, 0.0, 0)
        """The source of the download, when it was first heard of, and the bytes that were here by then."""
        self._loading = threading.Lock()
        self._cancel = CancelToken()
        self._stops = 0

    @property
    def usable(self) -> bool:
        """Whether it could work on this machine."""
        return self.state.name not in {"needs", "unfit"}

    @property
    def is_ready(self) -> bool:
        """Whether a turn may use it now: it is loaded, and its circuit breaker allows it."""
        return self.engine is not None and self.breaker.allows_use and not self.is_restarting

    @property
    def is_restarting(self) -> bool:
        """Whether its process has died and is started again; only an engine in a process of its own can be."""
        return bool(getattr(self.engine, "is_restarting", False))

    @property
    def is_offered(self) -> bool:
        """Whether it may be chosen by itself: its files are here, or may be fetched."""
        return self.info.preference >= 0 and self.usable and (not self.info.only_where_here or self.is_here)

    def knows(self, language: str) -> bool:
        """Whether it works in that language, by the first part of the tags."""
        by_voice = self.info.languages_by_voice and self.engine is not None
        tags = [voice.language for voice in self.engine.voices()] if by_voice else self.info.languages
        known = {tag.partition("-")[0].lower() for tag in tags}
        return not language or not known or language.partition("-")[0].lower() in known

    def require(self) -> None:
        """Raise what keeps the engine from being tried at all.

        Raises:
            MissingDependency: a package is not installed.
            ConfigError: it does not work on this machine, or an option does not fit.
        """
        if self.state.name == "needs":
            raise MissingDependency(self.info.title, self.info.install)
        if self.state.name == "unfit":
            raise ConfigError(f"{self.info.title} {self.state.detail}, not on this machine. Choose another engine.")
        self._options()

    def files(self) -> store.Model | None:
        """The files that it would work with; None where it needs none.

        Raises:
            ConfigError: an option does not fit.
        """
        return self._files(self._options())

    def open(self) -> Any:
        """The engine for a turn, fetched and loaded if it is not yet; whoever comes meanwhile waits for it.

        Raises:
            EngineError: it cannot be; the state says why as well.
        """
        engine = self.load()
        self.breaker.begin_trial()
        return engine

    def load(self, wanted: Callable[[], bool] = lambda: True) -> Any:
        """The engine, fetched and loaded if it is not yet; None where it is not `wanted` any more before it is loaded.

        Raises:
            EngineError: it cannot be; the state says why as well.
        """
        stops = self._stops
        while not self._loading.acquire(timeout=_LOOK_EVERY_S):
            if not wanted():
                return None
        try:
            if self._stops != stops and self.state.name == "stopped":  # whoever stopped it meant those who waited for it as well
                raise EngineError(self.state.detail, code="cancelled", retryable=True)
            if self.engine is None and wanted():
                self.require()
                try:
                    self.engine = self._made(self._options(), wanted)
                except BaseException as error:  # compiled libraries raise panics that are no `Exception`
                    failure = self._explained(error)
                    if failure.code != "asks":
                        self.state = EngineState("stopped" if failure.code in {"cancelled", "declined"} else "failed", failure.message)
                    raise failure from (error.__cause__ if failure is error else error)
                self.state = EngineState("idle" if self.engine is None else "ready")
            return self.engine
        finally:
            self._loading.release()

    def stop(self) -> None:
        """End its download, if one is under way."""
        self._stops += 1
        self._cancel.cancel()

    def reset(self) -> None:
        """Forget that it failed, was stopped or was not wanted."""
        self.breaker.reset()
        if self._consent:
            self._consent.ask_again(self.model)
        if self.state.name in {"failed", "stopped", "asks"}:
            self.state = EngineState("idle")

    def answer(self, answer: Answer) -> bool:
        """Somebody answered whether its files shall be downloaded; whether it had asked, and may begin now."""
        if self._consent is None or self.state.name != "asks":
            return False
        self._consent.answer(self.model, answer)
        self.state = EngineState("idle") if answer == "yes" else EngineState("stopped", _DECLINED.format(size=size_of(self.state.total)))
        return answer == "yes"

    @property
    def is_here(self) -> bool:
        """Whether the files that it works with are all on this machine; False where it needs none, or an option does not fit."""
        try:
            files = self.files()
        except EngineError:
            return False
        return files is not None and store.find(files, self._weights) is not None

    def release(self) -> None:
        """Let go of the loaded engine; turns that still work with it keep it until they end. Never blocks: what is being loaded stays."""
        if self._loading.acquire(blocking=False):
            try:
                if self.engine is not None:
                    self.engine, self.state = None, EngineState("idle")
            finally:
                self._loading.release()

    def trip(self, why: str) -> None:
        """Set it aside: its circuit breaker opens, and its memory is free for the next in line."""
        self.engine, self.state = None, EngineState("failed", why)
        self.breaker.open()

    def _made(self, options: Any, wanted: Callable[[], bool]) -> Any:
        files = self._files(options)
        self.model = files.name if files else str(getattr(options, "model", ""))
        folder = None
        if files:
            self._cancel = CancelToken()
            if not wanted():
                return None
            folder = store.fetch(files, self._weights, self._show_progress, self._cancel, self._allow)
            if not wanted():
                return None
        self.state = EngineState("loading")
        return self.adapter.load(options, self._device, folder)

    def _explained(self, error: BaseException) -> EngineError:
        if isinstance(error, EngineError):
            return error
        log.error("%s engine %s cannot be loaded", self.info.stage, self.info.name, exc_info=error)
        message = f"{self.info.title} cannot be started: {str(error).rstrip('.')}. Choose another engine, or install this one again."
        return EngineError(message, code="load_failed")

    def _files(self, options: Any) -> store.Model | None:
        files: Callable[[Any, str], store.Model | None] | None = getattr(self.adapter, "files", None)
        return files(options, self._device) if files else None

    def _allow(self, size: int) -> None:
        """Raise unless a download of that many bytes may begin."""
        answer = self._consent.answer_of(self.model) if self._consent else "yes"
        if size <= ASK_ABOVE_BYTES or answer == "yes":
            return
        if answer:
            raise EngineError(_DECLINED.format(size=size_of(size)), code="declined")
        self.state = EngineState("asks", total=size)
        how = f"Say on the page whether to fetch it, or run: python -m engines fetch {self.info.name}"
        raise EngineError(f"{self.info.title} would work with {self.model}, a download of {size_of(size)}. {how}", code="asks")

    def _show_progress(self, progress: store.Progress) -> None:
        source, since, before = self._begun
        now = self._clock()
        if source != progress.source or progress.done < before:
            self._begun = progress.source, now, progress.done
            since, before = now, progress.done
        left_s = None
        if now - since >= _TELL_LEFT_AFTER_S and progress.done > before:
            left_s = (progress.total - progress.done) * (now - since) / (progress.done - before)
        self.state = EngineState("downloading", done=progress.done, total=progress.total, source=progress.source, left_s=left_s)


def fitness(info: EngineInfo) -> EngineState:
    """Whether an engine could work here, judged without importing anything."""
    here = {sys.platform, f"{sys.platform}-{platform.machine()}"}
    if info.platforms and not here & set(info.platforms):
        return EngineState("unfit", f"runs on {' or '.join(info.platforms)}")
    if any(importlib.util.find_spec(module) is None for module in info.requires):
        return EngineState("needs", info.install)
    return EngineState("idle")

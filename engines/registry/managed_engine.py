"""Managed engine: one adapter with one model, fetched, loaded once for everybody, and set aside when it keeps failing."""

from __future__ import annotations

import importlib.util
import logging
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from engines.concurrency.channel import CancelToken
from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import Adapter
from engines.types import EngineInfo
from engines.weights import hub

log = logging.getLogger(__name__)

StateName = Literal["idle", "downloading", "loading", "ready", "needs", "unfit", "failed", "stopped"]

FAILURE_THRESHOLD = 2
"""Failures in a row after which an engine is set aside."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine is: `idle` could be loaded, `needs` a package, is `unfit` for this machine, `failed`, or its download was `stopped`."""

    name: StateName
    detail: str = ""
    """What to do about it, for people: an install command, the platforms, the error's sentence."""
    done: int = 0
    """While downloading: bytes that are here."""
    total: int = 0


class ManagedEngine:
    """One adapter with one model. Every method may be called from any thread."""

    def __init__(self, adapter: Adapter, options: Callable[[], Any], device: str) -> None:
        """Nothing is loaded yet.

        Args:
            adapter: the adapter's module.
            options: makes its `Options`; may raise ConfigError.
            device: where it shall compute.
        """
        self.adapter, self.info = adapter, adapter.INFO
        self.state = fitness(adapter.INFO)
        self.engine: Any = None
        """None while it is not loaded."""
        self.model = ""
        """What it works with, as the hub, a server or the disk calls it; empty before it was tried, or where there is no choice."""
        self._options, self._device = options, device
        self._loading = threading.Lock()
        self._cancel = CancelToken()
        self._failures = 0

    @property
    def usable(self) -> bool:
        """Whether it could work on this machine."""
        return self.state.name not in {"needs", "unfit"}

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

    def files(self) -> hub.Model | None:
        """The files that it would work with; None where it needs none.

        Raises:
            ConfigError: an option does not fit.
        """
        return self._files(self._options())

    def open(self) -> Any:
        """The engine, fetched and loaded if it is not yet; whoever comes meanwhile waits for it.

        Raises:
            EngineError: it cannot be; the state says why as well.
        """
        with self._loading:
            if self.engine is None:
                self.require()
                try:
                    self.engine = self._made(self._options())
                except EngineError as error:
                    self.state = EngineState("stopped" if error.code == "cancelled" else "failed", error.message)
                    raise
                self.state, self._failures = EngineState("ready"), 0
            return self.engine

    def stop(self) -> None:
        """End its download, if one is under way."""
        self._cancel.cancel()

    def reset(self) -> None:
        """Forget that it failed or was stopped."""
        if self.state.name in {"failed", "stopped"}:
            self.state = EngineState("idle")

    def release(self) -> None:
        """Let go of the loaded engine; turns that still work with it keep it until they end."""
        with self._loading:
            if self.engine is not None:
                self.engine, self.state = None, EngineState("idle")

    def record_success(self) -> None:
        """A turn went well with it."""
        self._failures = 0

    def record_failure(self) -> bool:
        """It failed in a turn; whether that was once too often."""
        self._failures += 1
        return self._failures >= FAILURE_THRESHOLD

    def trip(self, why: str) -> None:
        """Set it aside until somebody calls `reset`."""
        self.engine, self.state, self._failures = None, EngineState("failed", why), 0

    def _made(self, options: Any) -> Any:
        files = self._files(options)
        self.model = files.name if files else str(getattr(options, "model", ""))
        folder = None
        if files:
            self._cancel = CancelToken()
            folder = hub.fetch(files, self._tell, self._cancel)
        self.state = EngineState("loading")
        try:
            return self.adapter.load(options, self._device, folder)
        except EngineError:
            raise
        except Exception as error:
            log.exception("%s engine %s cannot be loaded", self.info.stage, self.info.name)
            message = f"{self.info.title} cannot be started: {str(error).rstrip('.')}. Choose another engine, or install this one again."
            raise EngineError(message, code="load_failed") from error

    def _files(self, options: Any) -> hub.Model | None:
        files: Callable[[Any, str], hub.Model | None] | None = getattr(self.adapter, "files", None)
        return files(options, self._device) if files else None

    def _tell(self, progress: hub.Progress) -> None:
        self.state = EngineState("downloading", done=progress.done, total=progress.total)


def fitness(info: EngineInfo) -> EngineState:
    """Whether an engine could work here, judged without importing anything."""
    here = {sys.platform, f"{sys.platform}-{platform.machine()}"}
    if info.platforms and not here & set(info.platforms):
        return EngineState("unfit", f"runs on {' or '.join(info.platforms)}")
    if any(importlib.util.find_spec(module) is None for module in info.requires):
        return EngineState("needs", info.install)
    return EngineState("idle")

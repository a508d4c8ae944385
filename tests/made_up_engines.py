"""Engines made up for the tests of the registry, and a registry whose time passes when it is told to."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from engines.config.settings import Settings
from engines.events import TurnFailed
from engines.registry import discovery
from engines.registry.registry import Registry
from engines.types import EngineInfo, TurnTimings


class Adapter:
    """An adapter made up for a test."""

    def __init__(self, load: Callable[..., Any] | None, **info: Any) -> None:
        self.INFO = EngineInfo(**{"name": "made_up", "stage": "tts", "title": "Made up", "summary": "Made up.", **info})
        self.load = load

    @dataclasses.dataclass(frozen=True)
    class Options:
        pass


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    model: str = "small"
    beams: int = 1
    key: str = dataclasses.field(default="", repr=False)


class Time:
    """A virtual clock, and what is to be done later on it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def clock(self) -> float:
        return self.now

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self._due.append((self.now + delay_s, call))

    def passes(self, seconds: float) -> None:
        """Do what falls due meanwhile, each at its time."""
        end = self.now + seconds
        while due := sorted((at, number) for number, (at, _) in enumerate(self._due) if at <= end):
            at, number = due[0]
            self.now, (_, call) = at, self._due.pop(number)
            call()
        self.now = end


def with_adapters(monkeypatch: Any, *adapters: Adapter, time: Time | None = None, **settings: Any) -> Registry:
    """A registry that knows these alone, in every stage."""
    monkeypatch.setattr(discovery, "discover", lambda stage: {adapter.INFO.name: adapter for adapter in adapters})
    return Registry(Settings(**settings), clock=time.clock, later=time.later) if time else Registry(Settings(**settings))


def working(name: str, **info: Any) -> Adapter:
    return Adapter(lambda options, device, folder: name, name=name, **info)


def failure(code: str = "failed", stage: str = "tts", message: str = "It broke.", *, counts: bool = True) -> TurnFailed:
    """The end of a turn whose engine failed."""
    said = {"code": code, "message": message, "stage": stage, "retryable": True, "counts_against_engine": counts}
    return TurnFailed(turn_id="t", seq=0, text="", timings=TurnTimings(), **said)


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not what() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert what()


def ready(registry: Registry, name: str) -> None:
    wait_for(lambda: (registry.chosen("tts").info.name, registry.chosen("tts").state.name) == (name, "ready"))

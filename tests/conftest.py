"""Stub engines of known behaviour, and the registry, people and sessions that tests work with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from engines.events import TurnFailed
from engines.registry.registry import EngineHandle, Engines
from engines.types import (
    AudioChunk,
    ChatMessage,
    EngineInfo,
    Persona,
    PhonemeTiming,
    Speech,
    Stage,
    TextDelta,
    Transcript,
    Voice,
    WordTiming,
)

pytest_plugins = ["selection", "browsing", "fixtures.own_avatar", "openai_server", "program_server"]
"""Which tests run, and the fixtures of the tests in a browser and of engines on a server."""
T = TypeVar("T")
HOUSE = Path(__file__).resolve().parent.parent
RATE = 16_000


def tone(ms: float = 500, hz: float = 220, level: float = 0.3, rate: int = RATE) -> AudioChunk:
    """A sine of that length."""
    t = np.arange(round(rate * ms / 1000)) / rate
    return AudioChunk((level * np.sin(2 * np.pi * hz * t)).astype(np.float32), rate)


def in_threads(*works: Callable[[], object]) -> None:
    """Do all of it at once, and wait for the end."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def awaited(coroutine: Coroutine[object, object, T]) -> T:
    """What a coroutine returns; on a loop and a thread of its own, for that of the browser tests runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def speech_of(text: str, ms_per_word: float = 200) -> Speech:
    """A tone with one phoneme a word, as exact as a synthesizer's."""
    words = text.split(" ")
    pieces = [word + (" " if at < len(words) - 1 else "") for at, word in enumerate(words)]
    timings = tuple(WordTiming(word, at * ms_per_word, ms_per_word) for at, word in enumerate(pieces))
    phonemes = tuple(PhonemeTiming("a", timing.start_ms, timing.duration_ms) for timing in timings)
    return Speech(tone(ms_per_word * len(words)), phonemes, timings, "measured")


@dataclass
class StubEars:
    """Hears the same words in every recording."""

    text: str = "hello there"
    error: Exception | None = None
    heard: list[AudioChunk] = field(default_factory=list)

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        self.heard.append(audio)
        if self.error:
            raise self.error
        return Transcript(self.text, language)


@dataclass
class StubMind:
    """Writes the same deltas every time; `before(i)` runs before the i-th."""

    deltas: Sequence[str] = ("One two three. ", "Four five six. ", "Seven eight nine.")
    error: Exception | None = None
    before: Callable[[int], object] = lambda _: None
    asked: list[list[ChatMessage]] = field(default_factory=list)
    steps: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        self.asked.append(list(messages))
        try:
            for index, text in enumerate(self.deltas):
                self.before(index)
                self.steps = index + 1
                yield TextDelta(text)
            if self.error:
                raise self.error
        finally:
            self.closed.set()


@dataclass
class StubVoice:
    """Says every text as a tone."""

    error: Exception | None = None
    say: Callable[[str], Iterator[Speech]] = lambda text: iter([speech_of(text)])
    before: Callable[[str], object] = lambda _: None
    said: list[tuple[str, str | None]] = field(default_factory=list)

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        self.said.append((text, voice))
        self.before(text)
        if self.error:
            raise self.error
        yield from self.say(text)

    def voices(self) -> Sequence[Voice]:
        return [Voice("stub", "Stub", "en")]


def stub_engines(ears: object = None, mind: object = None, voice: object = None) -> Engines:
    """A set of engines; what is not given is a stub."""
    parts = {"stt": ears or StubEars(), "llm": mind or StubMind(), "tts": voice or StubVoice()}
    infos = {stage: EngineInfo(name=f"stub_{stage}", stage=stage, title=f"Stub {stage}", summary="A stub.") for stage in parts}
    return Engines(**{stage: EngineHandle(infos[stage], lambda engine=engine: engine) for stage, engine in parts.items()})


class StubRegistry:
    """Gives out a set of stub engines."""

    def __init__(self, engines: Engines) -> None:
        self.given = engines

    def engines(self, language: str = "", input_language: str | None = None) -> Engines:
        return self.given

    def infos(self, stage: Stage) -> tuple[EngineInfo, ...]:
        return (getattr(self.given, stage).info,)

    def record_success(self, engines: Engines, stages: Iterable[Stage], source: str = "") -> None:
        pass

    def record_failure(self, engines: Engines, failure: TurnFailed, source: str = "") -> str:
        return ""

    def close(self) -> None:
        pass


@pytest.fixture
def persona() -> Persona:
    return Persona(
        id="pat",
        name="Pat",
        line="Somebody",
        prompt="You are Pat.",
        language="en",
        voices=(("stub_tts", "pats_voice"),),
        avatar="mia",
        greeting="Hello, I am Pat. What is on your mind?",
        mood="neutral",
        colour="#336699",
    )

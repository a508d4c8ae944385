"""What a process of its own costs an engine: a token's and a second of sound's way across, the time to start it, and its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import psutil

from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.isolation.isolated_engine import IsolatedAdapter
from engines.llm import scripted
from engines.protocols import Adapter
from engines.stt import pocketsphinx
from engines.tts import espeak_ng
from engines.types import ChatMessage

ROUNDS = 200
TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds, for the dog is asleep in the sun and dreams of foxes."
GOAL_MS = 0.1
"""Of a second of sound."""


def main() -> None:
    """Print the costs."""
    persona = PersonaBook(Settings().personas_file).first(None)
    question = [ChatMessage("system", "Be kind."), ChatMessage("user", "Tell me something interesting.")]
    engines = {}
    for adapter in (espeak_ng, scripted, pocketsphinx):
        begun = time.perf_counter()
        engine = IsolatedAdapter(adapter).load(adapter.Options(), "auto", None)
        took = time.perf_counter() - begun
        rss = psutil.Process(engine.supervisor.pid).memory_info().rss / 2**20
        engines[adapter] = engine
        print(f"isolation: {adapter.INFO.title} starts in {took:.2f} s and takes {rss:.0f} MB")
    (speech,) = engines[espeak_ng].synthesize(TEXT)
    seconds = speech.audio.duration_ms / 1000
    voice = _cost_ms(espeak_ng, engines, lambda engine: engine.synthesize(TEXT))
    print(f"isolation: {seconds:.1f} s of sound cost {voice:.2f} ms more, {voice / seconds:.3f} ms a second (goal: {GOAL_MS} ms)")
    steps = len(list(scripted.load(scripted.Options(), "auto").stream(question, persona)))
    mind = _cost_ms(scripted, engines, lambda engine: engine.stream(question, persona))
    print(f"isolation: a reply of {steps} tokens costs {mind:.2f} ms more, {mind / steps:.3f} ms a token")


def _cost_ms(adapter: Adapter, engines: dict[Adapter, object], call: Callable[[object], Iterator[object]]) -> float:
    """Median over pairs, in turn: isolated minus in-process."""
    here, there = adapter.load(adapter.Options(), "auto", None), engines[adapter]
    differences = []
    for _ in range(ROUNDS):
        times = []
        for engine in (here, there):
            begun = time.perf_counter()
            for _ in call(engine):
                pass
            times.append(time.perf_counter() - begun)
        differences.append((times[1] - times[0]) * 1000)
    return statistics.median(differences)


if __name__ == "__main__":
    main()

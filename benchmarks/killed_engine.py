"""An engine's process is killed from outside, as the system does it when the memory is full: how soon the next turn is served.

The embedded engines, or those that the environment names: ``VISAVIS_STT=faster_whisper VISAVIS_TTS=kokoro_onnx``.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import psutil

from engines.config.personas import PersonaBook
from engines.config.settings import load_settings
from engines.conversation.turn import TurnRequest, run_turn
from engines.events import SegmentReady, TranscriptReady, TurnEnded
from engines.registry.registry import Registry
from engines.types import Utterance

ROUNDS = 5
GOAL_S, GOAL_ESPEAK_S = 3.0, 0.5


def main() -> None:
    """Print, for each engine, how long the turn takes that begins right after the kill."""
    settings = load_settings()
    registry, persona = Registry(settings), PersonaBook(settings.personas_file).first(None)
    if settings.stt or settings.tts:
        registry.prepare()
    greeting = TurnRequest("warm", persona, None, reply="Hello there, it is good to see you.")
    sound = next(event.segment.audio for event in run_turn(greeting, registry.engines()) if isinstance(event, SegmentReady))
    heard = TurnRequest("heard", persona, Utterance(audio=sound), reply=None)
    registry.engines().stt.open()
    for stage, request, wanted in (("tts", greeting, SegmentReady), ("stt", heard, TranscriptReady)):
        waits, usual = [], _served_s(request, registry, wanted)
        for _ in range(ROUNDS):
            engine = getattr(registry.engines(), stage).open()
            psutil.Process(engine.supervisor.pid).kill()
            waits.append(_served_s(replace(request, turn_id="killed"), registry, wanted))
        info = registry.chosen(stage).info
        print(f"killed engine: {info.title}: usually {usual * 1000:.0f} ms; after a kill median {statistics.median(waits):.2f},", end=" ")
        print(f"worst {max(waits):.2f} s (goal: at most {GOAL_ESPEAK_S if info.name == 'espeak_ng' else GOAL_S} s)")


def _served_s(request: TurnRequest, registry: Registry, wanted: type) -> float:
    """From the turn's beginning to the first event of that kind."""
    begun, served = time.perf_counter(), None
    for event in run_turn(request, registry.engines()):
        if isinstance(event, wanted) and served is None:
            served = time.perf_counter() - begun
        if isinstance(event, TurnEnded) and served is None:
            raise SystemExit(f"The turn was not served: {event}")
    assert served is not None
    return served


if __name__ == "__main__":
    main()

"""Whole turns with real engines: from the end of a recording to the first sound that can be heard, and whether the sound ever runs dry."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from benchmarks.recordings import RATE, Recording
from engines.config.personas import PersonaBook
from engines.config.settings import load_settings
from engines.conversation.service import ConversationService
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnFailed
from engines.registry.registry import Registry
from engines.types import STAGES, AudioChunk
from tests.genuine import fetched

AUDIBLE_GOAL_MS, MEMORY_GOAL_MB = 850.0, 900.0
_AUDIBLE = 10 ** (-40 / 20)
"""Of the loudest sample of a reply: what is heard as its beginning."""


@dataclass
class Times:
    """One turn, in ms from the end of the recording."""

    transcript: float = np.nan
    text: float = np.nan
    sound: float = np.nan
    """When the first segment arrived."""
    audible: float = np.nan
    """When the first sound in it is heard, if it is played at once."""
    done: float = np.nan
    spoken: float = 0.0
    dry: float = 0.0
    """How long the sound stood still while more was to come."""


def measure(recordings: Sequence[Recording]) -> bool:
    """Print a row for each mind; whether the goals are reached."""
    english = [one for one in recordings if one.language == "en"]
    good = _row("scripted", "scripted", english, timed=True)
    mind, why = fetched("smollm2-135m")
    if mind is None:
        print(f"turn: no local mind to measure with: {why}")
        return good
    file = next(mind.glob("*.gguf"))
    return _row("SmolLM2 135M as load", f"llama_cpp:{file}", english, timed=False) and good


def _row(title: str, mind: str, recordings: Sequence[Recording], *, timed: bool) -> bool:
    settings = load_settings(llm=mind)
    registry = Registry(settings)
    service = ConversationService(settings, registry, PersonaBook(settings.personas_file))
    try:
        service.prepare()
        names = [registry.chosen(stage).info.title for stage in STAGES]
        list(service.greet("warm"))
        turns = [_turn(service, one) for one in recordings]
        engines = {stage: getattr(registry.engines(), stage).open() for stage in STAGES}
        pids = [engine.supervisor.pid for stage, engine in engines.items() if stage != "llm" and hasattr(engine, "supervisor")]
        memory = sum(psutil.Process(pid).memory_info().rss for pid in [*pids, psutil.Process().pid]) / 2**20
    finally:
        service.close()
    del service, registry, engines  # their processes end with them, before the next row begins
    dry = [one.dry for one in turns if one.dry > 0]
    audible = statistics.median(one.audible for one in turns)
    print(f"turn: {' + '.join(names)}, {len(turns)} recordings, median ms from their end:", end=" ")
    for name in ("transcript", "text", "sound", "audible", "done"):
        print(f"{name} {statistics.median(getattr(one, name) for one in turns):.0f}", end=", ")
    print(f"spoken {statistics.median(one.spoken for one in turns) / 1000:.1f} s")
    goal = f" (goal: {AUDIBLE_GOAL_MS:.0f} ms)" if timed else ""
    print(f"turn: {title}: first audible sound {audible:.0f} ms{goal};", end=" ")
    print(f"dry in {len(dry)} of {len(turns)} turns, {sum(dry) / 1000:.1f} s in all (goal: 0);", end=" ")
    print(f"memory without the mind {memory:.0f} MB (goal: {MEMORY_GOAL_MB:.0f} MB)")
    return not dry and memory <= MEMORY_GOAL_MB and (not timed or audible <= AUDIBLE_GOAL_MS)


def _turn(service: ConversationService, recording: Recording) -> Times:
    begun, times, ends = time.perf_counter(), Times(), 0.0

    def now() -> float:
        return (time.perf_counter() - begun) * 1000

    for event in service.hear(recording.name, AudioChunk(recording.samples, RATE)):
        match event:
            case TranscriptReady():
                times.transcript = now()
            case ReplyDelta() if np.isnan(times.text):
                times.text = now()
            case SegmentReady():
                arrived, audio = now(), event.segment.audio
                if np.isnan(times.sound):
                    loud = np.flatnonzero(np.abs(audio.samples) > _AUDIBLE * np.abs(audio.samples).max())
                    times.sound, times.audible = arrived, arrived + loud[0] * 1000 / audio.sample_rate
                    ends = arrived
                times.dry += max(0.0, arrived - ends)
                ends = max(ends, arrived) + audio.duration_ms
                times.spoken += audio.duration_ms
            case TurnCompleted():
                times.done = now()
            case TurnFailed():
                print(f"turn: {recording.name}: {event.message}")
    service.leave(recording.name)
    return times

"""500 turns on the embedded engines: how much resident memory, that of their processes included, grows after the first 50."""

from __future__ import annotations

import gc

import psutil

from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.events import TurnCompleted, TurnEvent
from engines.registry.registry import Registry
from engines.types import AudioChunk, Utterance

TURNS, WARM_UP, USERS = 500, 50, 5
QUESTIONS = ("Hello, who are you?", "Tell me something interesting.", "Why is that?", "What did I just say?", "Thank you, goodbye.")
TARGET_MB = 10


def main() -> None:
    """Print the growth; every tenth turn is spoken, the others are typed."""
    settings = Settings()
    service = ConversationService(settings, Registry(settings), PersonaBook(settings.personas_file))
    process, start, recording = psutil.Process(), 0, None
    for number in range(TURNS):
        utterance = Utterance(text=QUESTIONS[number % len(QUESTIONS)]) if number % 10 or recording is None else Utterance(audio=recording)
        last: TurnEvent | None = None
        for last in service.answer(f"user {number % USERS}", lambda utterance=utterance: utterance):
            recording = _sound_of(last) or recording
        assert isinstance(last, TurnCompleted) or utterance.audio is not None, last
        if number + 1 == WARM_UP:
            start = _resident(process)
    growth = (_resident(process) - start) / 2**20
    print(f"memory: {TURNS} embedded turns, resident {_resident(process) / 2**20:.0f} MB,", end=" ")
    print(f"growth after the first {WARM_UP}: {growth:.1f} MB (target: below {TARGET_MB} MB)")


def _resident(process: psutil.Process) -> int:
    gc.collect()
    return sum(int(one.memory_info().rss) for one in (process, *process.children()))


def _sound_of(event: TurnEvent) -> AudioChunk | None:
    segment = getattr(event, "segment", None)
    return segment.audio if segment is not None and segment.audio.duration_ms > 500 else None


if __name__ == "__main__":
    main()

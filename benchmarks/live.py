"""Listening: what it costs, and whether anything grows in 30 minutes of hands-free conversation, on a virtual clock.

The cost is processor time for a second of sound, of people's recordings with pauses between them, in shares of one core: the voice detector
and the end-of-turn model, without hearing the words. The conversation is one of short utterances and pauses; engines are stubs.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import turns
from engines.audio import decode, resample
from engines.config.personas import PersonaBook
from engines.config.settings import PROJECT_ROOT, Settings
from engines.conversation.service import ConversationService
from engines.events import TurnEvent
from engines.live.conversation import BargeIn, LiveConversation, UserSpeech
from engines.live.listener import Listener
from engines.turn_end.smart_turn import SmartTurn
from engines.vad.energy import Energy
from engines.vad.frames import FRAME, FRAME_MS, SAMPLE_RATE
from engines.vad.silero import Silero
from tests.conftest import StubEars, StubMind, StubRegistry, StubVoice, stub_engines

MOST_OF_A_CORE = 0.15
MINUTES, WARM_UP_MINUTES, MOST_GROWTH_MB = 30, 6, 1.0
TURN_S = 8.0


class Client:
    """Reads every answer at once."""

    def __init__(self) -> None:
        self.answered = 0
        self.idle = threading.Event()

    def tell(self, event: UserSpeech | BargeIn) -> None:
        """Notes nothing."""

    def answer(self, turn_id: str, events: Iterator[TurnEvent]) -> None:
        """Read on a thread of its own."""
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: Iterator[TurnEvent]) -> None:
        for _ in events:
            pass
        self.answered += 1
        self.idle.set()


def main() -> int:
    """Print both; 1 if a goal was missed."""
    share = _cost()
    print(f"listening costs {share:.1%} of one core (goal: {MOST_OF_A_CORE:.0%})")
    grown_mb, threads, answered = _growth()
    since = f"since minute {WARM_UP_MINUTES}"
    print(f"{MINUTES} minutes simulated, {answered} answers: {grown_mb:+.2f} MB and {threads:+d} threads {since} (goal: 0)")
    return 0 if share <= MOST_OF_A_CORE and grown_mb <= MOST_GROWTH_MB and threads <= 0 else 1


def _cost() -> float:
    sounds = [
        resample(decode(path.read_bytes(), max_ms=60_000), SAMPLE_RATE).samples for path in sorted(turns.RECORDINGS.glob("*.flac"))
    ] or [np.zeros(60 * SAMPLE_RATE, np.float32)]
    silence = np.zeros(SAMPLE_RATE, np.float32)
    heard = np.concatenate([part for sound in sounds for part in (sound, silence)])
    listener = Listener(Silero(turns.weights("silero-vad")).stream(), SmartTurn(turns.weights("smart-turn")))
    begun = time.process_time()
    for frame in heard[: len(heard) // FRAME * FRAME].reshape(-1, FRAME):
        for _ in listener.push(frame):
            pass
    return (time.process_time() - begun) / (len(heard) / SAMPLE_RATE)


def _growth() -> tuple[float, int, int]:
    client = Client()
    ears, mind, voice = StubEars(), StubMind(), StubVoice()
    service = ConversationService(Settings(), StubRegistry(stub_engines(ears, mind, voice)), PersonaBook(PROJECT_ROOT / "personas.yaml"))
    live = LiveConversation(service, "one", Listener(Energy(), None), client)
    random = np.random.default_rng(5)
    before = (0, 0)
    tracemalloc.start()
    for turn in range(round(MINUTES * 60 / TURN_S)):
        if turn == round(WARM_UP_MINUTES * 60 / TURN_S):
            before = _held()
        client.idle.clear()
        for frame in _utterance(random):
            live.hear(frame, audible=False)
        client.idle.wait(10)
        for noted in (ears.heard, mind.asked, voice.said):  # stubs keep what they were given, for tests
            noted.clear()
    after = _held()
    live.close()
    service.close()
    return (after[0] - before[0]) / 1e6, after[1] - before[1], client.answered


def _held() -> tuple[int, int]:
    """Bytes and threads."""
    time.sleep(0.3)  # threads that are through end
    gc.collect()
    return tracemalloc.get_traced_memory()[0], threading.active_count()


def _utterance(random: np.random.Generator) -> NDArray[np.float32]:
    """Frames of a voice that speaks, pauses, goes on, and is silent."""
    frames = round(TURN_S * 1000 / FRAME_MS)
    loud = np.zeros(frames, np.float32)
    loud[10:70], loud[78:110] = 0.2, 0.2
    noise: NDArray[np.float32] = random.standard_normal((frames, FRAME)).astype(np.float32)
    return noise * (loud + 1e-4)[:, None]


if __name__ == "__main__":
    sys.exit(main())

"""Speculation: from the end of speech to the first sound, with an answer that is begun in the pause and without; in real time.

People's recordings are heard by the genuine listener, Whisper and a voice; the chat model answers at once. Both ways end each turn at the
same moment, so the same turns are cut off. Without speculation the whole way to the first sound begins when the turn has ended.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from benchmarks import turns
from engines.audio import decode, resample
from engines.config.personas import PersonaBook
from engines.config.settings import PROJECT_ROOT, Settings
from engines.conversation.service import ConversationService
from engines.events import SegmentReady, TurnEvent
from engines.live.conversation import BargeIn, LiveConversation, UserSpeech
from engines.live.listener import Listener
from engines.stt import faster_whisper
from engines.tts import kokoro_onnx
from engines.turn_end.smart_turn import SmartTurn
from engines.types import AudioChunk
from engines.vad.frames import FRAME, SAMPLE_RATE
from engines.vad.silero import Silero
from tests.conftest import StubMind, StubRegistry, stub_engines

UTTERANCES, GOAL_MS = 8, 250.0
SILENCE_S = 4.0


class Client:
    """Notes when each turn ended, and when its first sound came."""

    def __init__(self) -> None:
        self.ended_at = self.sounded_at = 0.0
        self.answers, self.while_speaking = 0, 0
        self.speaking = False
        self.sounded = threading.Event()

    def tell(self, event: UserSpeech | BargeIn) -> None:
        """Note the end of a turn."""
        if isinstance(event, UserSpeech) and event.state == "ended":
            self.ended_at = time.monotonic()

    def answer(self, turn_id: str, events: Iterator[TurnEvent]) -> None:
        """Read on a thread of its own."""
        self.answers += 1
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: Iterator[TurnEvent]) -> None:
        for event in events:
            if isinstance(event, SegmentReady) and not event.segment.index:
                self.sounded_at = time.monotonic()
                self.while_speaking += self.speaking
                self.sounded.set()


def main() -> int:
    """Print both ways; 1 if the goal was missed."""
    detector, model = Silero(turns.weights("silero-vad")), SmartTurn(turns.weights("smart-turn"))
    ears = faster_whisper.load(faster_whisper.Options(), "cpu", turns.weights("whisper-base"))
    voice = kokoro_onnx.load(kokoro_onnx.Options(), "cpu", turns.weights("kokoro"))
    engines = stub_engines(ears, StubMind(["Well, that is a good question. ", "Let me think."]), voice)
    service = ConversationService(Settings(), StubRegistry(engines), PersonaBook(PROJECT_ROOT / "personas.yaml"))
    list(service.say("warm", "Hello."))
    begun, whole, false_starts, cut = [], [], 0, 0
    for number, sound in enumerate(_recordings()):
        client = Client()
        live = LiveConversation(service, f"live-{number}", Listener(detector.stream(), model), client)
        end_at = _spoken(live, client, sound)
        live.close()
        if not client.sounded.is_set() or client.answers > 1:  # nothing was understood, or the turn was cut off: both ways alike
            cut += 1
            continue
        false_starts += client.while_speaking
        begun.append((client.sounded_at - end_at) * 1000)
        waited = client.ended_at - end_at
        started = time.monotonic()
        for event in service.hear(f"whole-{number}", AudioChunk(sound, SAMPLE_RATE)):
            if isinstance(event, SegmentReady):
                whole.append((waited + time.monotonic() - started) * 1000)
                break
    service.close()
    time.sleep(2.0)  # what was thrown away ends before the program does
    saved = float(np.median(whole) - np.median(begun))
    print(f"{len(begun)} utterances ({cut} more cut off or not understood); end of speech to first sound, median:", end=" ")
    print(f"{np.median(whole):.0f} ms without, {np.median(begun):.0f} ms with speculation")
    print(f"{saved:.0f} ms sooner (goal: {GOAL_MS:.0f}); false starts heard: {false_starts} (goal: 0)")
    return 0 if saved >= GOAL_MS and not false_starts else 1


def _spoken(live: LiveConversation, client: Client, sound: np.ndarray) -> float:
    """Hear it as a microphone brings it; when the last sound was made."""
    heard = np.concatenate([np.zeros(SAMPLE_RATE // 4, np.float32), sound, np.zeros(round(SILENCE_S * SAMPLE_RATE), np.float32)])
    heard += np.random.default_rng(1).normal(0, 1e-4, len(heard)).astype(np.float32)
    end = SAMPLE_RATE // 4 + len(sound)
    started = time.monotonic()
    for frame in range(len(heard) // FRAME):
        late = started + (frame + 1) * FRAME / SAMPLE_RATE - time.monotonic()
        if late > 0:
            time.sleep(late)
        client.speaking = (frame + 1) * FRAME < end
        live.hear(heard[frame * FRAME : (frame + 1) * FRAME], audible=False)
        if client.sounded.is_set() and not client.speaking:
            break
    return started + end / SAMPLE_RATE


def _recordings() -> Iterator[np.ndarray]:
    """People's English, without the silence around it."""
    entries = json.loads((turns.RECORDINGS / "manifest.json").read_text("utf-8"))
    chosen = [entry for entry in entries if entry["language"] == "en" and entry["seconds"] > 1.7][:UTTERANCES]
    for entry in chosen:
        sound = resample(decode((turns.RECORDINGS / entry["file"]).read_bytes(), max_ms=60_000), SAMPLE_RATE).samples
        loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() * 0.02)
        yield sound[loud[0] : loud[-1] + 1]


if __name__ == "__main__":
    sys.exit(main())

"""Our pipeline as peer-bench wants it: `run_turn()` with that bench's stub engines, measured beside other frameworks.

python ../shared/peer-bench/bench_peers.py --ours benchmarks/peer_adapter.py --python .venv/bin/python
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from stub_engines import SAMPLE_RATE, Turn, llm_sync, stt_sync, tts_sync  # beside one_run.py, which has put itself on the path

from engines.conversation.turn import TurnRequest, run_turn
from engines.events import SegmentReady, TurnCompleted
from engines.registry.registry import EngineHandle, Engines
from engines.types import AudioChunk, ChatMessage, EngineInfo, Persona, PhonemeTiming, Speech, TextDelta, Transcript, Utterance, Voice

VERSION = "own"
THREADED = True

PERSONA = Persona(
    id="bench", name="Bench", line="", prompt="Answer.", language="en", voices=(), avatar="", greeting="", mood="neutral", colour="#000000"
)
RECORDING = AudioChunk(np.full(16_000, 0.1, np.float32), 16_000)


class Stub:
    """The three stub engines for one turn."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        return Transcript(stt_sync(self.turn))

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        return map(TextDelta, llm_sync(self.turn))

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        samples = np.frombuffer(tts_sync(self.turn, text), "<i2").astype(np.float32) / 32768
        yield Speech(AudioChunk(samples, SAMPLE_RATE), (PhonemeTiming("a", 0.0, 1000.0),), (), "measured")

    def voices(self) -> Sequence[Voice]:
        return ()


class Session:
    """One user."""

    def start(self) -> None:
        self.count = 0

    def run_turn(self, turn: Turn) -> None:
        stub = Stub(turn)
        infos = {stage: EngineInfo(name="stub", stage=stage, title="Stub", summary="") for stage in ("stt", "llm", "tts")}
        engines = Engines(**{stage: EngineHandle(info, lambda: stub) for stage, info in infos.items()})
        self.count += 1
        turn.hand_over()
        for event in run_turn(TurnRequest(f"turn-{self.count}", PERSONA, Utterance(audio=RECORDING)), engines):
            if isinstance(event, SegmentReady):
                turn.first_audio()
        assert isinstance(event, TurnCompleted), event

    def stop(self) -> None: ...

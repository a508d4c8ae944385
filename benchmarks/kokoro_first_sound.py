"""Kokoro on ONNX Runtime: first sound of a 25-word answer through a turn, against the network alone."""

from __future__ import annotations

import statistics
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.real_voice import loaded
from engines.concurrency.channel import CancelToken
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.turn import TurnRequest, run_turn
from engines.events import SegmentReady, TurnFailed
from engines.registry.registry import EngineHandle, Engines
from engines.text.sentences import sentences
from engines.tts._kokoro import Kokoro
from engines.types import STAGES, AudioChunk, ChatMessage, EngineInfo, Persona, TextDelta, Transcript, Utterance

ANSWERS = (
    "Well, that depends on the season, because in winter the harbour freezes over and the ferries only run on weekends from the old "
    "stone pier.",
    "Yes, of course, and the best place to begin is the little museum beside the river, where the guides know every story about the town.",
    "I'm glad you asked, because most people walk straight past the bakery on the corner without ever noticing how good the bread "
    "smells there today.",
)
"""25 words each, one sentence."""
UNBROKEN = (
    "The quickest way to learn a language is to speak it every single day with somebody who is patient and who enjoys correcting your "
    "mistakes."
)
"""The hardest case: 25 words without a comma, told of beside the targets."""
ROUNDS = 5
MOST_OF_ALONE, LEAST_SOONER = 1.05, 3.0


@dataclass(frozen=True)
class Ready:
    """Ears and a mind that cost nothing: the whole answer is there at once."""

    answer: str

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        return Transcript("Tell me.")

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        yield TextDelta(self.answer)


@dataclass(frozen=True)
class Times:
    """One round, in seconds."""

    clause: float
    """Kokoro alone makes the sound of the first clause."""
    turn: float
    """A turn begins → its first segment."""
    sentence: float
    """Kokoro alone makes the sound of the whole first sentence."""


def main() -> None:
    """Print the three times of every answer and their ratios, measured in turn."""
    warnings.filterwarnings("ignore")
    voice = loaded("tts", "kokoro_onnx")
    times = list[Times]()
    for answer in (*ANSWERS, UNBROKEN):
        clause, sentence = _alone(voice, _clause(answer)), _alone(voice, answer)
        rounds = [Times(_seconds(clause), _turn(voice, answer, str(number)), _seconds(sentence)) for number in range(ROUNDS)]
        times += rounds if answer != UNBROKEN else []
        print(f"kokoro first sound, {_clause(answer)!r}: {_summary(rounds)}", flush=True)
    print(f"kokoro first sound, {ROUNDS} rounds: {_summary(times)}", end=" ")
    print(f"(targets: at most {MOST_OF_ALONE} times the clause alone, at least {LEAST_SOONER:.0f} times sooner than the sentence)")


def _clause(answer: str) -> str:
    """What the voice is given first."""
    return next(sentences([TextDelta(answer)])).text


def _alone(voice: Kokoro, text: str) -> Callable[[], object]:
    """The network by itself on what the voice would give it: the notation is already there, nothing is done with the sound."""
    asked = list[tuple[Any, ...]]()
    say = voice.network.say
    voice.network.say = lambda *given: asked.append(given) or say(*given)
    list(voice.synthesize(text))
    voice.network.say = say
    (call,) = asked
    return lambda: say(*call)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _turn(voice: Kokoro, answer: str, turn_id: str) -> float:
    """A turn until its first segment; it is then ended, and its threads waited for."""
    ready = Ready(answer)
    infos = {stage: EngineInfo(name="kokoro_onnx" if stage == "tts" else stage, stage=stage, title=stage, summary="") for stage in STAGES}
    engines = Engines(
        EngineHandle(infos["stt"], lambda: ready), EngineHandle(infos["llm"], lambda: ready), EngineHandle(infos["tts"], lambda: voice)
    )
    persona = PersonaBook(Settings().personas_file).first(None)
    request = TurnRequest(turn_id, persona, Utterance(text="Tell me."))
    cancel, begun = CancelToken(), time.perf_counter()
    events = run_turn(request, engines, cancel)
    first = next((event for event in events if isinstance(event, SegmentReady | TurnFailed)), None)
    took = time.perf_counter() - begun
    if not isinstance(first, SegmentReady):
        raise SystemExit(f"The turn failed: {first}")
    cancel.cancel()
    for thread in threading.enumerate():
        if thread.name in {f"think-{turn_id}", f"speak-{turn_id}"}:
            thread.join()
    return took


def _summary(rounds: Sequence[Times]) -> str:
    clause, turn, sentence = (statistics.median(getattr(times, name) for times in rounds) for name in ("clause", "turn", "sentence"))
    of_alone = statistics.median(times.turn / times.clause for times in rounds)
    sooner = statistics.median(times.sentence / times.turn for times in rounds)
    return (
        f"clause alone {clause * 1000:.0f} ms, first sound of the turn {turn * 1000:.0f} ms, sentence alone {sentence * 1000:.0f} ms; "
        f"the turn takes {of_alone:.2f} times the clause and is {sooner:.1f} times sooner than the sentence"
    )


if __name__ == "__main__":
    main()

"""Interruptions: 100 at random moments of an answer; what the conversation remembers beside what had left the loudspeaker.

The voice is eSpeak NG, whose word times are exact. A word is heard if more than half of it was; numbers are written in one way and spoken
in another. The answer is stopped while its later sentences are still being made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from engines.concurrency.channel import CancelToken
from engines.conversation.conversation import Conversation, PlaybackPosition
from engines.conversation.turn import TurnRequest, run_turn
from engines.events import SegmentReady
from engines.text.speakable import speakable
from engines.tts import espeak_ng
from engines.types import Persona, SpeechSegment, Utterance
from tests.conftest import StubMind, stub_engines

INTERRUPTIONS, MOST_WORDS_OFF = 100, 1
ANSWERS = (
    "Well, a blue whale weighs up to 150 tons, and it eats 4 tons of krill a day. It sings, too: the song carries for 800 km under water.",
    "Yes! We open at 9:30 on Mondays, at 10 on Sundays. A ticket costs $12.50, children pay half. Dr. Smith will show you around.",
    "I grew up near the sea, in a small town that nobody knows. My father had a boat, my mother taught music, and I learned to swim first.",
    "No, that is a common mistake. The sun is about 8 light minutes away, so what you see is 8 minutes old. Strange, isn't it?",
)
PERSONA = Persona(
    id="one", name="One", line="", prompt="Answer.", language="en", voices=(), avatar="", greeting="", mood="neutral", colour="#000000"
)


def main() -> int:
    """Print how far off the remembered words are; 1 if one is off by more than a word."""
    random, voice = np.random.default_rng(7), espeak_ng.load(espeak_ng.Options(), "cpu", None)
    off: list[int] = []
    for number in range(INTERRUPTIONS):
        answer = ANSWERS[number % len(ANSWERS)]
        token, segments, at_ms = CancelToken(), list[SpeechSegment](), 0.0
        conversation = Conversation().begin("t")
        stop_ms = float(random.uniform(50, 9_000))
        for event in run_turn(TurnRequest("t", PERSONA, Utterance(text="?")), stub_engines(mind=StubMind(answer), voice=voice), token):
            conversation = conversation.after(event)
            if isinstance(event, SegmentReady):
                segments.append(event.segment)
                at_ms += event.segment.audio.duration_ms
            if at_ms > stop_ms:
                token.cancel()
                break
        index, begun = _playing(segments, stop_ms)
        conversation = conversation.cut(PlaybackPosition("t", index, stop_ms - begun))
        heard = sum(_heard(segment, stop_ms - begin) for segment, begin in _begins(segments))
        off.append(len(conversation.turns[-1].said.split()) - _written(answer, heard))
    worst = max(map(abs, off))
    exact = sum(each == 0 for each in off)
    print(f"{INTERRUPTIONS} interruptions: {exact} remembered to the word, at worst {worst} words off (goal: {MOST_WORDS_OFF})")
    return 0 if worst <= MOST_WORDS_OFF else 1


def _begins(segments: list[SpeechSegment]) -> Iterator[tuple[SpeechSegment, float]]:
    at = 0.0
    for segment in segments:
        yield segment, at
        at += segment.audio.duration_ms


def _playing(segments: list[SpeechSegment], at_ms: float) -> tuple[int, float]:
    """The segment that plays at that moment, and when it began."""
    return max(((number, begin) for number, (_, begin) in enumerate(_begins(segments)) if begin <= at_ms), default=(-1, 0.0))


def _heard(segment: SpeechSegment, until_ms: float) -> int:
    """How many of its spoken words had left the loudspeaker."""
    return sum(word.start_ms + word.duration_ms / 2 <= until_ms for word in segment.timeline.words)


def _written(answer: str, spoken: int) -> int:
    """How many words of the answer are said with that many spoken words: "$12.50" is said with five."""
    words = answer.split()
    return sum(len(speakable(" ".join(words[: end + 1]), "en").split()) <= spoken for end in range(len(words)))


if __name__ == "__main__":
    sys.exit(main())

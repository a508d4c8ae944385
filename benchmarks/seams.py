"""Seams: an answer of 20 sentences by a voice that takes 0.6 times as long as its sound, on a virtual clock; and how long its joins are.

The voice is Kokoro, whose sound is genuine and whose time is made up. It is played from its first sound on; where the next piece is not
there when the one before ends, that is an underrun. A join is the silence from the last sound of a piece to the first of the next one; it
is compared with what the punctuation wants.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks import turns
from engines.concurrency.channel import Channel
from engines.concurrency.deadlines import Deadlines, Limits
from engines.conversation.speech import segments
from engines.protocols import TextToSpeech
from engines.registry.registry import EngineHandle
from engines.speaking.pauses import pause_after
from engines.text.sentences import SentenceChunker
from engines.tts import kokoro_onnx
from engines.types import AudioChunk, Persona, Sentence, Speech, SpeechSegment, Voice

FACTOR, FARTHEST_MS, LEAD_MS, BELOW_DB = 0.6, 30.0, 30.0, 50.0
ANSWER = (
    "Well, that is quite a long story. I grew up in a small town near the sea, and my father was a fisherman. "
    "Every morning he went out before the sun came up. He came back at noon. "
    "Then all the neighbours stood around the boat that he had built himself, and they asked him what he had caught that day. "
) * 4
PERSONA = Persona(
    id="one", name="One", line="", prompt="", language="en", voices=(), avatar="", greeting="", mood="neutral", colour="#000000"
)


class Slow:
    """A voice that moves the clock by `FACTOR` of what it says."""

    def __init__(self, voice: TextToSpeech) -> None:
        self._voice, self.now = voice, 0.0
        self._made: dict[str, list[Speech]] = {}

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """The genuine sound."""
        if text not in self._made:
            self._made[text] = list(self._voice.synthesize(text, "af_heart"))
        for piece in self._made[text]:
            self.now += piece.audio.duration_ms / 1000 * FACTOR
            yield piece

    def voices(self) -> Sequence[Voice]:
        """The genuine ones."""
        return self._voice.voices()


def main() -> int:
    """Print underruns and joins; 1 if a goal was missed."""
    voice = Slow(kokoro_onnx.load(kokoro_onnx.Options(), "cpu", turns.weights("kokoro")))
    _said(voice)  # an answer before, from which it is known how fast the voice is
    voice.now = 0.0
    said = _said(voice)
    gaps = [gap for _, gap in said[1:] if gap > 0]
    first_s, sentences = said[0][1], len(SentenceChunker("en").push(ANSWER + "X"))
    print(f"{sentences} sentences in {len(said)} pieces at a real-time factor of {FACTOR}: first sound after {first_s:.1f} s", end="; ")
    print(f"{len(gaps)} underruns behind it, {sum(gaps) * 1000:.0f} ms in all (goal: 0)")
    off = [abs(got - wanted) for got, wanted in _joins([segment for segment, _ in said])]
    print(f"{len(off)} joins: median {np.median(off):.0f} ms, at worst {max(off):.0f} ms off what is wanted (goal: {FARTHEST_MS:.0f} ms)")
    return 0 if not gaps and max(off) <= FARTHEST_MS else 1


def _said(voice: Slow) -> list[tuple[SpeechSegment, float]]:
    """Each piece, and how long in seconds nothing was heard before it."""
    written = Channel[Sentence](100)
    chunker = SentenceChunker("en")
    for sentence in (*chunker.push(ANSWER), *chunker.finish()):
        written.put(sentence)
    written.close()
    handle: EngineHandle[TextToSpeech] = EngineHandle(kokoro_onnx.INFO, lambda: voice)
    silent_at, found = 0.0, list[tuple[SpeechSegment, float]]()
    for segment in segments(written, PERSONA, handle, deadlines=Deadlines(lambda: voice.now), worker="voice", limits=Limits()):
        found.append((segment, max(0.0, voice.now - silent_at)))
        silent_at = max(voice.now, silent_at) + segment.audio.duration_ms / 1000
    return found


def _joins(said: list[SpeechSegment]) -> Iterator[tuple[float, float]]:
    """(length, what is wanted) in ms of the silence between each two pieces."""
    for before, after in pairwise(said):
        words = "".join(word.text for word in before.timeline.words)
        behind, ahead = _silent_ms(before.audio, -1), _silent_ms(after.audio, 1)
        yield behind + ahead, pause_after(words, "" if not after.text else words) + LEAD_MS


def _silent_ms(sound: AudioChunk, direction: int) -> float:
    """The silence at the beginning (1) or the end (-1)."""
    samples: NDArray[np.float64] = sound.samples[::direction].astype(np.float64)
    window = sound.sample_rate // 200
    power = np.convolve(samples**2, np.full(window, 1 / window), "same")
    return float(np.argmax(power > power.max() * 10 ** (-BELOW_DB / 10))) * 1000 / sound.sample_rate


if __name__ == "__main__":
    sys.exit(main())

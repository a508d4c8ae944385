"""What the tests of Whispers that run here share: sounds, what a tiny model is made of, and how one fails to open.

A tiny model's decoder has no attention: its position alone decides the next token. So the text, its probability and the language found are
known, while loading, the gate before it, decoding and the tests of what is passed on are the genuine ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.audio import concatenate
from engines.tts import espeak_ng
from engines.types import AudioChunk

RATE = 16_000
SAYS = "Hello there, how are you?"
"""What a tiny model says unless it is told otherwise."""
WIDTH = 64
_PLACES = 448


@dataclass(frozen=True)
class Script:
    """What a tiny model answers to every sound."""

    says: str = f" {SAYS}"
    language: str = "de"
    sureness: float = 20.0
    """The score of what it says; every other token's is around 0."""
    doubt: float = 0.0
    """How much it thinks of another word at the same time."""
    at_start: str | None = None
    """What it thinks of before the language (``<|nospeech|>``)."""
    english: bool = False
    """Whether it knows no other language."""


USUAL = Script()


def weights_of(
    script: Script, count: int, encode: Callable[[str], list[int]], identify: Callable[[str], int], first_time: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The embeddings of `count` tokens, shape (count, 64), and of the places, (448, 64), and the weight of the decoder's last norm.

    `encode` and `identify` are the tokenizer's, of text and of a mark; `first_time` is the first token for a time.
    """
    tokens = np.random.default_rng(0).normal(size=(count, WIDTH)).astype(np.float32)
    tokens -= tokens.mean(axis=1, keepdims=True)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    text, end = encode(script.says), identify("<|endoftext|>")
    # The prompt's fourth token is <|notimestamps|>, or, beyond 30 s, what is answered to the third: the first of the times.
    before = [text[0]] if script.english else [identify(f"<|{script.language}|>"), identify("<|transcribe|>"), first_time]
    said = [*before, *text, end]
    places = tokens[said + [end] * (_PLACES - len(said))]
    places[len(before) : len(said)] += script.doubt * tokens[encode("z")[0]]
    if script.at_start:
        places[0] += 2 * tokens[identify(script.at_start)]
    return tokens * 0.01, places * 10, script.sureness * 100 / WIDTH**0.5  # a normalised row is 8 long, a token 0.01


@cache
def speech() -> AudioChunk:
    """A voice, at another rate than Whisper's."""
    voice = espeak_ng.load(espeak_ng.Options(), "cpu")
    return concatenate([part.audio for part in voice.synthesize("Hello there, how are you today? I have not seen you for a while.")])


def noise(level: float, seconds: float = 3.0) -> AudioChunk:
    return AudioChunk(np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32), RATE)


def click() -> AudioChunk:
    samples = noise(0.002).samples
    samples[20_000:20_200] = 0.5
    return AudioChunk(samples, RATE)

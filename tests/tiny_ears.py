"""What the tests of Whispers that run here share: sounds, what a tiny model is made of, and how one fails to open.

A tiny model's decoder has no attention: its position alone decides the next token. So the text, its probability and the language found are
known, while loading, the gate before it, decoding and the tests of what is passed on are the genuine ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.audio import concatenate
from engines.errors import SpeechToTextError
from engines.tts import espeak_ng
from engines.types import AudioChunk

RATE = 16_000
SAYS = "Hello there, how are you?"
"""What a tiny model says unless it is told otherwise."""
WIDTH = 64
_PLACES = 448


def weights_of(
    count: int, said: Sequence[int], end: int, *, sureness: float, doubt: float, doubted: int, at_start: int | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The embeddings of `count` tokens, shape (count, 64), and of the places, (448, 64), and the weight of the last norm.

    They answer every sound with the tokens `said`, the first of them in the place of the language, and then `end`. `doubt` is how much the
    model thinks of `doubted` at the same time; `at_start`, what it thinks of before the language.
    """
    tokens = np.random.default_rng(0).normal(size=(count, WIDTH)).astype(np.float32)
    tokens -= tokens.mean(axis=1, keepdims=True)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    places = tokens[[*said, *[end] * (_PLACES - len(said))]]
    places[3 : len(said) + 1] += doubt * tokens[doubted]
    if at_start is not None:
        places[0] += 2 * tokens[at_start]
    return tokens * 0.01, places * 10, sureness * 100 / WIDTH**0.5  # a normalised row is 8 long, a token 0.01


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


def fails(room: ModuleType, model: Path | str, **options: object) -> SpeechToTextError:
    """How a model fails to open."""
    with pytest.raises(SpeechToTextError) as caught:
        room.load(room.Options(model=str(model), **options), "cpu")
    assert caught.value.message.endswith((".", "hf auth login"))
    assert "\n" not in caught.value.message
    return caught.value

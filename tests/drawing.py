"""What tests of the film share: whether there is a way to draw here, and a speech whose every sound is known."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from avatar_assets.render import draw
from avatar_assets.render.backdrop import paint
from engines.errors import EngineError
from engines.types import AudioChunk, SpeechSegment, Viseme, VisemeName, VisemeTimeline, WordTiming

RATE = 24_000


@functools.cache
def _why_not() -> str:
    try:
        draw.context().release()
    except EngineError as error:
        return error.message
    return ""


def require_drawing() -> None:
    """Skip, saying why, where nothing can be drawn."""
    if why := _why_not():
        pytest.skip(why)


def room(size: int, colour: str = "#3a7f86") -> np.ndarray:
    """A square room for pictures."""
    return paint("plain", colour, dark=False, width=size, height=size)


def bursts(names: list[VisemeName], *, every_ms: float = 400, burst_ms: float = 120, text: str = "") -> SpeechSegment:
    """Bursts of a tone, each with one mouth shape; a word each, those of `text` if it is given."""
    samples = np.zeros(round(len(names) * every_ms * RATE / 1000), np.float32)
    visemes, words = [], []
    texts = text.split(" ") if text else [f"word{index}" for index in range(len(names))]
    for index, name in enumerate(names):
        begin = index * every_ms
        first, count = round(begin * RATE / 1000), round(burst_ms * RATE / 1000)
        samples[first : first + count] = 0.4 * np.sin(2 * np.pi * 500 * np.arange(count) / RATE)
        visemes.append(Viseme(name, begin, burst_ms))
    for index, word in enumerate(texts):
        words.append(WordTiming(word + (" " if index < len(texts) - 1 else ""), index * every_ms, every_ms * 0.9))
    return SpeechSegment(
        0, "".join(word.text for word in words), AudioChunk(samples, RATE), VisemeTimeline(tuple(visemes), tuple(words), "measured")
    )

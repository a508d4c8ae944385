"""Phoneme spans: which phoneme of which word sounds from when to when, and the silences between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engines.types import AudioChunk

SHORTEST_PAUSE_MS = 60.0
"""A shorter silence is the closure of the consonant that follows."""

STOPS = frozenset("p b t d k ɡ tʃ dʒ".split())
_TOUCHING_MS = 10.0
_WINDOW_MS = 10.0
_BELOW_LOUDEST_DB, _SILENCE_DBFS = 34.0, -60.0
"""What is quieter than that much below the loudest is silence, for a mouth: some voices breathe and rustle in their pauses."""


@dataclass(frozen=True, slots=True)
class Span:
    """One phoneme, or one pause, in a sound."""

    phoneme: str
    """IPA; empty for a pause."""
    word: int
    """Index of the word that it belongs to; -1 for a pause."""
    start_ms: float
    end_ms: float


def sounding(audio: AudioChunk, shortest_ms: float, below_db: float = _BELOW_LOUDEST_DB) -> list[tuple[float, float]]:
    """(start, end) in ms of each stretch between silences of at least `shortest_ms`; a silence is `below_db` below the loudest 10 ms."""
    window = max(1, round(audio.sample_rate * _WINDOW_MS / 1000))
    windows = np.zeros((-(-len(audio.samples) // window), window))
    windows.reshape(-1)[: len(audio.samples)] = audio.samples
    power = np.einsum("ij,ij->i", windows, windows)
    for part in (np.ones(window), np.linspace(-1, 1, window)):  # less the mean and the slope: rumble that is under some voices, unheard
        power -= np.einsum("ij,j->i", windows, part) ** 2 / np.square(part).sum()
    power /= window
    least = 10 ** (_SILENCE_DBFS / 10)
    loud = np.flatnonzero(power > max(least, float(power.max(initial=0.0)) * 10 ** (-below_db / 10)))
    if not len(loud):
        return []
    length_ms = window * 1000 / audio.sample_rate
    breaks = np.flatnonzero(np.diff(loud) * length_ms > shortest_ms)
    firsts, lasts = np.r_[loud[0], loud[breaks + 1]], np.r_[loud[breaks], loud[-1]] + 1
    return [(float(a) * length_ms, min(float(b) * length_ms, audio.duration_ms)) for a, b in zip(firsts, lasts, strict=True)]


def silences(audio: AudioChunk) -> list[tuple[float, float]]:
    """(start, end) in ms of each silence of at least `SHORTEST_PAUSE_MS`, also before the first sound and behind the last."""
    edges = [0.0, *(edge for stretch in sounding(audio, SHORTEST_PAUSE_MS) for edge in stretch), audio.duration_ms]
    return list(pairwise(edges))[::2]


def with_pauses(spans: Sequence[Span], audio: AudioChunk) -> list[Span]:
    """The same spans, with pauses between words as long as the silence there, which aligners like to give to the phonemes beside it.

    A silence inside a phoneme is the closure of a stop. One before a word that begins with a stop is a closure in its last 60 ms.
    """
    silent_parts = silences(audio)
    parts: list[Span] = []
    nothing = Span("", -1, 0.0, 0.0)
    for before, span, after in zip([nothing, *spans], spans, [*spans[1:], nothing], strict=False):
        start, end = span.start_ms, span.end_ms
        for silent, heard in silent_parts if span.phoneme else ():
            if before.word != span.word and silent < start + _TOUCHING_MS and start < heard < end:
                start = max(start, heard - (SHORTEST_PAUSE_MS if span.phoneme in STOPS else 0.0))
            if after.word != span.word and start < silent < end < heard + _TOUCHING_MS:
                end = silent
        parts += [Span("", -1, span.start_ms, start), replace(span, start_ms=start, end_ms=end), Span("", -1, end, span.end_ms)]
    paused: list[Span] = []
    for part in parts:
        if not part.phoneme and paused and not paused[-1].phoneme:
            paused[-1] = replace(paused[-1], end_ms=part.end_ms)
        elif part.phoneme or part.end_ms > part.start_ms:
            paused.append(part)
    return paused

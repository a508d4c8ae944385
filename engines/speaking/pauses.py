"""Pauses between pieces of speech: whatever silence a voice leaves around a piece, it is cut, or lengthened, to what the punctuation wants.

All of the pause stands behind a piece, so that the next one begins at once, and there is time to make it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.lipsync.oculus import visemes_of
from engines.lipsync.spans import sounding
from engines.types import AudioChunk, PhonemeTiming, Speech

_PAUSES_MS = dict.fromkeys(".!?…。！？｡．।॥؟۔։።", 280.0) | dict.fromkeys(";:—–；：؛", 180.0) | dict.fromkeys(",、，،", 120.0)
"""Silence behind each mark, to which the next piece adds `_LEAD_MS`, and the ear what dies away: people leave 0.25 to 0.45 s between two
sentences of one answer."""
_NEW_LINE, _SEAM_MS = ".", 20.0
"""A line that ends without a mark is a sentence; where a sentence is cut between two words, there is no pause."""
_CLOSERS = " \t\n\r\"'”’“‘»«›)]}）］」』】》〉*_~`"
_LEAD_MS = 30.0
"""Kept before the first sound …"""
_FADE_MS = 5.0
"""… and faded, so that no cut clicks."""
_BELOW_LOUDEST_DB = 50.0
"""What is quieter than this below the loudest 10 ms is silence; soft fricatives, breaths and bursts are louder."""
_BEFORE_MS, _BEHIND_MS = 80.0, 80.0
"""In a noisy sound, how much of the noise is taken for breath before the first phoneme, and for dying away behind the last."""


def pause_after(said: str, written: str) -> float:
    """The silence behind a piece, in ms: by its last mark, else by the last of the sentence that ends with it (empty if none does)."""
    line = _NEW_LINE if written[len(written.rstrip()) :].strip(" \t") else ""
    marks = (text.rstrip(_CLOSERS)[-1:] for text in (said, written))
    return next((_PAUSES_MS[mark] for mark in (*marks, line) if mark in _PAUSES_MS), _SEAM_MS)


def paused(speech: Speech, pause_ms: float) -> Speech:
    """The same piece with 30 ms before its first sound and so much silence behind its last; its times move with it.

    A sound in which nothing is heard stays as it is.
    """
    audio, rate = speech.audio, speech.audio.sample_rate
    heard = sounding(audio, audio.duration_ms, _BELOW_LOUDEST_DB)
    if not heard:
        return speech
    ((first, last),) = heard
    said = [phoneme for phoneme in speech.phonemes if visemes_of(phoneme.phoneme) != ("sil",)]
    if said:
        first = max(first, said[0].start_ms - _BEFORE_MS)
        last = min(last, max(phoneme.start_ms + phoneme.duration_ms for phoneme in said) + _BEHIND_MS)
    start, end = (round(max(edge, 0.0) * rate / 1000) for edge in (first - _LEAD_MS, last + pause_ms))
    kept_samples = audio.samples[start:end]
    samples = np.zeros(end - start, np.float32)
    samples[: len(kept_samples)] = kept_samples
    fade = np.linspace(0, 1, round(_FADE_MS * rate / 1000), dtype=np.float32)[: len(kept_samples)]
    if start:
        samples[: len(fade)] *= fade
    samples[len(kept_samples) - len(fade) : len(kept_samples)] *= fade[::-1]
    cut_ms, total = start * 1000 / rate, len(samples) * 1000 / rate

    def kept(start_ms: float, duration_ms: float) -> tuple[float, float]:
        begin = min(max(start_ms - cut_ms, 0.0), total)
        return begin, min(max(start_ms + duration_ms - cut_ms, begin), total) - begin

    phonemes = [(phoneme.phoneme, *kept(phoneme.start_ms, phoneme.duration_ms)) for phoneme in speech.phonemes]
    words = [
        replace(word, start_ms=begin, duration_ms=lasts)
        for word in speech.words
        for begin, lasts in [kept(word.start_ms, word.duration_ms)]
    ]
    return replace(
        speech,
        audio=AudioChunk(samples, rate),
        phonemes=tuple(PhonemeTiming(*phoneme) for phoneme in phonemes if phoneme[2] > 0),
        words=tuple(words),
    )

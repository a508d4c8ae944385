"""Phonemes in time → the mouth in time: `timeline` makes the ordered, non-overlapping visemes of one piece of speech. Pure arithmetic.

A mouth shape begins exactly where its phoneme begins. There is one exception: lips that meet must be seen to meet. P, B, M, F and V are
given at least 50 ms, three frames of a 60 Hz screen, taken from what precedes and then from what follows; each of these gives one Kokoro
frame (25 ms) at most, so that no onset moves further than that. What precedes comes first, because a picture that is early is noticed far
later than one that is late (ITU-R BT.1359: 125 ms against 45 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from engines.errors import TextToSpeechError
from engines.lipsync.oculus import visemes_of
from engines.types import PhonemeTiming, Speech, Viseme, VisemeName, VisemeTimeline, WordTiming

CLOSURE_MS = 50.0
"""Shortest time that lips are shown closed (PP) or on the teeth (FF), where the neighbours can spare it."""
FRAME_MS = 25.0
"""How far a closure may move an onset; and a consonant shorter than this is not formed at all, unless the lips close."""
NUCLEUS = 0.6
"""Share of a diphthong's time that its first vowel holds; the glide has the rest. Affricates and longer sequences are shared out evenly."""

_CLOSURES = frozenset[VisemeName]({"PP", "FF"})
_VOWELS = frozenset[VisemeName]({"aa", "E", "I", "O", "U"})
_EPSILON_MS = 1e-6


@dataclass(slots=True)
class _Span:
    name: VisemeName
    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


def timeline(speech: Speech) -> VisemeTimeline:
    """The mouth of one piece of speech: sorted, without overlaps, every duration above 0, inside the sound. All times are ms.

    Pauses are ``sil``; equal neighbours become one, so that "top part" closes the lips once; marks without a shape (stress, length, tone)
    lengthen what they follow; consonants under 25 ms are passed over (their time goes to the shape before), vowels never are. Phonemes may
    come unsorted or overlapping; whatever lies outside the sound is cut off.

    Raises:
        TextToSpeechError: ``bad_timing``, the voice gave a time that is no finite number.
    """
    total = speech.audio.duration_ms
    timings: tuple[PhonemeTiming | WordTiming, ...] = (*speech.phonemes, *speech.words)
    for timing in timings:
        if not (isfinite(timing.start_ms) and isfinite(timing.duration_ms)):
            raise TextToSpeechError(
                f"The voice gave a time that is no number: {timing}. Try another voice.", code="bad_timing", counts_against_engine=True
            )
    spans = _merged(_shapes(speech.phonemes, total))
    spans = _merged(_without_flickers(spans))
    _lengthen_closures(spans, total)
    return VisemeTimeline(
        visemes=tuple(Viseme(s.name, s.start, s.duration) for s in _merged([s for s in spans if s.duration > _EPSILON_MS])),
        words=tuple(_clipped(word, total) for word in speech.words),
        source=speech.timing,
    )


def _shapes(phonemes: tuple[PhonemeTiming, ...], total: float) -> list[_Span]:
    """Every phoneme's shapes in its own time, which ends where the next one begins at the latest."""
    ordered = sorted(phonemes, key=lambda p: p.start_ms)
    starts = [min(max(p.start_ms, 0.0), total) for p in ordered]
    spans: list[_Span] = []
    for phoneme, (start, limit) in zip(ordered, pairwise([*starts, total]), strict=True):
        end = min(max(phoneme.start_ms + phoneme.duration_ms, start), limit)
        names = visemes_of(phoneme.phoneme)
        if not names:
            if spans and spans[-1].end >= start - _EPSILON_MS:
                spans[-1].end = end
        elif len(names) == 2 and names[0] in _VOWELS:
            middle = start + NUCLEUS * (end - start)
            spans += [_Span(names[0], start, middle), _Span(names[1], middle, end)]
        else:
            edges = [start + (end - start) * i / len(names) for i in range(len(names))] + [end]
            spans += [_Span(name, a, b) for name, (a, b) in zip(names, pairwise(edges), strict=True)]
    return spans


def _merged(spans: list[_Span]) -> list[_Span]:
    """Equal shapes that touch become one."""
    merged: list[_Span] = []
    for span in spans:
        if merged and merged[-1].name == span.name and span.start - merged[-1].end <= _EPSILON_MS:
            merged[-1].end = span.end
        else:
            merged.append(span)
    return merged


def _without_flickers(spans: list[_Span]) -> list[_Span]:
    """Drop what is too short to be formed, and everything without duration but a closure, which is still to be given one."""
    kept: list[_Span] = []
    for span in spans:
        touches = bool(kept) and kept[-1].name != "sil" and span.start - kept[-1].end <= _EPSILON_MS
        if span.name in _CLOSURES or span.duration >= FRAME_MS:
            kept.append(span)
        elif touches and span.name not in _VOWELS and span.name != "sil":
            kept[-1].end = span.end
        elif span.duration > _EPSILON_MS:
            kept.append(span)
    return kept


def _lengthen_closures(spans: list[_Span], total: float) -> None:
    """Give each closure its least time: up to a frame from before it, then up to a frame from after it."""
    for i, span in enumerate(spans):
        if span.name not in _CLOSURES:
            continue
        before = spans[i - 1] if i else _Span("sil", 0.0, 0.0)
        take = min(CLOSURE_MS - span.duration, FRAME_MS, span.start - before.end + _spare(before))
        if take > 0:
            span.start -= take
            before.end = min(before.end, span.start)
        after = spans[i + 1] if i + 1 < len(spans) else _Span("sil", total, total)
        take = min(CLOSURE_MS - span.duration, FRAME_MS, after.start - span.end + _spare(after))
        if take > 0:
            span.end += take
            after.start = max(after.start, span.end)


def _spare(lender: _Span) -> float:
    """What a neighbour can give: all of a pause, of another closure what is over, of any other shape as long as it keeps a frame."""
    keeps = 0.0 if lender.name == "sil" else CLOSURE_MS if lender.name in _CLOSURES else FRAME_MS
    return max(0.0, lender.duration - keeps)


def _clipped(word: WordTiming, total: float) -> WordTiming:
    start = min(max(word.start_ms, 0.0), total)
    return WordTiming(word.text, start, min(max(word.start_ms + word.duration_ms, start), total) - start)

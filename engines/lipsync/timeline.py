"""Viseme timeline: the ordered, non-overlapping mouth shapes of one piece of speech, from its phonemes and their times. Pure arithmetic.

A viseme begins exactly where its phoneme begins, with one exception: closed lips must be visible. P, B, M, F and V get at least 50 ms,
three frames of a 60 Hz screen, taken from the viseme before and then from the one after. Each gives at most one Kokoro frame (25 ms), so no
onset moves further than that. The one before gives first, because viewers notice late lips sooner than early ones (ITU-R BT.1359: sound
that is 45 ms early is noticed, and sound that is 125 ms late).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

from engines.config.shared import shared
from engines.errors import TextToSpeechError
from engines.lipsync.oculus import is_glottal, visemes_of
from engines.types import PhonemeTiming, Speech, Viseme, VisemeName, VisemeTimeline, WordTiming

CLOSURE_MS = 50.0
"""Shortest duration of closed lips (PP) or lip on teeth (FF), where the neighbours can give it."""
FRAME_MS = 25.0
"""How far a closure may move an onset; a shorter consonant is left out, unless it closes the lips."""
NUCLEUS = 0.6
"""Share of a diphthong's duration that its first vowel gets. Affricates and longer sequences are divided evenly."""

_CLOSURES = frozenset[VisemeName](shared("lipsync/visemes.json")["closures"])
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


def viseme_timeline(speech: Speech, language: str = "") -> VisemeTimeline:
    """The visemes of one piece of speech in a language (primary subtag): sorted, without overlaps, all above 0, within the sound.

    All times are ms.

    Pauses are ``sil``. Equal neighbours are merged, so that "top part" closes the lips once. Marks without a viseme (stress, length, tone)
    lengthen the viseme before them. Consonants under 25 ms are left out (the viseme before gets their time), vowels are not. Phonemes may
    be unsorted or overlap; what lies outside the sound is cut off.

    Raises:
        TextToSpeechError: ``bad_timing``, the voice gave a time that is not a finite number.
    """
    total = speech.audio.duration_ms
    timings: tuple[PhonemeTiming | WordTiming, ...] = (*speech.phonemes, *speech.words)
    for timing in timings:
        if not (isfinite(timing.start_ms) and isfinite(timing.duration_ms)):
            raise TextToSpeechError(
                f"The voice gave a time that is no number: {timing}. Try another voice.", code="bad_timing", counts_against_engine=True
            )
    spans = _merged(_shapes(speech.phonemes, total, language))
    spans = _merged(_without_flickers(spans))
    _lengthen_closures(spans, total)
    return VisemeTimeline(
        visemes=tuple(Viseme(s.name, s.start, s.duration) for s in _merged([s for s in spans if s.duration > _EPSILON_MS])),
        words=tuple(_clipped(word, total) for word in speech.words),
        source=speech.timing,
    )


def timeline_fields(timeline: VisemeTimeline) -> dict[str, Any]:
    """Words and visemes with their times in ms, in the fields of HeadTTS and TalkingHead, and ``timing``, its source."""
    return {
        "words": [word.text for word in timeline.words],
        "wtimes": [round(word.start_ms, 2) for word in timeline.words],
        "wdurations": [round(word.duration_ms, 2) for word in timeline.words],
        "visemes": [viseme.name for viseme in timeline.visemes],
        "vtimes": [round(viseme.start_ms, 2) for viseme in timeline.visemes],
        "vdurations": [round(viseme.duration_ms, 2) for viseme in timeline.visemes],
        "timing": timeline.source,
    }


def _shapes(phonemes: tuple[PhonemeTiming, ...], total: float, language: str) -> list[_Span]:
    """The visemes of every phoneme, in its own time, which ends at the latest where the next phoneme begins."""
    ordered = sorted(phonemes, key=lambda p: p.start_ms)
    starts = [min(max(p.start_ms, 0.0), total) for p in ordered]
    spans: list[_Span] = []
    followers = [*(phoneme.phoneme for phoneme in ordered[1:]), ""][: len(ordered)]
    for phoneme, following, (start, limit) in zip(ordered, followers, pairwise([*starts, total]), strict=True):
        end = min(max(phoneme.start_ms + phoneme.duration_ms, start), limit)
        names = visemes_of(phoneme.phoneme, language)
        if is_glottal(phoneme.phoneme) and (shape := visemes_of(following, language)[:1]) and shape[0] in _VOWELS:
            names = shape
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
    """Merge equal visemes that touch."""
    merged: list[_Span] = []
    for span in spans:
        if merged and merged[-1].name == span.name and span.start - merged[-1].end <= _EPSILON_MS:
            merged[-1].end = span.end
        else:
            merged.append(span)
    return merged


def _without_flickers(spans: list[_Span]) -> list[_Span]:
    """Leave out consonants that are too short, and whatever has no duration, except closures, which are lengthened later."""
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
    """Give each closure its least duration: up to a frame from the viseme before, then up to a frame from the one after."""
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
    """How much a neighbour can give, in ms: all of a pause; a closure keeps its least duration, any other viseme keeps a frame."""
    keeps = 0.0 if lender.name == "sil" else CLOSURE_MS if lender.name in _CLOSURES else FRAME_MS
    return max(0.0, lender.duration - keeps)


def _clipped(word: WordTiming, total: float) -> WordTiming:
    start = min(max(word.start_ms, 0.0), total)
    return WordTiming(word.text, start, min(max(word.start_ms + word.duration_ms, start), total) - start)

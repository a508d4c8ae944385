"""Sound times: the times that a synthesizer tells, moved to where its sound is. The one home of every voice engine's offset.

A neural voice decides how long each phoneme lasts before it makes the sound, and the sound that it makes does not begin exactly there. By
how much is a property of the model, measured against the sound by ``python -m benchmarks lips``, whose docstring says how. Besides, such a
model gives the pause behind a word to the last phoneme of the word, so that the mouth would stay in its last shape while nothing is heard.
So the edges of every pause are taken from the sound. All of it goes for words too, which captions follow.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from engines.lipsync.oculus import visemes_of
from engines.lipsync.spans import STOPS, silences
from engines.types import PhonemeTiming, Speech, WordTiming


class Offset(NamedTuple):
    """How the times of an engine lie to its sound, measured."""

    late_ms: float
    """By how much they come after the sound: the median of all onsets."""
    spread_ms: float
    """How far from the sound 90 % of the mouth's onsets are at most, once corrected."""
    holds_pauses: bool
    """Whether the last phoneme of a word holds the pause behind it."""


OFFSETS = {
    "espeak_ng": Offset(0.0, 25.0, holds_pauses=False),
    "kokoro": Offset(50.0, 32.0, holds_pauses=True),
    "kokoro_onnx": Offset(50.0, 32.0, holds_pauses=True),
    "openai_compatible": Offset(0.0, 30.0, holds_pauses=False),
    "piper": Offset(0.0, 31.0, holds_pauses=True),
}
"""By the name of the engine, alike in all its languages; measured by ``python -m benchmarks lips``. eSpeak NG reports its phonemes while it
makes them, and what a server says is aligned with the sound. An engine that is not here is taken at its word."""

_LONGEST_CLOSURE_MS = 120.0
"""A silence beside a stop is its closure, unless it is longer or the engine tells a pause there."""
_CLOSURE_MS = 60.0
"""How much of a pause is the closure of the stop before or after it."""
_NEAR_MS = 120.0
"""How far a silence may be from where the engine tells that two words meet."""
_LEAST_MS = 25.0
"""What an edge leaves of a phoneme."""
_EPSILON_MS = 1e-6


@dataclass(slots=True)
class _Sound:
    name: str
    start: float
    end: float
    word: int
    is_stop: bool
    paused: bool
    """Whether the engine tells a pause before it."""


def corrected(speech: Speech, engine: str) -> Speech:
    """The same sound with the times at which it is heard, phonemes and words; unchanged where `OFFSETS` knows of no error."""
    offset = OFFSETS.get(engine)
    if offset is None or not offset.holds_pauses or not (sounds := _sounds(speech, offset.late_ms)):
        return speech
    total = speech.audio.duration_ms
    _move_edges(sounds, silences(speech.audio), total)
    phonemes, now = list[PhonemeTiming](), 0.0
    for sound in sounds:
        sound.start = min(max(sound.start, now), total)
        sound.end = min(max(sound.end, sound.start), total)
        if sound.start > now:
            phonemes.append(PhonemeTiming("", now, sound.start - now))
        phonemes.append(PhonemeTiming(sound.name, sound.start, sound.end - sound.start))
        now = sound.end
    if now < total:
        phonemes.append(PhonemeTiming("", now, total - now))
    return replace(speech, phonemes=tuple(phonemes), words=_words(speech.words, sounds))


def _sounds(speech: Speech, late_ms: float) -> list[_Sound]:
    """What is heard, without the pauses, earlier by the offset."""
    starts = [word.start_ms for word in speech.words if word.duration_ms > 0]
    numbers = [number for number, word in enumerate(speech.words) if word.duration_ms > 0]
    sounds, paused = list[_Sound](), False
    for phoneme in speech.phonemes:
        if visemes_of(phoneme.phoneme) == ("sil",):
            paused = True
            continue
        at = bisect_right(starts, phoneme.start_ms + _EPSILON_MS) - 1
        start = phoneme.start_ms - late_ms
        is_stop = any(letter in STOPS for letter in phoneme.phoneme)
        sounds.append(_Sound(phoneme.phoneme, start, start + phoneme.duration_ms, numbers[at] if at >= 0 else -1, is_stop, paused))
        paused = False
    return sounds


def _move_edges(sounds: Sequence[_Sound], silent_parts: Sequence[tuple[float, float]], total: float) -> None:
    """Let the words beside every silence end and begin with it, the longest silences first; closures inside words stay as they are."""
    meets = {at for at in range(1, len(sounds)) if sounds[at].word != sounds[at - 1].word or sounds[at].paused}
    for start, end in sorted(silent_parts, key=lambda part: part[0] - part[1]):
        if start <= 0:
            _begin(sounds[0], start, end)
        elif end >= total:
            _end(sounds[-1], start)
        elif meets:
            at = min(meets, key=lambda at: max(sounds[at - 1].end - end, start - sounds[at].start))
            before, after = sounds[at - 1], sounds[at]
            far = max(before.end - end, start - after.start) > _NEAR_MS
            closure = (before.is_stop or after.is_stop) and not after.paused and end - start < _LONGEST_CLOSURE_MS
            if not far and not closure and before.start < end and after.end > start:
                meets.remove(at)
                _end(before, start)
                _begin(after, max(start, before.end), end)


def _end(sound: _Sound, silent_ms: float) -> None:
    least = _CLOSURE_MS if sound.is_stop else _LEAST_MS
    sound.end = max(silent_ms, min(sound.end, sound.start + least))


def _begin(sound: _Sound, silent_ms: float, heard_ms: float) -> None:
    start = max(silent_ms, heard_ms - _CLOSURE_MS) if sound.is_stop else heard_ms
    sound.start = min(start, max(sound.end - _LEAST_MS, silent_ms))


def _words(words: Sequence[WordTiming], sounds: Sequence[_Sound]) -> tuple[WordTiming, ...]:
    edges: dict[int, tuple[float, float]] = {}
    for sound in sounds:
        edges[sound.word] = (edges.get(sound.word, (sound.start, 0.0))[0], sound.end)
    moved, now = list[WordTiming](), 0.0
    for number, word in enumerate(words):
        start, now = edges.get(number, (now, now))
        moved.append(WordTiming(word.text, start, now - start))
    return tuple(moved)

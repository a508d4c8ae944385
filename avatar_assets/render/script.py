"""What is said in a film and when: the segments of a turn, laid one after another on the film's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.audio import resample
from engines.types import AudioChunk, Cue, SpeechSegment, Viseme, WordTiming

SAMPLE_RATE = 48_000
"""Of the film's sound, in Hz: what AAC and Opus both take."""
LEAD_MS, TAIL_MS = 400.0, 700.0
"""A face before the first word, for the mouth sets off before the sound; and after the last."""
LINE_CHARS = 42
"""Most characters in a caption's line (the usual rule of subtitling); a caption has at most two."""
_LONGEST_CAPTION_MS = 6000.0
_SENTENCE_ENDS = tuple(".?!…。？！")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One stretch of speech without a gap, in ms of the film."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands below the picture for a while, in ms of the film."""

    start_ms: float
    end_ms: float
    text: str
    """One or two lines."""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A whole speech on the film's clock; times are ms from the film's beginning."""

    audio: AudioChunk
    """Mono, `SAMPLE_RATE`, silence before and after included: its length is the film's."""
    visemes: tuple[Viseme, ...]
    words: tuple[WordTiming, ...]
    phrases: tuple[Phrase, ...]
    cues: tuple[Cue, ...] = ()
    """What is acted meanwhile."""


def script_of(segments: Sequence[SpeechSegment]) -> Script:
    """Lay the segments one after another, as the page plays them."""
    pieces = [np.zeros(_samples(LEAD_MS), np.float32)]
    visemes: list[Viseme] = []
    words: list[WordTiming] = []
    phrases: list[Phrase] = []
    cues: list[Cue] = []
    for segment in segments:
        begin = _ms(sum(map(len, pieces)))
        pieces.append(resample(segment.audio, SAMPLE_RATE).samples)
        visemes += [replace(viseme, start_ms=begin + viseme.start_ms) for viseme in segment.timeline.visemes]
        whole = (WordTiming(segment.text, 0.0, segment.audio.duration_ms),) if segment.text.strip() else ()
        words += [replace(word, start_ms=begin + word.start_ms) for word in segment.timeline.words or whole]
        cues += [replace(cue, start_ms=begin + cue.start_ms) for cue in segment.cues]
        phrases.append(Phrase(begin, begin + segment.audio.duration_ms))
    pieces.append(np.zeros(_samples(TAIL_MS), np.float32))
    return Script(AudioChunk(np.concatenate(pieces), SAMPLE_RATE), tuple(visemes), tuple(words), tuple(phrases), tuple(cues))


def captions(script: Script) -> list[Caption]:
    """The spoken words in captions of at most two lines; none outlasts a sentence."""
    groups: list[list[WordTiming]] = []
    for word in script.words:
        if not groups or _full(groups[-1], word):
            groups.append([])
        groups[-1].append(word)
    found: list[Caption] = []
    for group in groups:
        if text := "".join(word.text for word in group).strip():
            last = group[-1]
            found.append(Caption(group[0].start_ms, last.start_ms + last.duration_ms, _in_lines(text)))
    for index, following in enumerate(found[1:]):
        found[index] = replace(found[index], end_ms=min(found[index].end_ms, following.start_ms))
    return found


def _full(group: list[WordTiming], word: WordTiming) -> bool:
    text = "".join(one.text for one in group)
    long = word.start_ms + word.duration_ms - group[0].start_ms > _LONGEST_CAPTION_MS
    return text.rstrip().endswith(_SENTENCE_ENDS) or len(text + word.text.rstrip()) > 2 * LINE_CHARS - 8 or long


def _in_lines(text: str) -> str:
    """Two lines where one would be too long, broken at the space nearest to the middle."""
    spaces = [at for at, letter in enumerate(text) if letter == " "]
    if len(text) <= LINE_CHARS or not spaces:
        return text
    at = min(spaces, key=lambda space: abs(space - len(text) / 2))
    return f"{text[:at]}\n{text[at + 1 :]}"


def _samples(ms: float) -> int:
    return round(ms * SAMPLE_RATE / 1000)


def _ms(samples: int) -> float:
    return samples * 1000 / SAMPLE_RATE

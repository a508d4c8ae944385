"""Captions: timed words in groups that can be read at a glance, and as files of subtitles (SRT, WebVTT)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engines.types import WordTiming

LINE_CHARS = 42
"""Most characters in a caption's line (the usual rule of subtitling); a caption has at most two."""
_LONGEST_MS = 6000.0
_SENTENCE_ENDS = tuple(".?!…。？！")


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands below the picture for a while, in ms from the start."""

    start_ms: float
    end_ms: float
    text: str
    """One or two lines."""


def captions(words: Iterable[WordTiming]) -> list[Caption]:
    """Spoken words in captions of at most two lines; none outlasts a sentence."""
    groups: list[list[WordTiming]] = []
    for word in words:
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


def srt(shown: Sequence[Caption]) -> str:
    """Captions as a SubRip file."""
    return "\n".join(
        f"{number}\n{_clock(one.start_ms, ',')} --> {_clock(one.end_ms, ',')}\n{one.text}\n" for number, one in enumerate(shown, 1)
    )


def vtt(shown: Sequence[Caption]) -> str:
    """Captions as a WebVTT file (https://www.w3.org/TR/webvtt1/)."""
    cues = (f"{_clock(one.start_ms, '.')} --> {_clock(one.end_ms, '.')}\n{_escaped(one.text)}\n" for one in shown)
    return "\n".join(["WEBVTT\n", *cues])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: float, point: str) -> str:
    seconds, rest = divmod(round(ms), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _full(group: list[WordTiming], word: WordTiming) -> bool:
    text = "".join(one.text for one in group)
    long = word.start_ms + word.duration_ms - group[0].start_ms > _LONGEST_MS
    return text.rstrip().endswith(_SENTENCE_ENDS) or len(text + word.text.rstrip()) > 2 * LINE_CHARS - 8 or long


def _in_lines(text: str) -> str:
    """Two lines where one would be too long, broken at the space nearest to the middle."""
    spaces = [at for at, letter in enumerate(text) if letter == " "]
    if len(text) <= LINE_CHARS or not spaces:
        return text
    at = min(spaces, key=lambda space: abs(space - len(text) / 2))
    return f"{text[:at]}\n{text[at + 1 :]}"
